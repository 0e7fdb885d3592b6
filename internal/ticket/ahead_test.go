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
	"signet/internal/ticket"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// What renews runs all the time; in these tests it runs when the test says so.
const (
	beforeItsTime = life * 69 / 100
	afterItsTime  = life*86/100 + 20*time.Second // the latest that any node renews
)

func TestTicketsAreRenewedBehindThePages(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	n.mustSign(t)
	n.clock.Advance(beforeItsTime)
	require.Zero(t, n.since(func() { n.Signer.RenewDue(t.Context()) }))
	n.clock.Advance(afterItsTime - beforeItsTime)
	require.Equal(t, made{0, 1, 1}, n.since(func() { n.Signer.RenewDue(t.Context()) }), "by the token that still lives")
	require.Zero(t, n.since(func() { n.Signer.RenewDue(t.Context()) }), "once")
	counts, _ := n.Signer.Renewals()
	require.Equal(t, int64(1), counts.Done.Load(), "nor is it looked at again")
	n.clock.Advance(life * 3 / 10) // the first ones have ended
	require.Zero(t, n.since(func() { n.mustSign(t) }), "no page waited for it")
}

// Each ticket has its own time.
func TestTheOtherTicketIsNotRenewedAlong(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	alone := 0
	const apps = 10
	for i := range apps {
		n.app = n.ColdApp(t, n.Tenant(t, "企业", fmt.Sprintf("wwother%09d", i)), agent, apptest.Secret(fmt.Sprint(i)), host)
		n.mustSign(t)
		from, ok := n.Tickets.RenewFrom(ticket.App{TenantID: n.app.TenantID, AppID: n.app.ID, CorpID: n.app.CorpID})
		require.True(t, ok)
		n.clock.Advance(from.Sub(n.clock.Now()))
		switch calls := n.since(func() { n.Signer.RenewDue(t.Context()) }); calls.corpTickets + calls.agentTickets {
		case 1:
			alone++
		default:
			t.Logf("app %d: %+v", i, calls)
		}
		n.clock.Advance(48 * time.Hour) // nobody uses it any more
	}
	require.GreaterOrEqual(t, alone, apps-3, "two keys may have nearly the same time")
}

// The original program's pages ask for one of the two.
func TestTheOnlyTicketThatIsUsedIsRenewed(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	_, err := n.signConfig(t.Context(), n.app)
	require.NoError(t, err)
	n.clock.Advance(afterItsTime)
	require.Equal(t, made{0, 1, 0}, n.since(func() { n.Signer.RenewDue(t.Context()) }))
}

// Whose pages nobody opens any more is renewed for a day, and then let be.
func TestAnAppThatNobodyUsesIsRenewedForADay(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	n.mustSign(t)
	renewed := func(hours int) made {
		return n.since(func() {
			for range hours * 4 {
				n.clock.Advance(15 * time.Minute)
				n.Signer.RenewDue(t.Context())
			}
		})
	}
	day := renewed(25)
	require.GreaterOrEqual(t, day.agentTickets, 24/2)
	require.Zero(t, renewed(48))
	n.mustSign(t)
	n.Signer.RenewDue(t.Context())
	require.Positive(t, renewed(4).sum(), "it is in use again")
}

func TestWhatMayNotSignIsNotRenewed(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(t *testing.T, n node){
		"the app is suspended": func(t *testing.T, n node) {
			n.DB.Exec(t, `UPDATE signet.apps SET status = 'suspended'`)
		},
		"the tenant is suspended": func(t *testing.T, n node) {
			n.DB.Exec(t, `UPDATE signet.tenants SET status = 'suspended' WHERE tenant_id = $1`, n.tenant.ID.String())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.mustSign(t)
			stop(t, n)
			_, err := n.Directory.Load(t.Context())
			require.NoError(t, err)
			n.clock.Advance(afterItsTime)
			require.Zero(t, n.since(func() { n.Signer.RenewDue(t.Context()) }))
		})
	}
}

