package storetest

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Wire stands between a Store and Postgres. It notes every statement, can put
// another in its place, and can fall silent as a cable does that was cut.
type Wire struct {
	listener net.Listener
	server   string
	rewrite  func(string) string // nil: none
	group    sync.WaitGroup

	mu         sync.Mutex
	statements []string        // each once
	seen       map[string]bool // those
	sent       *bytes.Buffer   // everything that clients sent; nil: it is not kept
	silence    chan struct{}   // closed when it ends; nil: there is none
	conns      []net.Conn
	closed     bool
	away       bool        // connections are taken and dropped, as by a server that is gone
	connects   []time.Time // when each connection came
}

// NewWire makes a wire to the server of an address, which ends with the test.
func NewWire(t testing.TB, address string, rewrite func(string) string) *Wire {
	t.Helper()
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &Wire{listener: listener, server: parsed.Host, rewrite: rewrite, seen: map[string]bool{}}
	w.group.Go(w.accept)
	t.Cleanup(w.Close)
	return w
}

// URL gives an address that leads through the wire.
func (w *Wire) URL(address string) string {
	return strings.Replace(address, w.server, w.listener.Addr().String(), 1)
}

// Statements gives what was sent so far, each once, in the order of first use.
func (w *Wire) Statements() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.statements)
}

// KeepSent keeps every byte that clients send from then on.
func (w *Wire) KeepSent() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = &bytes.Buffer{}
}

// Sent gives every byte that clients sent since KeepSent.
func (w *Wire) Sent() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent.String()
}

// FallSilent keeps back what both sides send until the test ends.
func (w *Wire) FallSilent() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silence = make(chan struct{})
}

// TakeNoMore refuses further connections and lets those be that there are.
func (w *Wire) TakeNoMore() error { return w.listener.Close() }

// Cut ends all connections at once.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// GoAway lets the server be gone, or come back.
func (w *Wire) GoAway(away bool) {
	w.mu.Lock()
	w.away = away
	w.mu.Unlock()
	if away {
		w.Cut()
	}
}

func (w *Wire) isAway() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.connects = append(w.connects, time.Now())
	return w.away
}

// MostInASecond gives the highest number of connections that came in any second.
func (w *Wire) MostInASecond() (most int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := 0
	for i, at := range w.connects {
		for at.Sub(w.connects[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// Close ends all connections and takes no more.
func (w *Wire) Close() {
	w.mu.Lock()
	w.closed = true
	if w.silence != nil {
		close(w.silence)
		w.silence = nil
	}
	w.mu.Unlock()
	_ = w.listener.Close()
	w.Cut()
	w.group.Wait()
}

func (w *Wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		if w.isAway() {
			_ = client.Close()
			continue
		}
		server, err := net.Dial("tcp", w.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		w.mu.Lock()
		if w.closed {
			_, _ = client.Close(), server.Close()
		}
		w.conns = append(w.conns, client, server)
		w.mu.Unlock()
		w.group.Go(func() { w.forward(client, server); _, _ = client.Close(), server.Close() })
		w.group.Go(func() { w.backward(client, server); _, _ = client.Close(), server.Close() })
	}
}

func (w *Wire) waitOutSilence() {
	w.mu.Lock()
	silence := w.silence
	w.mu.Unlock()
	if silence != nil {
		<-silence
	}
}

func (w *Wire) backward(client, server net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := server.Read(buffer)
		w.waitOutSilence()
		if n > 0 {
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// forward reads the messages of a client (protocol 3.0: a first one without a
// type, then type, length, body).
func (w *Wire) forward(client, server net.Conn) {
	for first := true; ; first = false {
		header := make([]byte, 5)
		if first {
			header = header[1:]
		}
		if _, err := io.ReadFull(client, header); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(header[len(header)-4:])-4)
		if _, err := io.ReadFull(client, body); err != nil {
			return
		}
		if !first {
			body = w.note(header[0], body)
		}
		binary.BigEndian.PutUint32(header[len(header)-4:], uint32(len(body)+4))
		w.waitOutSilence()
		if _, err := server.Write(append(header, body...)); err != nil {
			return
		}
	}
}

func (w *Wire) note(kind byte, body []byte) []byte {
	before := []byte{}
	rest := body
	if kind == 'P' { // Parse: name, statement, types
		end := bytes.IndexByte(body, 0) + 1
		before, rest = body[:end], body[end:]
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sent != nil {
		w.sent.Write(body)
	}
	if kind != 'P' && kind != 'Q' {
		return body
	}
	statement, after, _ := bytes.Cut(rest, []byte{0})
	if text := string(statement); !w.seen[text] {
		w.seen[text] = true
		w.statements = append(w.statements, text)
	}
	if w.rewrite == nil {
		return body
	}
	return bytes.Join([][]byte{before, []byte(w.rewrite(string(statement))), {0}, after}, nil)
}

// WithoutTenant takes the tenant out of every condition of a statement, so that row
// security alone keeps tenants apart.
func WithoutTenant(statement string) string {
	return tenantCondition.ReplaceAllString(statement, "$$1::uuid IS NOT NULL")
}

// NamesTenant tells whether a condition of a statement names the tenant.
func NamesTenant(statement string) bool { return tenantCondition.MatchString(statement) }

var tenantCondition = regexp.MustCompile(`(\w+\.)?tenant_id = \$1\b`)
