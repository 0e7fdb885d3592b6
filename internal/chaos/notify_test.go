package chaos_test

import (
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// reach is how soon a change is in force on every node (design, section 7).
const reach = 2 * time.Second

// TestNotifications changes an app through any of the nodes, again and again,
// while the notifications that hurry the change feed are cut off, doubled and put
// out of order. Every node must follow in time, and never go back.
func TestNotifications(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 3})
	l := c.startLoad(t)
	random := mathrand.New(mathrand.NewPCG(1, 2))
	cut := 0
	for name, disturb := range map[string]func(){
		"as they come": func() {},
		"cut off":      func() { cut += c.postgres.cutNotifications(t) },
		"doubled and out of order": func() {
			for _, order := range []string{"DESC", "ASC"} {
				c.postgres.Exec(t, "SELECT pg_notify('signet_changes', seq::text) FROM signet.change_log ORDER BY seq "+order)
			}
		},
	} {
		l.phase.Store(name)
		var reached []time.Duration
		for i := range 8 {
			by := c.nodes[random.IntN(len(c.nodes))]
			a := *c.warm[i%len(c.warm)]
			host := fmt.Sprintf("change-%d-%d.example.com", i, random.Uint32())
			disturb()
			added := c.addDomain(t.Context(), by, &a, host)
			require.Equal(t, 201, added.status, string(added.body))
			a.page = "https://" + host + "/"
			reached = append(reached, c.awaitEverywhere(t, &a, 200))
			disturb()
			path := "/tenants/" + a.tenantID + "/apps/" + a.id + "/domains/" + added.text(t, "id")
			require.Equal(t, 204, c.console(t.Context(), by, "DELETE", path, nil).status)
			reached = append(reached, c.awaitEverywhere(t, &a, 403))
			for _, n := range c.nodes {
				require.Equal(t, 403, c.ask(t.Context(), n, &a, a.page).status, "node %d went back to an older state", n.number)
			}
		}
		slices.Sort(reached)
		t.Logf("notifications %s: a change is everywhere after %s at the median, %s at most", name, quantile(reached, 50), quantile(reached, 100))
		require.Less(t, slices.Max(reached), reach*slack)
	}
	require.Positive(t, cut, "nothing was cut off")
	l.stop(t)
	l.requireNoFailure(t)
}

// awaitEverywhere waits until every node gives the status, and tells how long
// that took.
func (c *cluster) awaitEverywhere(t *testing.T, a *app, status int) time.Duration {
	t.Helper()
	begun := time.Now()
	for _, n := range c.nodes {
		c.awaitStatus(t, n, a, status)
	}
	return time.Since(begun)
}
