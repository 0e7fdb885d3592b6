package upstream_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/upstream"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// made writes calls of this hour into the budget.
func (b bundle) made(t *testing.T, who upstream.Caller, api wecom.API, minutesAgo, calls, accepted int) {
	t.Helper()
	b.DB.Exec(t, `INSERT INTO signet.calls (tenant_id, corp_id, app_id, api, minute, calls, accepted)
		VALUES ($1, $2, $3, $4, date_trunc('minute', now()) - make_interval(mins => $5), $6, $7)`,
		who.TenantID.String(), string(who.CorpID), who.AppID.String(), string(api), minutesAgo, calls, accepted)
}

// budget gives its rows as "api calls accepted", each key's in one.
func (b bundle) budget(t *testing.T) []string {
	t.Helper()
	return b.DB.List(t, `SELECT api || ' ' || sum(calls) || ' ' || sum(accepted) FROM signet.calls GROUP BY tenant_id, corp_id, app_id, api ORDER BY 1`)
}

// The limits, each one call below and at it.
func TestTheBudgetsLimits(t *testing.T) {
	t.Parallel()
	const gettoken, ticket = wecom.GetToken, wecom.GetAgentTicket
	for _, c := range []struct {
		name     string
		api      wecom.API
		own      int // calls of the key
		others   int // accepted ones of the same corp in another tenant
		stranger int // calls with its id that WeCom has not accepted
		standing upstream.Standing
		ahead    bool
		want     fault.Reason // "": the call is made
	}{
		{"19, ahead of need", gettoken, 19, 0, 0, upstream.KnownGood, true, ""},
		{"20, ahead of need", gettoken, 20, 0, 0, upstream.KnownGood, true, fault.ReasonOwnBudget},
		{"59", gettoken, 59, 0, 0, upstream.KnownGood, false, ""},
		{"60", gettoken, 60, 0, 0, upstream.KnownGood, false, fault.ReasonOwnBudget},
		{"59, untried", gettoken, 59, 0, 0, upstream.Untried, false, ""},
		{"60, untried", gettoken, 60, 0, 0, upstream.Untried, false, fault.ReasonOwnBudget},
		{"59, a trial", gettoken, 59, 0, 0, upstream.Trial, false, ""},
		{"60, a trial", gettoken, 60, 0, 0, upstream.Trial, false, fault.ReasonOwnBudget},
		{"199 of the corp, ahead of need", ticket, 0, 199, 0, upstream.KnownGood, true, ""},
		{"200 of the corp, ahead of need", ticket, 0, 200, 0, upstream.KnownGood, true, fault.ReasonCorpBudget},
		{"299 of the corp", ticket, 0, 299, 0, upstream.KnownGood, false, ""},
		{"300 of the corp", ticket, 0, 300, 0, upstream.KnownGood, false, fault.ReasonCorpBudget},
		{"300 of the corp, a trial", ticket, 0, 300, 0, upstream.Trial, false, fault.ReasonCorpBudget},
		{"300 with its own", ticket, 59, 241, 0, upstream.KnownGood, false, fault.ReasonCorpBudget},
		{"a stranger entered the corp's id", ticket, 0, 0, 100_000, upstream.KnownGood, true, ""},
		{"of tokens a corp has no count", gettoken, 0, 0, 100_000, upstream.KnownGood, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			token, err := b.Gate.AccessToken(t.Context(), another(b.who), b.secret)
			require.NoError(t, err)
			neighbour := another(b.who)
			neighbour.TenantID = core.NewTenantID()
			b.made(t, neighbour, c.api, 1, c.others+c.stranger, c.others)
			b.made(t, b.who, c.api, 1, c.own, c.own)
			b.WeCom.ForgetCalls()
			who := b.as(c.standing)
			who.Ahead = c.ahead
			call := func() error {
				if c.api == gettoken {
					return b.token(t.Context(), who)
				}
				_, err := b.Gate.AgentTicket(t.Context(), who, token.Value)
				return err
			}
			if c.want == "" {
				require.NoError(t, call())
				require.Equal(t, 1, b.calls())
				return
			}
			before := b.budget(t)
			for range 3 {
				err := call()
				require.True(t, fault.Has(err, fault.WeComQuota), err)
				require.Equal(t, c.want, fault.Find(err).Reason)
				require.Greater(t, fault.Find(err).RetryAfter, 58*time.Minute, "until the oldest of them are an hour old")
				require.LessOrEqual(t, fault.Find(err).RetryAfter, 60*time.Minute)
			}
			require.Zero(t, b.calls(), "the call is not made")
			require.Equal(t, before, b.budget(t), "nor counted")
		})
	}
}

// WeCom counts each API by itself.
func TestTheCountOfACorpIsOfOneAPI(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, err := b.Gate.AccessToken(t.Context(), b.who, b.secret)
	require.NoError(t, err)
	b.made(t, another(b.who), wecom.GetCorpTicket, 1, 300, 300)
	_, err = b.Gate.CorpTicket(t.Context(), b.who, token.Value)
	require.Equal(t, fault.ReasonCorpBudget, fault.Find(err).Reason)
	_, err = b.Gate.AgentTicket(t.Context(), b.who, token.Value)
	require.NoError(t, err)
}

