package ticket_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// A tenant all of whose apps are asked for at once takes no more turns than its
// calls can use, and no more connections to Postgres than leave some to others.
// What lives in a row is served meanwhile.
func TestATenantTakesFewTurnsAtATime(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	asked := make([]apptest.App, 12)
	for i := range asked {
		asked[i] = n.ColdApp(t, n.tenant, fmt.Sprint(1000300+i), apptest.Secret(fmt.Sprint("crowd", i)), host)
	}
	neighbour := n.ColdApp(t, n.Tenant(t, "北辰物流", "wwfedcba0987654321"), agent, apptest.Secret("neighbour"), host)
	other := n.restart(t)

	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetToken, Corp: corp, Behaviour: wecomtest.Hang, Times: 2})
	signed := make(chan error, len(asked))
	for _, app := range asked {
		go func() {
			_, err := n.signAgentConfig(t.Context(), app)
			signed <- err
		}()
	}
	n.awaitHanging(t, 2)
	_, err := n.signAgentConfig(t.Context(), neighbour)
	require.NoError(t, err)
	_, err = other.signAgentConfig(t.Context(), n.app)
	require.NoError(t, err)
	_, err = n.signAgentConfig(t.Context(), n.app)
	require.NoError(t, err, "its ticket is in its row")
	turns := `SELECT count(*)::text FROM signet.ticket_leases WHERE kind = 'agent_ticket' AND tenant_id = $1 AND app_id <> $2`
	require.Equal(t, []string{"4"}, n.DB.List(t, turns, n.tenant.ID, n.app.ID))

	n.WeCom.Release()
	for range asked {
		require.NoError(t, <-signed)
	}
	require.Equal(t, made{tokens: len(asked) + 2, agentTickets: len(asked) + 2}, n.made())
}