// The last use outlives a change of the app and a reading of everything anew.
func TestTheLastUseOutlivesChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, n node){
		"a domain more": func(t *testing.T, n node) {
			_, err := n.Admin.CreateDomain(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID, "more.example.com")
			require.NoError(t, err)
			n.Catch(t)
		},
		"everything anew": func(t *testing.T, n node) {
			_, err := n.Directory.Load(t.Context())
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, withMode(wecomtest.NewValue))
			n.mustSign(t)
			change(t, n)
			n.clock.Advance(afterItsTime)
			require.Equal(t, made{0, 1, 1}, n.since(func() { n.Signer.RenewDue(t.Context()) }))
		})
	}
}

// A value that WeCom only repeats is asked for once ahead of its time and then
// at its end, which never moves.
func TestARepeatedTicketIsNotAskedForAgainBeforeItsEnd(t *testing.T) {
	t.Parallel()
	for _, mode := range []wecomtest.Mode{wecomtest.SameValue, wecomtest.SameFullLife} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			n := newNode(t, withMode(mode))
			n.mustSign(t)
			end := n.DB.List(t, `SELECT expires_at::text FROM signet.tickets WHERE kind = 'agent_ticket'`)
			n.clock.Advance(afterItsTime)
			require.Equal(t, made{0, 1, 1}, n.since(func() { n.Signer.RenewDue(t.Context()) }))
			require.LessOrEqual(t, n.DB.List(t, `SELECT expires_at::text FROM signet.tickets WHERE kind = 'agent_ticket'`)[0], end[0], "it may come nearer by the part of a second that WeCom does not tell")
			n.clock.Advance(life - afterItsTime - 10*time.Second)
			require.Zero(t, n.since(func() {
				for range 5 {
					n.Signer.RenewDue(t.Context())
					n.mustSign(t)
					n.clock.Advance(time.Second)
				}
			}))
			n.clock.Advance(3500 * time.Millisecond)
			require.Equal(t, made{1, 1, 1}, n.since(func() { n.Signer.RenewDue(t.Context()) }), "at the end")
			require.Zero(t, n.since(func() { n.mustSign(t) }))
		})
	}
}

// A renewal that fails costs no page anything, and WeCom little.
func TestARenewalThatFailsLeavesWhatLives(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	n.mustSign(t)
	n.clock.Advance(afterItsTime)
	n.WeCom.Inject(wecomtest.Fault{Status: 500, Body: "away"})
	step := func() {
		n.Signer.RenewDue(t.Context())
		n.mustSign(t)
		n.clock.Advance(5 * time.Second)
	}
	calls := n.since(func() {
		for range 60 {
			step()
		}
	})
	counts, _ := n.Signer.Renewals()
	t.Logf("five minutes without an answer: %+v in %d renewals", calls, counts.Failed.Load())
	require.LessOrEqual(t, counts.Failed.Load(), int64(30), "an app rests after each failure, longer and longer")
	require.LessOrEqual(t, calls.sum(), 50)
	n.WeCom.ClearFaults()
	for range 60 { // the longest pause is over by then
		step()
	}
	n.clock.Advance(life - afterItsTime - 10*time.Minute)
	require.Zero(t, n.since(func() { n.mustSign(t) }), "what was held is over, and the next is there")
}

// However many nodes renew at the same moment, a value is fetched once.
func TestNodesRenewOnce(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	nodes := n.cluster(t, 4)
	for _, one := range nodes {
		one.mustSign(t)
	}
	n.clock.Advance(afterItsTime)
	require.Equal(t, made{0, 1, 1}, n.since(func() {
		done := make(chan struct{})
		for _, one := range nodes {
			go func() { one.Signer.RenewDue(t.Context()); done <- struct{}{} }()
		}
		for range nodes {
			<-done
		}
	}))
	n.clock.Advance(life / 5)
	require.Zero(t, n.since(func() {
		for _, one := range nodes {
			one.mustSign(t)
		}
	}))
}

