package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/upstream"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// nodes gives so many nodes of one cluster: one database, one WeCom.
func (b bundle) nodes(t *testing.T, n int) []bundle {
	t.Helper()
	list := []bundle{b}
	for len(list) < n {
		another := b
		another.House = b.Restart(t)
		list = append(list, another)
	}
	return list
}

// What a person has to mend costs WeCom's patience twelve calls in the first hour
// and ten in each further one, however many nodes ask however often.
func TestARefusalCostsTwelveCallsAnHourInTheWholeCluster(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault wecomtest.Fault
		api   wecom.API
	}{
		{wecomtest.Fault{Errcode: 60020}, wecom.GetToken},
		{wecomtest.Fault{Errcode: 40014}, wecom.GetAgentTicket}, // a token that stays refused whatever is tried
	} {
		t.Run(fmt.Sprint(c.fault.Errcode), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.WeCom.Inject(c.fault)
			nodes := b.nodes(t, 3)
			var hours [2]int
			for minute := range 120 {
				before := b.calls()
				for i := range nodes {
					node := nodes[(minute+i)%len(nodes)]
					for range 3 {
						require.Error(t, node.ask(t.Context(), c.api))
					}
				}
				hours[minute/60] += b.calls() - before
				b.clock.Advance(time.Minute)
			}
			require.Equal(t, [2]int{12, 10}, hours)
		})
	}
}

func (b bundle) ask(ctx context.Context, api wecom.API) error {
	if api == wecom.GetToken {
		return b.token(ctx, b.who)
	}
	_, err := b.Gate.AgentTicket(ctx, b.who, core.NewSecret("a token"))
	return err
}

func TestQuotaClosesTheCorpOnEveryNode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.nodes(t, 2)[1]
	b.WeCom.Inject(wecomtest.Fault{Errcode: 45009, Times: 1})
	require.Error(t, b.token(t.Context(), b.who))
	for _, who := range []upstream.Caller{b.who, another(b.who)} {
		for range 2 { // from Postgres, then from memory
			err := other.token(t.Context(), who)
			require.True(t, fault.Has(err, fault.WeComQuota), err)
			require.Equal(t, 45009, fault.Find(err).Errcode)
			require.InDelta(t, time.Hour, fault.Find(err).RetryAfter, float64(10*time.Second))
		}
	}
	require.Equal(t, 1, b.calls())
	stranger := b.who
	stranger.TenantID = b.Tenant(t, "北辰物流", corp).ID
	require.NoError(t, other.token(t.Context(), stranger), "the same corp id in another tenant is another corp")
	b.clock.Advance(time.Hour)
	require.NoError(t, other.token(t.Context(), b.who))
}

// When a pause is over one node finds out for all.
func TestOneNodeProbes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nodes := b.nodes(t, 3)
	b.WeCom.Inject(wecomtest.Fault{Errcode: 60020, Times: 1})
	require.Error(t, b.token(t.Context(), b.who))
	b.clock.Advance(time.Minute)
	b.WeCom.Inject(wecomtest.Fault{Behaviour: wecomtest.Hang, Times: 1})
	probe := make(chan error, 1)
	go func() { probe <- nodes[1].token(t.Context(), b.who) }()
	b.awaitHanging(t, 1)
	for _, node := range []bundle{nodes[0], nodes[2]} {
		err := node.token(t.Context(), b.who)
		require.True(t, fault.Has(err, fault.IPRefused), err)
		require.Positive(t, fault.Find(err).RetryAfter)
		require.LessOrEqual(t, fault.Find(err).RetryAfter, 3*time.Second)
	}
	require.Equal(t, 2, b.calls())
	b.WeCom.Release()
	require.NoError(t, <-probe)
	require.Equal(t, []string{"0"}, b.DB.List(t, `SELECT count(*)::text FROM signet.call_pauses`), "and what stood there is gone")
	b.clock.Advance(3 * time.Second)
	require.NoError(t, nodes[2].token(t.Context(), b.who))
}

// Also where all have read that the pause is over before the first has claimed.
func TestOneOfThoseWhoComeAtOnceProbes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nodes := b.nodes(t, 2)
	b.WeCom.Inject(wecomtest.Fault{Errcode: 60020})
	require.Error(t, b.token(t.Context(), b.who))
	b.clock.Advance(time.Minute)
	ended := make(chan error, len(nodes))
	key := store.CallKey{CorpID: corp, AppID: b.who.AppID, API: string(wecom.GetToken)}
	require.NoError(t, b.Store.Tenant(t.Context(), core.System("test"), b.who.TenantID, func(tx *store.TenantTx) error {
		// As long as this is not over, all wait where they count.
		if _, err := tx.CountCalls(t.Context(), key, 1, 0, 0); err != nil {
			return err
		}
		for _, node := range nodes {
			go func() { ended <- node.token(t.Context(), b.who) }()
		}
		require.Eventually(t, func() bool {
			return b.DB.List(t, `SELECT count(*)::text FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`)[0] == "2"
		}, 20*time.Second, 10*time.Millisecond)
		return nil
	}))
	for range nodes {
		require.Error(t, <-ended)
	}
	require.Equal(t, 2, b.calls())
}

