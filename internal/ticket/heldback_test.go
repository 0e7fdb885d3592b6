package ticket_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// Pages of an app whose calls are held back cost Postgres one look a second, on
// each node, however many there are.
func TestAFloodBeforeCallsThatAreHeldBackAsksPostgresOnceASecond(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault wecomtest.Fault
		code  fault.Code
	}{
		"a dead secret":            {wecomtest.Fault{API: wecom.GetToken, Errcode: 40001}, fault.SecretRejected},
		"a pause":                  {wecomtest.Fault{API: wecom.GetToken, Errcode: 60020}, fault.IPRefused},
		"a pause of ticket calls":  {wecomtest.Fault{API: wecom.GetAgentTicket, Errcode: 48002}, fault.WeComUnavailable},
		"a pause of a whole corp":  {wecomtest.Fault{API: wecom.GetAgentTicket, Errcode: 45009}, fault.WeComQuota},
		"a token that is disowned": {wecomtest.Fault{API: wecom.GetAgentTicket, Errcode: 40014}, fault.WeComUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.WeCom.Inject(c.fault)
			ask := func() {
				_, err := n.signAgentConfig(t.Context(), n.app)
				require.True(t, fault.Has(err, c.code), err)
			}
			for range 3 {
				ask() // WeCom refuses; what is told from then on was found here
			}
			before := n.Store.Statements()
			for range 100 {
				ask()
			}
			require.Equal(t, before, n.Store.Statements())
			n.clock.Advance(time.Second)
			for range 100 {
				ask()
			}
			first := n.Store.Statements() - before
			require.Positive(t, first, "it does look again")
			require.Less(t, first, int64(60))
		})
	}
}

// What was found is forgotten with the change that mends it.
func TestARotationIsInForceThoughCallsWereHeldBackAMomentAgo(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.WeCom.ResetSecret(corp, agent, "another secret of the app")
	for range 3 {
		n.mustRefuse(t, fault.SecretRejected)
	}
	n.rotateUntried(t, "second")
	_, err := n.Sign(t.Context(), n.app, page)
	require.NoError(t, err)
}

// A refresh ahead of need yields sooner than a page; what it was told is not for
// pages.
func TestARefreshThatYieldsHoldsNoPageBack(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	_, err := n.Sign(t.Context(), n.app, page)
	require.NoError(t, err)
	n.DB.Exec(t, `DELETE FROM signet.tickets WHERE kind = 'access_token'`)
	n.Tickets.Forget(n.tenant.ID, n.app.ID, core.AccessToken)
	n.clock.Advance(life - time.Minute - 300*time.Millisecond) // the tickets are used that much longer
	n.DB.Exec(t, `UPDATE signet.calls SET calls = 30, minute = date_trunc('minute', now()) WHERE api = 'gettoken'`)
	require.Zero(t, n.since(func() { n.Signer.RenewDue(t.Context()) }), "it yields")
	n.clock.Advance(500 * time.Millisecond)
	_, err = n.Sign(t.Context(), n.app, page)
	require.NoError(t, err)
}