// A node that was just started takes up what is in use, and then needs neither
// Postgres nor WeCom for it.
func TestAStartedNodeTakesUpWhatIsInUse(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.mustSign(t)
	idle := n.App(t, n.Tenant(t, "北辰物流", "ww00000000000idle"), "1000300", apptest.Secret("idle"), "idle.example.com")
	again := n.restart(t)
	require.Zero(t, again.since(func() { again.Signer.WarmUp(t.Context()) }))
	require.Equal(t, 2, again.Tickets.Len(), "not what was tried and never used")
	again.cutOff(t)
	again.WeCom.Inject(wecomtest.Fault{Behaviour: wecomtest.Reset})
	again.mustSign(t)
	_, err := again.Sign(t.Context(), idle, apptest.Page("idle.example.com", "1"))
	require.True(t, fault.Has(err, fault.StoreUnavailable), err)
	again.clock.Advance(afterItsTime)
	again.WeCom.ClearFaults()
	require.Equal(t, made{1, 1, 1}, again.since(func() { again.Signer.RenewDue(t.Context()) }), "it renews it as well")
}

// Also for pages that nobody has opened since.
func TestAStartedNodeRenewsWhatWasInUse(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	n.mustSign(t)
	again := n.restart(t)
	again.Signer.WarmUp(t.Context())
	again.clock.Advance(afterItsTime)
	require.Equal(t, made{0, 1, 1}, again.since(func() { again.Signer.RenewDue(t.Context()) }))
	again = n.restart(t)
	again.Signer.WarmUp(t.Context())
	again.clock.Advance(25 * time.Hour)
	require.Zero(t, again.since(func() { again.Signer.RenewDue(t.Context()) }), "but not for ever: a renewal is no use")
}

// A node that is cut off from Postgres signs on, whatever ends meanwhile: it
// fetches for itself.
func TestANodeThatIsCutOffFetchesForItself(t *testing.T) {
	t.Parallel()
	for _, mode := range []wecomtest.Mode{wecomtest.NewValue, wecomtest.SameValue, wecomtest.SameFullLife, wecomtest.NewVoidsOld} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			n := newNode(t, withMode(mode))
			n.mustSign(t)
			n.clock.Advance(life / 2)
			n.mustSign(t)
			back := n.cutOff(t)
			calls := n.since(func() {
				for begin := n.clock.Now(); n.clock.Now().Sub(begin) < 2*life; n.clock.Advance(10 * time.Minute) {
					n.Signer.RenewDue(t.Context())
					n.mustSign(t)
				}
			})
			require.LessOrEqual(t, calls.sum(), 18, calls)
			require.Positive(t, calls.tokens)
			back()
			n.Catch(t)
			n.mustSign(t)
			n.clock.Advance(afterItsTime)
			n.Signer.RenewDue(t.Context())
			require.Zero(t, n.since(func() { n.Signer.RenewDue(t.Context()); n.mustSign(t) }), "what it fetched for itself has made way for what stands in the row")
		})
	}
}

// Also for an app whose tickets another node has fetched.
func TestANodeThatIsCutOffHasTheSecretOfWhatItRead(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.mustSign(t)
	other := n.restart(t)
	require.Zero(t, other.since(func() { other.mustSign(t) }))
	other.cutOff(t)
	other.clock.Advance(life)
	require.Equal(t, made{1, 1, 1}, other.since(func() { other.mustSign(t) }))
}

// What a person has done before Postgres went away holds: a secret that was
// rotated or refused is not used from memory.
func TestANodeThatIsCutOffUsesNoSecretThatIsOver(t *testing.T) {
	t.Parallel()
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		n := newNode(t)
		n.mustSign(t)
		n.cutOff(t)
		n.WeCom.ResetSecret(corp, agent, apptest.Secret("second"))
		n.clock.Advance(life)
		require.Equal(t, made{1, 0, 0}, n.since(func() { n.mustRefuse(t, fault.SecretRejected) }))
		require.Zero(t, n.since(func() {
			for range 3 {
				n.mustRefuse(t, fault.StoreUnavailable)
			}
		}), "no second time")
		require.Equal(t, 1, n.logged(`"alert":"secret_rejected"`))
	})
	t.Run("rotated", func(t *testing.T) {
		t.Parallel()
		n := newNode(t)
		n.mustSign(t)
		n.WeCom.ResetSecret(corp, agent, apptest.Secret("second"))
		_, err := n.Admin.RotateSecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID,
			admin.NewSecret{Secret: core.NewSecret(apptest.Secret("second"))})
		require.NoError(t, err)
		n.Catch(t)
		n.cutOff(t)
		n.clock.Advance(life)
		require.Zero(t, n.since(func() { n.mustRefuse(t, fault.StoreUnavailable) }), "the former is forgotten and the new one not known")
	})
}

