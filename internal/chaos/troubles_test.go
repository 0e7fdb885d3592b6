package chaos_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"signet/internal/wecom/wecomtest"
)

// A trouble is a fault with its beginning and its end. It befalls the ways of the
// nodes that are named, or what all nodes share.
type trouble struct {
	name   string
	start  func(t *testing.T, c *cluster, on []*node)
	heal   func(t *testing.T, c *cluster, on []*node)
	shared bool // it befalls all nodes, whichever are named
	deaf   bool // the named nodes do not answer while it lasts
}

// Where the fake itself answers wrongly, it does so to every node.
func weComAnswers(name string, f wecomtest.Fault) trouble {
	f.Name = name
	return trouble{
		name: name, shared: true,
		start: func(_ *testing.T, c *cluster, _ []*node) { c.weCom.Inject(f) },
		heal: func(_ *testing.T, c *cluster, _ []*node) {
			c.weCom.ClearFaults()
			c.weCom.Release()
		},
	}
}

// A way is one of the two proxies of a node.
type way func(c *cluster, n *node) (p *proxy, upstream string)

func toWeCom(c *cluster, n *node) (*proxy, string) {
	return n.weCom, strings.TrimPrefix(c.weCom.URL(), "http://")
}

func toPostgres(c *cluster, n *node) (*proxy, string) { return n.postgres, c.postgres.address() }

func refused(name string, w way) trouble {
	return trouble{
		name: name,
		start: func(_ *testing.T, c *cluster, on []*node) {
			for _, n := range on {
				p, _ := w(c, n)
				p.refuse()
			}
		},
		heal: func(t *testing.T, c *cluster, on []*node) {
			t.Helper()
			for _, n := range on {
				p, upstream := w(c, n)
				p.allow(t, upstream)
			}
		},
	}
}

// toxic is one thing that befalls the bytes on a way, in one or both directions.
type toxic struct {
	kind, direction string
	attributes      map[string]any
}

func poisoned(name string, w way, with ...toxic) trouble {
	return trouble{
		name: name,
		start: func(t *testing.T, c *cluster, on []*node) {
			t.Helper()
			for _, n := range on {
				p, _ := w(c, n)
				for _, one := range with {
					p.poison(t, one.kind, one.direction, one.attributes)
				}
			}
		},
		heal: func(_ *testing.T, c *cluster, on []*node) {
			for _, n := range on {
				p, _ := w(c, n)
				p.heal()
			}
		},
	}
}

// silence swallows every byte and never closes: a black hole.
var silence = []toxic{{"timeout", "upstream", map[string]any{"timeout": 0}}, {"timeout", "downstream", map[string]any{"timeout": 0}}}

// resets ends every connection with RST as soon as something passes.
var resets = []toxic{{"reset_peer", "downstream", map[string]any{"timeout": 0}}}

func late(d time.Duration) toxic {
	return toxic{"latency", "downstream", map[string]any{"latency": d.Milliseconds()}}
}

// weComTroubles are those in which no call to WeCom brings anything.
var weComTroubles = []trouble{
	refused("WeCom refused", toWeCom),
	poisoned("WeCom reset", toWeCom, resets...),
	poisoned("WeCom silent", toWeCom, silence...),
	weComAnswers("WeCom hangs", wecomtest.Fault{Behaviour: wecomtest.Hang}),
	weComAnswers("WeCom one byte per five seconds", wecomtest.Fault{Behaviour: wecomtest.Drip, Delay: 5 * time.Second}),
	weComAnswers("WeCom garbage", wecomtest.Fault{Body: "<html>not what you wanted</html>"}),
	weComAnswers("WeCom 502", wecomtest.Fault{Status: 502, Body: "bad gateway"}),
}

var weComSlow = poisoned("WeCom slow", toWeCom, late(400*time.Millisecond))

// postgresTroubles are those with Postgres that its proxies can make.
var postgresTroubles = []trouble{
	refused("Postgres refused", toPostgres),
	poisoned("Postgres slow", toPostgres, late(2*time.Second)),
	poisoned("Postgres silent", toPostgres, silence...),
	poisoned("Postgres reset", toPostgres, resets...),
}

var postgresReadOnly = trouble{
	name: "Postgres read-only", shared: true,
	start: func(t *testing.T, c *cluster, _ []*node) { t.Helper(); c.postgres.readOnly(t, true) },
	heal:  func(t *testing.T, c *cluster, _ []*node) { t.Helper(); c.postgres.readOnly(t, false) },
}

// A server that is stopped refuses connections; started again, it listens on
// another port, and the proxies find it.
var postgresStopped = trouble{
	name: "Postgres stopped", shared: true,
	start: func(t *testing.T, c *cluster, _ []*node) {
		t.Helper()
		c.postgres.stop(t)
		for _, n := range c.nodes {
			n.postgres.refuse()
		}
	},
	heal: func(t *testing.T, c *cluster, _ []*node) {
		t.Helper()
		c.postgres.start(t)
		for _, n := range c.nodes {
			n.postgres.allow(t, c.postgres.address())
		}
	},
}

var postgresPaused = trouble{
	name: "Postgres paused", shared: true,
	start: func(t *testing.T, c *cluster, _ []*node) { t.Helper(); c.postgres.pause(t) },
	heal:  func(_ *testing.T, c *cluster, _ []*node) { c.postgres.resume() },
}

var notificationsCut = trouble{
	name: "notifications cut", shared: true,
	start: func(t *testing.T, c *cluster, _ []*node) { t.Helper(); c.postgres.cutNotifications(t) },
	heal:  func(*testing.T, *cluster, []*node) {},
}

var nodeKilled = trouble{
	name: "node killed", deaf: true,
	start: func(_ *testing.T, _ *cluster, on []*node) {
		for _, n := range on {
			n.kill()
		}
	},
	heal: func(t *testing.T, _ *cluster, on []*node) {
		t.Helper()
		for _, n := range on {
			n.start(t)
		}
	},
}

var nodePaused = trouble{
	name: "node paused", deaf: true,
	start: func(_ *testing.T, _ *cluster, on []*node) {
		for _, n := range on {
			n.signal(syscall.SIGSTOP)
		}
	},
	heal: func(_ *testing.T, _ *cluster, on []*node) {
		for _, n := range on {
			n.signal(syscall.SIGCONT)
		}
	},
}
