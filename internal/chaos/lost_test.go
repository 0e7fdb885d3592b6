package chaos_test

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPostgresConnectionsLost swallows what goes over the connections that a node
// has to Postgres, as a firewall does that has forgotten them; new ones work. The
// node must find out by itself.
func TestPostgresConnectionsLost(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 1, cold: 7})
	n := c.nodes[0]
	wall := newWall(t, c.postgres.address())
	n.kill()
	for i, entry := range n.env {
		n.env[i] = strings.Replace(entry, n.postgres.address(), wall.listener.Addr().String(), 1)
	}
	n.start(t)
	for _, a := range c.warm {
		c.awaitStatus(t, n, a, 200)
	}
	c.crowdOfMany(t, n, c.cold[:5]) // so that the pool holds several connections
	l := c.startLoad(t)
	l.during("before", 500*time.Millisecond)
	l.phase.Store("lost")
	lost := wall.forget()
	begun := time.Now()
	for _, a := range c.cold[5:] {
		c.awaitStatus(t, n, a, 200)
	}
	signed := time.Since(begun)
	c.awaitWritten(t.Context(), t, n, "found.example.com")
	a := *c.warm[0]
	a.page = "https://found.example.com/"
	c.awaitStatus(t, n, &a, 200)
	t.Logf("%d connections were lost; cold apps signed after %s, a change is in force after %s", lost, signed.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond))
	require.Less(t, time.Since(begun), 30*time.Second)
	l.during("after", 500*time.Millisecond)
	l.stop(t)
	l.requireNoFailure(t)
}

// crowdOfMany asks a node for several apps at once.
func (c *cluster) crowdOfMany(t *testing.T, n *node, apps []*app) {
	t.Helper()
	var asking sync.WaitGroup
	for _, a := range apps {
		asking.Go(func() {
			if got := c.ask(t.Context(), n, a, a.page); got.status != 200 {
				t.Errorf("%s: %d %s", a.page, got.status, got.body)
			}
		})
	}
	asking.Wait()
}

// wall forwards connections, until it forgets those that are open.
type wall struct {
	listener net.Listener

	mu   sync.Mutex // guards open
	open []*passage
}

type passage struct {
	ends [2]net.Conn
	lost atomic.Bool
}

func newWall(t *testing.T, upstream string) *wall {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wall{listener: listener}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			beyond, err := net.Dial("tcp", upstream)
			if err != nil {
				_ = conn.Close()
				continue
			}
			p := &passage{ends: [2]net.Conn{conn, beyond}}
			w.mu.Lock()
			w.open = append(w.open, p)
			w.mu.Unlock()
			serving.Go(func() { p.carry(0, 1) })
			serving.Go(func() { p.carry(1, 0) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		w.mu.Lock()
		for _, p := range w.open {
			p.close()
		}
		w.mu.Unlock()
		serving.Wait()
	})
	return w
}

// forget swallows from now on what goes over the connections that are open, and
// their ends too.
func (w *wall) forget() (connections int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.open {
		p.lost.Store(true)
	}
	return len(w.open)
}

func (p *passage) carry(from, to int) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := p.ends[from].Read(buffer)
		if !p.lost.Load() {
			if _, failed := p.ends[to].Write(buffer[:n]); failed != nil {
				err = failed
			}
		}
		if err != nil {
			if !p.lost.Load() {
				p.close()
			}
			return
		}
	}
}

func (p *passage) close() {
	for _, end := range p.ends {
		_ = end.Close()
	}
}
