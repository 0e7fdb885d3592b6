package chaos_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPostgresAwayAtStart starts a node while Postgres is not there. It does not
// half serve: it ends with 1 and a line that names the mend, writes nothing, and
// costs the nodes that run nothing; once Postgres is back the same start serves.
func TestPostgresAwayAtStart(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 2})
	late := c.nodes[1]
	l := c.startLoad(t)
	l.during("before", 500*time.Millisecond)
	late.kill()
	l.phase.Store("during")
	for _, d := range []trouble{refused("refused", toPostgres), poisoned("silent", toPostgres, silence...)} {
		d.start(t, c, []*node{late})
		begun := time.Now()
		status, said := run(t, late.env, "", "serve")
		require.Equal(t, 1, status, said)
		require.Contains(t, said, "SIGNET_DATABASE_URL")
		t.Logf("%s: ended after %s: %s", d.name, time.Since(begun).Round(time.Millisecond), said)
		d.heal(t, c, []*node{late})
	}
	begun := time.Now()
	late.start(t)
	t.Logf("started again with Postgres back, it was ready after %s", time.Since(begun).Round(time.Millisecond))
	for _, a := range c.warm {
		c.awaitStatus(t, late, a, 200)
	}
	l.during("after", time.Second)
	l.stop(t)
	l.requireNoFailure(t, late.number)
}

// TestWeComAwayAtStart starts the nodes anew while WeCom is away: what lies in the
// rows signs.
func TestWeComAwayAtStart(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 2})
	for _, n := range c.nodes {
		n.kill()
		n.weCom.refuse()
	}
	for _, n := range c.nodes {
		n.start(t)
	}
	l := c.startLoad(t)
	l.during("started without WeCom", time.Second)
	l.stop(t)
	l.requireNoFailure(t)
}
