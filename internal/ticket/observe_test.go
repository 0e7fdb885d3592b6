package ticket_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

func TestTheCacheTellsWhatItHolds(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	require.Empty(t, n.Tickets.Holdings())
	n.mustSign(t)
	require.Equal(t, map[core.TicketKind]int{core.AccessToken: 1, core.CorpTicket: 1, core.AgentTicket: 1}, n.Tickets.Holdings())
	n.Tickets.Forget(n.tenant.ID, n.app.ID, core.AccessToken)
	require.Equal(t, map[core.TicketKind]int{core.CorpTicket: 1, core.AgentTicket: 1}, n.Tickets.Holdings())
}
