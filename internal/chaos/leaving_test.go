package chaos_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestATenantLeavesOnEveryNode lets a tenant leave, takes it back, and lets it leave
// for good: no node signs for it within the reach of a change, and once its grace time
// is over one of them destroys it, whichever comes first.
func TestATenantLeavesOnEveryNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 2})
	gone, path := c.warm[3], "/tenants/"+c.warm[3].tenantID
	leave := func() {
		require.Equal(t, 204, c.console(t.Context(), c.nodes[0], "DELETE", path, nil).status)
		took := c.awaitEverywhere(t, gone, 403)
		require.Less(t, took, reach*slack)
		for _, n := range c.nodes {
			require.Equal(t, "tenant.suspended", c.ask(t.Context(), n, gone, gone.page).code())
		}
		t.Logf("suspended everywhere after %s", took.Round(time.Millisecond))
	}
	leave()
	back, err := send(t.Context(), "PATCH", c.nodes[1].at.Load().console+path, map[string]any{"status": "active"},
		"Authorization", "Bearer "+c.token, "If-Match", "*")
	require.NoError(t, err)
	require.Equal(t, 200, back.status, string(back.body))
	require.Less(t, c.awaitEverywhere(t, gone, 200), reach*slack)

	leave()
	require.Equal(t, []string{"1"}, c.keysOf(t, gone), "its key is there until it is due")
	c.postgres.Exec(t, `UPDATE signet.tenants SET deletion_due_at = now() WHERE tenant_id = $1`, gone.tenantID)
	require.Eventually(t, func() bool { return c.keysOf(t, gone)[0] == "0" }, patience, 50*time.Millisecond, "no node has destroyed it")
	c.awaitEverywhere(t, gone, 404)
	require.Equal(t, []string{"1 system deletions " + ownerEmail}, c.postgres.List(t,
		`SELECT count(*) || ' ' || min(actor_kind) || ' ' || min(actor_name) || ' ' || min(detail->>'requested_by') FROM signet.platform_audit WHERE action = 'tenant.delete'`))
	for _, a := range c.warm[:3] {
		c.awaitEverywhere(t, a, 200)
	}
}

func (c *cluster) keysOf(t *testing.T, a *app) []string {
	t.Helper()
	return c.postgres.List(t, `SELECT count(*)::text FROM signet_keys.tenant_keys WHERE tenant_id = $1`, a.tenantID)
}
