package wecom_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"signet/internal/core"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The app of most tests. The secret is of the kind that must never be seen.
const (
	corp   = core.CorpID("ww0123456789abcdef")
	agent  = core.AgentID("1000247")
	secret = "CANARYcorpSecret0000000000000000000000000A"
)

func newFake(t *testing.T, cfg wecomtest.Config) *wecomtest.Server {
	t.Helper()
	fake := wecomtest.Start(t, cfg)
	fake.AddApp(wecomtest.App{Corp: corp, Agent: agent, Name: "客户", Secret: secret, Domains: []string{"crm.example.com"}})
	return fake
}

// newClient makes a client that does not wait between tries.
func newClient(t *testing.T, base string, change ...func(*wecom.Config)) *wecom.Client {
	t.Helper()
	cfg := wecom.Config{BaseURL: base, Jitter: func(time.Duration) time.Duration { return 0 }}
	for _, c := range change {
		c(&cfg)
	}
	client, err := wecom.New(cfg)
	require.NoError(t, err)
	return client
}

func asError(t *testing.T, err error) *wecom.Error {
	t.Helper()
	var e *wecom.Error
	require.ErrorAs(t, err, &e)
	return e
}

// pipes is a network in memory, so that a test can stand in synctest's time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inBubble gives a fake and a client that live in synctest's time, and the
// function that ends them.
func inBubble(t *testing.T, cfg wecom.Config) (*wecomtest.Server, *wecom.Client, func()) {
	t.Helper()
	fake := wecomtest.New(wecomtest.Config{})
	fake.AddApp(wecomtest.App{Corp: corp, Agent: agent, Name: "客户", Secret: secret})
	network := newPipes()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- fake.Serve(ctx, network) }()

	cfg.BaseURL = "http://127.0.0.1"
	client, err := wecom.New(cfg)
	require.NoError(t, err)
	client.DialWith(network.dial)
	return fake, client, func() {
		cancel()
		require.NoError(t, <-done)
	}
}
