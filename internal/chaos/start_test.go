package chaos_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPostgresAwayAtStart starts a node while Postgres is not there. It stays up,
// says so, answers everybody that this will pass, and costs the nodes that run
// nothing; once Postgres is back it serves without being started again.
func TestPostgresAwayAtStart(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 2})
	late := c.nodes[1]
	l := c.startLoad(t)
	l.during("before", 500*time.Millisecond)
	l.phase.Store("during")
	for _, d := range []trouble{refused("refused", toPostgres), poisoned("silent", toPostgres, silence...)} {
		late.kill()
		d.start(t, c, []*node{late})
		late.launch(t)
		require.Eventually(t, func() bool { return late.at.Load() != nil }, startPatience, 20*time.Millisecond)
		require.Equal(t, 503, c.ask(t.Context(), late, c.warm[0], c.warm[0].page).status)
		require.Equal(t, "store.unavailable", c.ask(t.Context(), late, c.warm[0], c.warm[0].page).code())
		require.Equal(t, "store.unavailable", c.console(t.Context(), late, "GET", "/tenants", nil).code())
		for path, want := range map[string]int{"/livez": 200, "/readyz": 503} {
			a, err := send(t.Context(), "GET", late.at.Load().metrics+path, nil)
			require.NoError(t, err)
			require.Equal(t, want, a.status, path)
		}
		begun := time.Now()
		d.heal(t, c, []*node{late})
		require.Eventually(t, func() bool { return late.isReady(t.Context()) }, startPatience, 20*time.Millisecond)
		require.False(t, late.isGone())
		t.Logf("%s: ready %s after Postgres was back", d.name, time.Since(begun).Round(time.Millisecond))
		for _, a := range c.warm {
			c.awaitStatus(t, late, a, 200)
		}
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