// Where Postgres takes nothing but can be read, also a cold app is served.
func TestAReadOnlyDatabaseServesAColdApp(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	app := n.App(t, n.Tenant(t, "北辰物流", "ww0000000000cold1"), "1000300", apptest.Secret("cold"), host)
	n.DB.Exec(t, `DELETE FROM signet.tickets`)
	n.DB.Exec(t, `ALTER ROLE signet_app IN DATABASE `+n.DB.Name+` SET default_transaction_read_only = on`)
	again := n.restart(t)
	answer, err := again.Sign(t.Context(), app, page)
	require.NoError(t, err)
	require.NoError(t, again.Verify(app, page, answer))
}

// In the whole cluster a token that WeCom goes on disowning is replaced once a
// minute.
func TestNodesReplaceADisownedTokenOnceAMinute(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	_, err := n.signConfig(t.Context(), n.app)
	require.NoError(t, err)
	nodes := n.cluster(t, 3)
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Errcode: 40014})
	calls := n.since(func() {
		for range 3 {
			for _, one := range nodes {
				one.mustRefuse(t, fault.WeComUnavailable)
			}
		}
	})
	require.Equal(t, 1, calls.tokens, calls)
	n.WeCom.ClearFaults()
	n.clock.Advance(2 * time.Minute)
	for _, one := range nodes {
		one.mustSign(t)
	}
}

// The figure: what WeCom is asked in steady state, for an app that is in use all
// day, as a multiple of two tickets and one token in each life.
func TestSteadyStateIsCheap(t *testing.T) {
	t.Parallel()
	for mode, bound := range steadyBounds {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			// The places at which twenty keys are renewed are drawn anew in each run.
			const chance = 0.04
			require.LessOrEqual(t, steadyState(t, mode), bound+chance)
		})
	}
}

// steadyBounds are what that may be, by what WeCom gives to who asks before the end.
var steadyBounds = map[wecomtest.Mode]float64{wecomtest.NewValue: 1.15, wecomtest.SameValue: 2.3, wecomtest.SameFullLife: 2.3}

func steadyState(t *testing.T, mode wecomtest.Mode) (ratio float64) {
	t.Helper()
	const lives, step, steps = 24, 20 * time.Second, 45 // a quarter of an hour
	n := newNode(t, withMode(mode))
	apps := []apptest.App{n.app}
	for i := range 9 {
		tenant := n.Tenant(t, fmt.Sprint("企业 ", i), fmt.Sprintf("wwsteady%08d", i))
		apps = append(apps, n.ColdApp(t, tenant, agent, apptest.Secret(fmt.Sprint("steady", i)), host))
	}
	waits := 0
	calls := n.since(func() {
		for i := 1; time.Duration(i)*step <= lives*life; i++ {
			n.clock.Drift(step)
			if i%steps == 0 {
				require.NoError(t, n.Age(steps*step))
			}
			n.Signer.RenewDue(t.Context())
			for _, app := range apps {
				before := n.made().sum()
				answer, err := n.Sign(t.Context(), app, page)
				require.NoError(t, err)
				require.NoError(t, n.Verify(app, page, answer))
				if n.made().sum() > before {
					waits++
				}
			}
		}
	})
	ratio = float64(calls.sum()) / float64(3*lives*len(apps))
	t.Logf("%s: %.3f × (2 tickets + 1 token) per app and life: %+v in %d lives of %d apps; 0 pages failed, %d waited for a call",
		mode, ratio, calls, lives, len(apps), waits)
	return ratio
}