// WeCom's window is not known to be the clock's hour, so it slides.
func TestTheHourOfTheBudgetSlides(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.made(t, b.who, wecom.GetToken, 55, 10, 10)
	b.made(t, b.who, wecom.GetToken, 5, 50, 50)
	err := b.token(t.Context(), b.who)
	require.Equal(t, fault.ReasonOwnBudget, fault.Find(err).Reason)
	require.InDelta(t, 5*time.Minute+30*time.Second, fault.Find(err).RetryAfter, float64(31*time.Second))
	b.clock.Advance(6 * time.Minute)
	require.NoError(t, b.token(t.Context(), b.who))
}

// Many callers at once on many nodes get no call more than the budget has.
func TestABurstOnManyNodesStaysWithinTheBudget(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.made(t, b.who, wecom.GetToken, 1, 50, 50)
	var refused atomic.Int64
	var group errgroup.Group
	for _, node := range b.nodes(t, 3) {
		for range 8 {
			group.Go(func() error {
				err := node.token(t.Context(), b.who)
				if err != nil && fault.Find(err).Reason == fault.ReasonOwnBudget {
					refused.Add(1)
					return nil
				}
				return err
			})
		}
	}
	require.NoError(t, group.Wait())
	require.Equal(t, 10, b.calls())
	require.EqualValues(t, 14, refused.Load())
	require.Equal(t, []string{"gettoken 60 60"}, b.budget(t))
}

func TestTheBudgetCountsWhatReachesWeCom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		fault    wecomtest.Fault
		standing upstream.Standing
		want     string
	}{
		{"a call", wecomtest.Fault{}, upstream.KnownGood, "gettoken 1 1"},
		{"each try of it", wecomtest.Fault{Errcode: -1, Times: 2}, upstream.KnownGood, "gettoken 3 3"},
		{"in vain", wecomtest.Fault{Errcode: -1}, upstream.KnownGood, "gettoken 3 3"},
		{"a refused one", wecomtest.Fault{Errcode: 60020}, upstream.KnownGood, "gettoken 1 1"},
		{"a trial that is accepted", wecomtest.Fault{}, upstream.Trial, "gettoken 1 1"},
		{"a trial that is accepted at last", wecomtest.Fault{Errcode: -1, Times: 1}, upstream.Trial, "gettoken 2 2"},
		{"a trial that is refused", wecomtest.Fault{Errcode: 40001}, upstream.Trial, "gettoken 1 0"},
		{"an untried one that is refused", wecomtest.Fault{Errcode: 40001}, upstream.Untried, "gettoken 1 0"},
		{"an untried one that is accepted", wecomtest.Fault{}, upstream.Untried, "gettoken 1 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.WeCom.Inject(c.fault)
			_ = b.token(t.Context(), b.as(c.standing))
			require.Equal(t, []string{c.want}, b.budget(t))
		})
	}
}

// A call is counted when it is made, not when it has an answer.
func TestACallUnderWayIsInTheBudget(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.WeCom.Inject(wecomtest.Fault{Behaviour: wecomtest.Hang, Times: 1})
	ended := make(chan error, 1)
	go func() { ended <- b.token(t.Context(), b.who) }()
	b.awaitHanging(t, 1)
	require.Equal(t, []string{"gettoken 1 1"}, b.budget(t))
	b.WeCom.Release()
	require.NoError(t, <-ended)
}

// While Postgres is away each node keeps within the budget by itself, and writes
// it down when Postgres is back.
func TestTheBudgetHoldsWithoutPostgres(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.alter(t, "ALLOW_CONNECTIONS false")
	for range upstream.HardBudget {
		require.NoError(t, b.token(t.Context(), b.who))
	}
	err := b.token(t.Context(), b.who)
	require.Equal(t, fault.ReasonOwnBudget, fault.Find(err).Reason, err)
	require.Equal(t, upstream.HardBudget, b.calls())
	require.NoError(t, b.token(t.Context(), another(b.who)))

	b.alter(t, "ALLOW_CONNECTIONS true")
	require.Eventually(t, func() bool { return b.Store.Ping(t.Context()) == nil }, 20*time.Second, 10*time.Millisecond)
	require.NoError(t, b.token(t.Context(), another(b.who)))
	require.Equal(t, []string{"gettoken 1 1", "gettoken 1 1", "gettoken 60 60"}, b.budget(t))
	other := b.nodes(t, 2)[1]
	require.Equal(t, fault.ReasonOwnBudget, fault.Find(other.token(t.Context(), b.who)).Reason)
}

// A warm way to WeCom is short: one transaction of the tenant before a call that
// goes well, and for tickets one more of the system's door, and nothing after it.
func TestACallThatGoesWellCostsFewTransactions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	statements := func(work func() error) int64 {
		before := b.Store.Statements()
		require.NoError(t, work())
		return b.Store.Statements() - before
	}
	var token wecom.Grant
	var err error
	require.EqualValues(t, 6, statements(func() error { token, err = b.Gate.AccessToken(t.Context(), b.who, b.secret); return err }),
		"begin, four statements, commit")
	require.EqualValues(t, 9, statements(func() error { _, err = b.Gate.AgentTicket(t.Context(), b.who, token.Value); return err }),
		"and begin, one statement, commit")
}
