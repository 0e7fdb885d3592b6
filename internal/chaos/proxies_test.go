package chaos_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// proxy is the way from one node to one thing outside it.
type proxy struct {
	*toxiproxy.Proxy
	accepted *accepted
}

// newProxy opens a way to an address, host:port, until the test ends.
func newProxy(t *testing.T, name, upstream string) *proxy {
	t.Helper()
	p := &proxy{accepted: &accepted{}}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.New(p.accepted))
	p.Proxy = toxiproxy.NewProxy(server, name, "127.0.0.1:0", upstream)
	require.NoError(t, p.Start())
	t.Cleanup(p.Stop)
	return p
}

// address is where the node finds what is behind the proxy. It stays the same.
func (p *proxy) address() string {
	p.Lock()
	defer p.Unlock()
	return p.Listen
}

// refuse ends all connections and accepts none, as where nobody listens.
func (p *proxy) refuse() { p.Stop() }

// allow lets connections through again, to upstream, which may have moved.
func (p *proxy) allow(t *testing.T, upstream string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return p.Update(&toxiproxy.Proxy{Listen: p.address(), Upstream: upstream, Enabled: true}) == nil
	}, 10*time.Second, 50*time.Millisecond, "the port of proxy %s is taken", p.Name)
}

// poison lays a toxic over every connection, those that are open too. Direction
// is "upstream" (what the node sends) or "downstream" (what it gets).
func (p *proxy) poison(t *testing.T, kind, direction string, attributes map[string]any) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"type": kind, "stream": direction, "attributes": attributes})
	require.NoError(t, err)
	_, err = p.Toxics.AddToxicJson(strings.NewReader(string(text)))
	require.NoError(t, err)
}

// heal takes all toxics away.
func (p *proxy) heal() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p.Toxics.ResetToxics(ctx)
}

// accepted notes when each connection was accepted, out of the proxy's log.
type accepted struct {
	mu sync.Mutex // guards at
	at []time.Time
}

// Write implements io.Writer for the log.
func (a *accepted) Write(line []byte) (int, error) {
	if strings.Contains(string(line), `"Accepted client"`) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.at = append(a.at, time.Now())
	}
	return len(line), nil
}

// since counts the connections that were accepted from a moment on, and the most
// within any one second of that time.
func (a *accepted) since(from time.Time) (all, inASecond int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, first := range a.at {
		if first.Before(from) {
			continue
		}
		all++
		within := 0
		for _, other := range a.at[i:] {
			if other.Sub(first) < time.Second {
				within++
			}
		}
		inASecond = max(inASecond, within)
	}
	return all, inASecond
}