// A node that ends while it finds out holds nobody up for longer than that takes.
func TestAProbeThatIsLostIsMadeByAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.nodes(t, 2)[1]
	b.WeCom.Inject(wecomtest.Fault{Errcode: 60020, Times: 1})
	require.Error(t, b.token(t.Context(), b.who))
	b.clock.Advance(time.Minute)
	b.WeCom.Inject(wecomtest.Fault{Behaviour: wecomtest.Hang, Times: 1})
	ctx, die := context.WithCancel(t.Context())
	probe := make(chan error, 1)
	go func() { probe <- b.token(ctx, b.who) }()
	b.awaitHanging(t, 1)
	die()
	require.ErrorIs(t, <-probe, context.Canceled)
	require.Error(t, other.token(t.Context(), b.who))
	b.clock.Advance(3 * time.Second)
	require.NoError(t, other.token(t.Context(), b.who))
}

func TestFailuresInARowAreTheClusters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.nodes(t, 2)[1]
	away := wecomtest.Fault{Status: 500, Body: "away"}
	b.WeCom.Inject(away)
	for i := range 5 {
		require.Error(t, []bundle{b, other}[i%2].token(t.Context(), b.who))
	}
	require.Equal(t, 5, b.calls())
	for _, node := range []bundle{b, other} {
		require.Error(t, node.token(t.Context(), b.who))
	}
	require.Equal(t, 5, b.calls(), "the fifth pauses both")

	b.clock.Advance(2 * time.Second)
	b.WeCom.ClearFaults()
	require.NoError(t, other.token(t.Context(), b.who))
	b.WeCom.Inject(away)
	b.clock.Advance(3 * time.Second)
	for range 4 {
		require.Error(t, b.token(t.Context(), b.who))
	}
	b.WeCom.ClearFaults()
	require.NoError(t, b.token(t.Context(), b.who), "a success on one node begins the count anew on all")
}

// An hour without WeCom costs a key far less than the hard budget, so that it is
// not locked out by ourselves when WeCom is back.
func TestAnHoursOutageLeavesMostOfTheBudget(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.WeCom.Inject(wecomtest.Fault{Behaviour: wecomtest.ResetMid})
	for passed := time.Duration(0); passed < time.Hour; {
		_, wait := b.pausedFor(t, b.who)
		b.clock.Advance(wait)
		passed += wait
	}
	t.Log(b.calls(), "calls in the hour")
	require.LessOrEqual(t, b.calls(), 43)
	b.WeCom.ClearFaults()
	require.NoError(t, b.token(t.Context(), b.who))
}

// While Postgres is away a node pauses by itself. When it is back, it knows how
// often that was in vain.
func TestANodePausesByItselfWithoutPostgres(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.WeCom.Inject(wecomtest.Fault{Errcode: 60020})
	b.alter(t, "ALLOW_CONNECTIONS false")
	for i, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
		made, wait := b.pausedFor(t, b.who)
		require.Equal(t, 1, made)
		require.Equal(t, want, wait, "the %d. time", i+1)
		b.clock.Advance(wait)
	}
	b.alter(t, "ALLOW_CONNECTIONS true")
	_, wait := b.pausedFor(t, b.who)
	require.Equal(t, 6*time.Minute, wait.Round(time.Second))
	other := b.nodes(t, 2)[1]
	require.True(t, fault.Has(other.token(t.Context(), b.who), fault.IPRefused))
	require.Equal(t, 4, b.calls())
}

// A refresh ahead of need yields to a pause, and finds out like any other call
// whether it was long enough: otherwise a page would have to.
func TestARefreshAheadOfNeedFindsOutWhetherAPauseIsOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.nodes(t, 2)[1]
	ahead := b.who
	ahead.Ahead = true
	b.WeCom.Inject(wecomtest.Fault{Errcode: 60020, Times: 1})
	require.Error(t, b.token(t.Context(), b.who))
	for _, node := range []bundle{b, other} {
		require.True(t, fault.Has(node.token(t.Context(), ahead), fault.IPRefused))
	}
	require.Equal(t, 1, b.calls())
	b.clock.Advance(2 * time.Minute)
	require.NoError(t, other.token(t.Context(), ahead))
	require.NoError(t, b.token(t.Context(), b.who))
}

// Who has waited for its turn among the tenant's calls may find that it is not
// wanted any more.
func TestNoCallIsMadeThatIsNotWantedAnyMore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := b.who
	over := errors.New("over")
	who.Begin = func(context.Context) error { return over }
	require.ErrorIs(t, b.token(t.Context(), who), over)
	require.Zero(t, b.calls())
	require.NoError(t, b.token(t.Context(), b.who))
}

// A caller that has just found Postgres out of reach is not kept waiting by it.
func TestACallOfANodeThatIsAloneAsksNoPostgres(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := b.who
	who.Alone = true
	statements := b.Store.Statements()
	require.NoError(t, b.token(t.Context(), who))
	b.WeCom.Inject(wecomtest.Fault{Errcode: 60020, Times: 1})
	require.Error(t, b.token(t.Context(), who))
	require.True(t, fault.Has(b.token(t.Context(), who), fault.IPRefused), "the node knows of it")
	require.Equal(t, 2, b.calls())
	require.Equal(t, statements, b.Store.Statements())
	untried := another(who)
	untried.Standing = upstream.Untried
	err := b.token(t.Context(), untried)
	require.True(t, fault.Has(err, fault.StoreUnavailable), err)
	require.Positive(t, fault.Find(err).RetryAfter)
}
