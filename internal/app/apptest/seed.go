package apptest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/store/storetest"
)

// seedBatch is how many apps' rows are held in memory at a time.
const seedBatch = 50_000

// SeedTickets gives each of the n apps that storetest.Seed has made a corp ticket
// and an agent ticket in their rows, as a node has left them there before it was
// started again. They live until end; value gives the text of a ticket, which
// should be as long as WeCom's.
func (h *House) SeedTickets(t testing.TB, n int, end time.Time, value func(i int, kind core.TicketKind) string) {
	t.Helper()
	for first := 1; first <= n; first += seedBatch {
		h.seedTickets(t, first, min(n, first+seedBatch-1), end, value)
	}
}

func (h *House) seedTickets(t testing.TB, first, last int, end time.Time, value func(i int, kind core.TicketKind) string) {
	t.Helper()
	n := last - first + 1
	keys, tickets := make([][]any, 0, n), make([][]any, 0, 2*n)
	for i := first; i <= last; i++ {
		a := storetest.Seeded(i)
		key, err := h.Ring.NewScopeKey(seal.Tenant(a.TenantID), 1)
		require.NoError(t, err)
		keys = append(keys, []any{a.TenantID.UUID, key.Version, key.RootEpoch, key.Bytes})
		for _, kind := range []core.TicketKind{core.CorpTicket, core.AgentTicket} {
			place := seal.ForAppTicket(a.TenantID, a.AppID, kind, 1)
			subject, app, corp := a.AppID.String(), any(a.AppID.UUID), any(nil)
			if kind == core.CorpTicket {
				place = seal.ForCorpTicket(a.TenantID, a.CorpID, 1)
				subject, app, corp = string(a.CorpID), nil, string(a.CorpID)
			}
			sealed, err := h.Ring.Sealer().SealUntil(key, place, core.NewSecret(value(i, kind)), end)
			require.NoError(t, err)
			tickets = append(tickets, []any{a.TenantID.UUID, string(kind), subject, app, corp, int64(1), sealed, key.Version, a.AppID.UUID, int32(1), end.Add(-2 * time.Hour), end})
		}
	}
	h.DB.Copy(t, "signet_keys.tenant_keys", []string{"tenant_id", "version", "root_epoch", "wrapped"}, keys)
	h.DB.Copy(t, "signet.tickets", []string{"tenant_id", "kind", "subject", "app_id", "corp_id", "generation",
		"sealed", "key_version", "fetched_by", "secret_version", "fetched_at", "expires_at"}, tickets)
}
