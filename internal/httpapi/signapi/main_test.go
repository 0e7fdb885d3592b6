package signapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"signet/internal/fault"
	"signet/internal/signing"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),    // as long as the process lives
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"), // looks up every ten seconds
	)
}

const (
	knownKey   = "app_examplekeyexamplekeyexampa"
	page       = "https://crm.example.com/sidebar?x=1"
	pageOrigin = "https://crm.example.com"
	legacyHost = "crm.example.com"
	nonceText  = "Wm3WZYTPz0wzccnW"
	configHex  = "0f9de62fce790f9a083d5c99e95740ceb90c27ed"
	agentHex   = "f4d90daf4b3bca3078ab155816175ba34c443a7b"
)

// signer behaves as the Signer does for one app that trusts one host, in the
// contract's order, and remembers what it was asked.
type signer struct {
	mu    sync.Mutex // guards asked
	asked []signing.Request
	fail  error // instead of the tickets
}

func (s *signer) Sign(_ context.Context, r signing.Request) (signing.Answer, error) {
	a, err := s.admit(r)
	copy(a.Config[:], configHex)
	copy(a.AgentConfig[:], agentHex)
	return a, err
}

func (s *signer) SignConfig(_ context.Context, r signing.Request) (signing.Answer, error) {
	a, err := s.admit(r)
	copy(a.Config[:], configHex)
	return a, err
}

func (s *signer) SignAgentConfig(_ context.Context, r signing.Request) (signing.Answer, error) {
	a, err := s.admit(r)
	copy(a.AgentConfig[:], agentHex)
	return a, err
}

func (s *signer) admit(r signing.Request) (a signing.Answer, err error) {
	s.mu.Lock()
	s.asked = append(s.asked, r)
	s.mu.Unlock()
	cut, _, _ := strings.Cut(r.Page, "#")
	isPage := strings.HasPrefix(cut, "https://") && !strings.ContainsAny(cut, " \x00\x7f") && len(cut) <= 2048
	for i := range len(cut) {
		isPage = isPage && cut[i] > ' ' && cut[i] < 0x7f
	}
	isTrusted := strings.HasPrefix(cut, pageOrigin+"/")
	switch {
	case r.Page == "":
		return a, fault.New(fault.URLMissing, nil)
	case r.AppKey == "" && !isTrusted:
		return a, fault.New(fault.AppMissing, nil)
	case r.AppKey != "" && r.AppKey != knownKey:
		return a, fault.New(fault.AppUnknown, nil)
	case !isPage:
		return a, fault.New(fault.URLInvalid, nil).WithReason(fault.ReasonURLScheme)
	case !isTrusted:
		return a, fault.New(fault.URLUntrusted, fault.Args{"host": hostOf(cut)})
	case r.HasOrigin && r.Origin != pageOrigin:
		return a, fault.New(fault.OriginUntrusted, nil)
	case s.fail != nil:
		return a, s.fail
	}
	a = signing.Answer{CorpID: "wwexamplecorp00001", AgentID: "1000247", URL: cut, Timestamp: 1763787600}
	copy(a.Nonce[:], nonceText)
	return a, nil
}

// last gives what the Signer was asked last.
func (s *signer) last(t *testing.T) signing.Request {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NotEmpty(t, s.asked, "the Signer was not asked")
	return s.asked[len(s.asked)-1]
}

func (s *signer) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// bundle is one listener with its Signer and its log.
type bundle struct {
	signer  *signer
	address string
	log     *logBook
}

type logBook struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func setup(t testing.TB, change func(*Config)) bundle {
	t.Helper()
	b := bundle{signer: &signer{}, log: &logBook{}}
	cfg := Config{Signer: b.signer, Log: slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&cfg)
	}
	b.address = serve(t, New(cfg))
	return b
}

func serve(t testing.TB, app *fiber.App) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- app.Listener(listener) }()
	t.Cleanup(func() {
		require.NoError(t, app.ShutdownWithTimeout(5*time.Second))
		_ = listener.Close() // for a test that was over before the app had begun to serve
		require.NoError(t, <-done)
	})
	return listener.Addr().String()
}

// answer is an answer that was read whole.
type answer struct {
	*http.Response
	body []byte
}

// ask sends a request; headers are name and value by turns.
func (b bundle) ask(t testing.TB, method, target, body string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequest(method, "http://"+b.address, strings.NewReader(body))
	require.NoError(t, err)
	request.URL.Opaque = target // as it is, whatever it is
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(request)
	require.NoError(t, err)
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
	require.NotEmpty(t, r.Header.Get("X-Request-Id"))
	return answer{r, text}
}

func (b bundle) post(t testing.TB, body string, headers ...string) answer {
	t.Helper()
	return b.ask(t, "POST", signaturesPath, body, append([]string{"Content-Type", "application/json"}, headers...)...)
}

func (a answer) requireProblem(t testing.TB, status int, code string) map[string]any {
	t.Helper()
	require.Equal(t, status, a.StatusCode, "%s", a.body)
	var p map[string]any
	require.NoError(t, json.Unmarshal(a.body, &p), "%s", a.body)
	require.Equal(t, code, p["code"], "%s", a.body)
	require.Equal(t, "*", a.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, exposedHeaders, a.Header.Get("Access-Control-Expose-Headers"))
	require.Empty(t, a.Header.Get("Access-Control-Allow-Credentials"))
	return p
}
