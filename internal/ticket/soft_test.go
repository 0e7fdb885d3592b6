package ticket_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/upstream"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// spend counts so many calls of this hour for the app at an API.
func (n node) spend(t *testing.T, api wecom.API, calls int) {
	t.Helper()
	n.DB.Exec(t, `INSERT INTO signet.calls (tenant_id, corp_id, app_id, api, minute, calls, accepted)
		VALUES ($1, $2, $3, $4, date_trunc('minute', now()) - interval '5 minutes', $5, $5)
		ON CONFLICT (tenant_id, corp_id, app_id, api, minute) DO UPDATE SET calls = EXCLUDED.calls`,
		n.tenant.ID.String(), corp, n.app.ID.String(), string(api), calls)
}

// What is left of the budget is the pages': beyond the soft limit nothing is renewed
// ahead of need, and a page that has to wait for its ticket gets it.
func TestAtTheSoftLimitOnlyPagesFetch(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	n.mustSign(t)
	n.clock.Advance(afterItsTime)
	spend := func(calls int) {
		for _, api := range []wecom.API{wecom.GetToken, wecom.GetCorpTicket, wecom.GetAgentTicket} {
			n.spend(t, api, calls)
		}
	}
	spend(upstream.SoftBudget)
	require.Zero(t, n.since(func() { n.Signer.RenewDue(t.Context()) }))
	counts, _ := n.Signer.Renewals()
	require.EqualValues(t, 1, counts.Failed.Load())
	n.mustSign(t)
	n.clock.Advance(life - afterItsTime)
	spend(upstream.SoftBudget)
	require.Equal(t, made{1, 1, 1}, n.since(func() { n.mustSign(t) }), "now there is need")

	n.clock.Advance(afterItsTime)
	spend(upstream.SoftBudget - 1)
	require.Equal(t, made{0, 1, 1}, n.since(func() { n.Signer.RenewDue(t.Context()) }), "below it, it is renewed")
}

// Also where it is the token that a renewal would have to fetch.
func TestAtTheSoftLimitNoTokenIsFetchedForARenewal(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	n.mustSign(t)
	n.clock.Advance(afterItsTime)
	n.DB.Exec(t, `DELETE FROM signet.tickets WHERE kind = 'access_token'`)
	n.Tickets.Forget(n.tenant.ID, n.app.ID, core.AccessToken)
	n.spend(t, wecom.GetToken, upstream.SoftBudget)
	require.Zero(t, n.since(func() { n.Signer.RenewDue(t.Context()) }))

	n.clock.Advance(11 * time.Minute) // the longest rest of an app
	n.DB.Exec(t, `DELETE FROM signet.calls`)
	n.spend(t, wecom.GetToken, upstream.SoftBudget-1)
	require.Equal(t, made{1, 1, 1}, n.since(func() { n.Signer.RenewDue(t.Context()) }), "below it, it is")
}
