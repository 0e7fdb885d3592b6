package ticket_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

func TestATokenThatWeComDisownsIsFetchedAnewOnce(t *testing.T) {
	t.Parallel()
	t.Run("void before its end", func(t *testing.T) {
		t.Parallel()
		n := newNode(t)
		_, err := n.signConfig(t.Context(), n.app)
		require.NoError(t, err)
		n.WeCom.Void(corp, agent, core.AccessToken)
		calls := n.since(func() { n.mustSign(t) })
		require.Equal(t, made{1, 0, 2}, calls)
	})
	for _, errcode := range []int{40014, 42001, 40001} {
		t.Run(fmt.Sprint(errcode, " from a ticket call"), func(t *testing.T) {
			t.Parallel()
			n := newNode(t, withMode(wecomtest.NewValue))
			n.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Errcode: errcode, Times: 1})
			require.Equal(t, made{2, 1, 2}, n.since(func() { n.mustSign(t) }))
			require.Equal(t, []string{""}, n.DB.List(t, `SELECT problem FROM signet.app_secrets`), "the secret is none the worse for it")
		})
	}
}

// Two tickets are asked for with one token, which dies on the way. The one who
// learns of it second uses the token that the first has fetched.
func TestWhoComesSecondUsesTheNewerToken(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.mustSign(t)
	n.DB.Exec(t, `DELETE FROM signet.tickets WHERE kind <> 'access_token'`)
	n = n.restart(t)
	n.WeCom.Void(corp, agent, core.AccessToken)
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetCorpTicket, Behaviour: wecomtest.Hang, Times: 1})
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Behaviour: wecomtest.Hang, Times: 1})
	failed := make(chan error, 2)
	calls := n.since(func() {
		go func() {
			_, err := n.signConfig(t.Context(), n.app)
			failed <- err
		}()
		go func() {
			_, err := n.signAgentConfig(t.Context(), n.app)
			failed <- err
		}()
		n.awaitHanging(t, 2)
		n.WeCom.Release()
		require.NoError(t, <-failed)
		require.NoError(t, <-failed)
	})
	require.Equal(t, made{1, 2, 2}, calls)
	n.mustSign(t)
}

// A ticket call that WeCom refuses whatever the token: the token is fetched
// anew at most once a minute, and the refusals stay far below the ledger's 60
// and WeCom's 2,000.
func TestATokenIsFetchedAnewAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	_, err := n.signConfig(t.Context(), n.app)
	require.NoError(t, err)
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Errcode: 40014})
	first := n.since(func() {
		for range 100 {
			n.mustRefuse(t, fault.WeComUnavailable)
		}
	})
	require.Equal(t, made{1, 0, 2}, first, "within the first minute")
	hour := n.since(func() {
		for range 3600 / 5 {
			n.clock.Advance(5 * time.Second)
			n.mustRefuse(t, fault.WeComUnavailable)
		}
	})
	t.Logf("a sick app that is asked for all the time costs, in an hour: %+v", hour)
	require.LessOrEqual(t, hour.tokens, 20)
	require.LessOrEqual(t, hour.agentTickets, 20)
	n.WeCom.ClearFaults()
	n.clock.Advance(6 * time.Minute)
	n.mustSign(t)
}

// Also where two calls, neither of them paused for the other's sake, want it.
func TestTwoTicketCallsShareTheOneNewTokenOfAMinute(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	n.mustSign(t)
	n.DB.Exec(t, `DELETE FROM signet.tickets WHERE kind <> 'access_token'`)
	n = n.restart(t)
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetCorpTicket, Errcode: 40014})
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Errcode: 40014})
	calls := n.since(func() {
		for range 20 {
			_, err := n.signConfig(t.Context(), n.app)
			require.Error(t, err)
			_, err = n.signAgentConfig(t.Context(), n.app)
			require.Error(t, err)
			require.Positive(t, fault.Find(err).RetryAfter)
		}
	})
	require.Equal(t, 1, calls.tokens)
	require.LessOrEqual(t, calls.sum(), 5)
	n.WeCom.ClearFaults()
	n.clock.Advance(2 * time.Minute)
	n.mustSign(t)
}

