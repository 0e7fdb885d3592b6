package chaos_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/wecom/wecomtest"
)

// TestNodeKilledInARotation kills the node that rotates an app's secret: while the
// trial is at WeCom, and while Postgres is asked to write. Either all of the
// rotation has happened or nothing, every page goes on being signed, and the next
// rotation succeeds.
func TestNodeKilledInARotation(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 2})
	rotating, other := c.nodes[1], c.nodes[0]
	a := c.warm[3]
	a.secrets = append(a.secrets, secretOf("inTrial"), secretOf("inTransaction"), secretOf("last"))
	l := c.startLoad(t)
	l.during("before", 500*time.Millisecond)
	rotate := func(n *node, secret string) answer {
		c.weCom.AddApp(wecomtest.App{Corp: a.corp, Agent: a.agent, Name: "app", Secret: secret, Domains: []string{"crm.example.com"}})
		return c.console(t.Context(), n, "POST", "/tenants/"+a.tenantID+"/apps/"+a.id+"/secrets", map[string]any{"secret": secret})
	}
	trial := trouble{
		start: func(_ *testing.T, c *cluster, _ []*node) {
			c.weCom.Inject(wecomtest.Fault{Behaviour: wecomtest.Hang, Corp: a.corp, Times: 1})
		},
		heal: func(_ *testing.T, c *cluster, _ []*node) { c.weCom.Release() },
	}
	slow := poisoned("slow", toPostgres, late(100*time.Millisecond))
	for _, step := range []struct {
		name   string
		d      trouble
		secret string
		inside func()
	}{
		{"in its trial", trial, secretOf("inTrial"), func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			require.NoError(t, c.weCom.AwaitHanging(ctx, 1))
		}},
		{"in its transaction", slow, secretOf("inTransaction"), func() {
			require.Eventually(t, func() bool {
				return len(c.postgres.List(t, `SELECT pid::text FROM pg_locks WHERE relation = 'signet.app_secrets'::regclass AND mode = 'RowExclusiveLock'`)) > 0
			}, 14*time.Second, 10*time.Millisecond)
		}},
	} {
		l.phase.Store(step.name)
		before := c.activations(t, a)
		step.d.start(t, c, []*node{rotating})
		done := make(chan answer, 1)
		go func() { done <- rotate(rotating, step.secret) }()
		step.inside()
		rotating.kill()
		got := <-done
		require.Zero(t, got.status, "nobody was told how it ended: %s", got.body)
		step.d.heal(t, c, []*node{rotating})
		require.Equal(t, before, c.activations(t, a), "nothing has happened")
		rotating.start(t)
		l.during(step.name, 300*time.Millisecond)
	}
	got := rotate(other, secretOf("last"))
	require.Equal(t, 201, got.status, string(got.body))
	l.during("after", time.Second)
	l.stop(t)
	l.requireNoFailure(t, rotating.number)
}

// activations gives what is stored about an app's secrets.
func (c *cluster) activations(t *testing.T, a *app) []string {
	t.Helper()
	return c.postgres.List(t, `SELECT version || ' ' || state || ' ' || activation FROM signet.app_secrets WHERE tenant_id = $1 AND app_id = $2 ORDER BY version`, a.tenantID, a.id)
}
