package apptest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/store/storetest"
	"signet/internal/wecom/wecomtest"
)

// seedBatch is how many apps' rows are held in memory at a time.
const seedBatch = 50_000

// SeedTickets gives each of the n apps that storetest.Seed has made a corp ticket
// and an agent ticket in their rows, as a node has left them there before it was
// started again. They live until end; value gives the text of a ticket, which
// should be as long as WeCom's.
func (h *House) SeedTickets(t testing.TB, n int, end time.Time, value func(i int, kind core.TicketKind) string) {
	t.Helper()
	h.seed(t, n, end, value, false)
}

// SeedInUse is SeedTickets for apps whose secret WeCom knows and of which a page
// was signed just now: so a node renews their tickets when it is time.
func (h *House) SeedInUse(t testing.TB, n int, end time.Time, value func(i int, kind core.TicketKind) string) {
	t.Helper()
	h.seed(t, n, end, value, true)
}

func (h *House) seed(t testing.TB, n int, end time.Time, value func(i int, kind core.TicketKind) string, inUse bool) {
	t.Helper()
	for first := 1; first <= n; first += seedBatch {
		h.seedTickets(t, first, min(n, first+seedBatch-1), end, value, inUse)
	}
}

func (h *House) seedTickets(t testing.TB, first, last int, end time.Time, value func(i int, kind core.TicketKind) string, inUse bool) {
	t.Helper()
	n := last - first + 1
	keys, tickets := make([][]any, 0, n), make([][]any, 0, 2*n)
	var apps []string
	var secrets [][]byte
	var usedAt *time.Time
	if inUse {
		now := time.Now()
		usedAt = &now
	}
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
			tickets = append(tickets, []any{a.TenantID.UUID, string(kind), subject, app, corp, int64(1), sealed, key.Version, a.AppID.UUID, int32(1), end.Add(-2 * time.Hour), end, usedAt})
		}
		if inUse {
			secret := Secret("of " + string(a.CorpID))
			h.WeCom.AddApp(wecomtest.App{Corp: a.CorpID, Agent: a.AgentID, Name: "app", Secret: secret})
			sealed, err := h.Ring.Sealer().Seal(key, seal.ForAppSecret(a.TenantID, a.AppID, 1), core.NewSecret(secret))
			require.NoError(t, err)
			apps, secrets = append(apps, a.AppID.String()), append(secrets, sealed)
		}
	}
	h.DB.Copy(t, "signet_keys.tenant_keys", []string{"tenant_id", "version", "root_epoch", "wrapped"}, keys)
	h.DB.Copy(t, "signet.tickets", []string{"tenant_id", "kind", "subject", "app_id", "corp_id", "generation",
		"sealed", "key_version", "fetched_by", "secret_version", "fetched_at", "expires_at", "used_at"}, tickets)
	h.DB.Exec(t, `UPDATE signet.app_secrets s SET sealed = v.sealed
		FROM unnest($1::uuid[], $2::bytea[]) v(app_id, sealed) WHERE s.app_id = v.app_id`, apps, secrets)
}