// Where the rows were lost, generations begin again; an old disowning says
// nothing about the tokens that come then.
func TestAnOldDisowningIsForgotten(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Errcode: 40014, Times: 1})
	n.mustSign(t)
	n.DB.Exec(t, `DELETE FROM signet.tickets`)
	n.clock.Advance(life)
	require.Equal(t, made{1, 1, 1}, n.since(func() {
		_, err := n.signConfig(t.Context(), n.app)
		require.NoError(t, err)
		n.clock.Advance(2 * time.Minute)
		_, err = n.signAgentConfig(t.Context(), n.app)
		require.NoError(t, err)
	}))
}

// Whatever kept the former secret from being used counts no more for the next.
func TestANewSecretIsUsedAtOnce(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.WeCom.SetClosed(corp, agent, true)
	n.mustRefuse(t, fault.WeComUnavailable)
	n.WeCom.SetClosed(corp, agent, false)
	require.Zero(t, n.since(func() { n.mustRefuse(t, fault.WeComUnavailable) }))
	n.WeCom.ResetSecret(corp, agent, apptest.Secret("second"))
	_, err := n.Admin.RotateSecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID,
		admin.NewSecret{Secret: core.NewSecret(apptest.Secret("second")), SkipCheck: true})
	require.NoError(t, err)
	n.Catch(t)
	n.app.SecretText = apptest.Secret("second")
	n.mustSign(t)
}

func TestADeadSecretIsTriedOnceAndNeverAgain(t *testing.T) {
	t.Parallel()
	for _, errcode := range []int{40001, 40091} {
		t.Run(fmt.Sprint(errcode), func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.mustSign(t)
			if errcode == 40001 {
				n.WeCom.ResetSecret(corp, agent, apptest.Secret("second"))
			} else {
				n.WeCom.Inject(wecomtest.Fault{API: wecom.GetToken, Errcode: errcode, Times: 1})
			}
			require.Zero(t, n.since(func() { n.mustSign(t) }), "live tickets go on being served")
			n.clock.Advance(life)
			require.Equal(t, made{1, 0, 0}, n.since(func() { n.mustRefuse(t, fault.SecretRejected) }))
			n.WeCom.ResetSecret(corp, agent, apptest.Secret("second"))
			require.Zero(t, n.since(func() {
				for range 50 {
					n.mustRefuse(t, fault.SecretRejected)
				}
			}))
			require.Zero(t, n.since(func() { n.restart(t).mustRefuse(t, fault.SecretRejected) }), "not after a restart either")
			n.clock.Advance(48 * time.Hour)
			require.Zero(t, n.since(func() { n.mustRefuse(t, fault.SecretRejected) }), "nor after two days")
			require.Equal(t, 1, n.logged(`"alert":"secret_rejected"`), "one alert")
			require.Equal(t, []string{"wecom.secret_rejected"}, n.DB.List(t, `SELECT problem FROM signet.app_secrets`))

			_, err := n.Admin.RotateSecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID,
				admin.NewSecret{Secret: core.NewSecret(apptest.Secret("second"))})
			require.NoError(t, err)
			n.Catch(t)
			n.app.SecretText = apptest.Secret("second")
			n.mustSign(t)
		})
	}
}

// Trusted IPs are checked by the ticket calls, not by gettoken.
func TestARefusedAddressIsNotedAndNotedAway(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.WeCom.SetAllowedIPs(corp, agent, "192.0.2.7")
	f := n.mustRefuse(t, fault.IPRefused)
	require.Equal(t, "127.0.0.1", f.Args["ip"])
	require.Equal(t, 60020, f.Errcode)
	require.Equal(t, []string{"wecom.ip_refused"}, n.DB.List(t, `SELECT problem FROM signet.app_secrets`))
	require.Equal(t, 1, n.logged(`"alert":"ip_refused","ip":"127.0.0.1"`))
	require.Zero(t, n.since(func() {
		for range 50 {
			f := n.mustRefuse(t, fault.IPRefused)
			require.Equal(t, "127.0.0.1", f.Args["ip"])
		}
	}), "a refusal is not asked for again at once")

	n.WeCom.SetAllowedIPs(corp, agent)
	n.clock.Advance(time.Minute)
	n.mustSign(t)
	require.Equal(t, []string{""}, n.DB.List(t, `SELECT problem FROM signet.app_secrets`))
}
