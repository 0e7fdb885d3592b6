package upstream_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/upstream"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

const (
	corp  = "ww1234567890abcdef"
	agent = "1000247"
)

// bundle is a House with one app that WeCom knows, and the caller for it.
type bundle struct {
	*apptest.House
	clock  *apptest.Clock
	secret core.Secret
	who    upstream.Caller
}

func setup(t *testing.T) bundle {
	t.Helper()
	b := bundle{clock: apptest.NewClock(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)), secret: core.NewSecret(apptest.Secret("first"))}
	b.House = apptest.New(t, apptest.Config{Now: b.clock.Now, CallTime: time.Minute, WeCom: wecomtest.Config{Clock: b.clock.Now}})
	b.Ages(b.clock)
	tenant := b.Tenant(t, "蓝湖科技", corp)
	app := b.ColdApp(t, tenant, agent, b.secret.Expose())
	b.who = upstream.Caller{TenantID: tenant.ID, CorpID: corp, AppID: app.ID, Standing: upstream.KnownGood}
	return b
}

func (b bundle) as(s upstream.Standing) upstream.Caller {
	who := b.who
	who.Standing = s
	return who
}

func (b bundle) token(ctx context.Context, who upstream.Caller) error {
	_, err := b.Gate.AccessToken(ctx, who, b.secret)
	return err
}

func (b bundle) calls() int { return len(b.WeCom.Calls()) }

// ledger gives its rows as "tenant api errcode calls", sorted.
func (b bundle) ledger(t *testing.T) []string {
	t.Helper()
	list := b.DB.List(t, `SELECT tenant_id || ' ' || api || ' ' || errcode || ' ' || calls FROM signet.refused_calls`)
	slices.Sort(list)
	return list
}

// refused writes refusals of this hour into the ledger.
func (b bundle) refused(t *testing.T, tenant core.TenantID, calls int) {
	t.Helper()
	b.DB.Exec(t, `INSERT INTO signet.refused_calls (tenant_id, minute, api, errcode, calls) VALUES ($1, date_trunc('minute', now()), 'gettoken', 40001, $2)
		ON CONFLICT (tenant_id, minute, api, errcode) DO UPDATE SET calls = EXCLUDED.calls`, tenant.String(), calls)
}

func TestTheLedgerCountsWhatWeComHoldsAgainstUs(t *testing.T) {
	t.Parallel()
	for name, counted := range map[string]bool{
		"errcode-40001": true, "40091": true, "60020": true, "50001/50002": true, "unknown-errcode": true,
		"45009": false, "45033": false, "-1": false, "ok": false,
		"http-500": false, "http-429": false, "redirect-302": false, "json-array": false, "json-dup": false,
		"ticket-empty": false, "expires-0": false, "truncated": false, "reset-mid": false, "bom": false,
	} {
		for _, standing := range []upstream.Standing{upstream.Trial, upstream.Untried, upstream.KnownGood} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				f, ok := wecomtest.FindFault(name)
				require.True(t, ok)
				b.WeCom.Inject(f)
				err := b.token(t.Context(), b.as(standing))
				var failed *wecom.Error
				if name != "ok" {
					require.ErrorAs(t, err, &failed)
				}
				if !counted {
					require.Empty(t, b.ledger(t))
					return
				}
				rows := b.ledger(t)
				require.Len(t, rows, 1)
				require.True(t, strings.HasPrefix(rows[0], b.who.TenantID.String()+" gettoken "), rows)
				require.True(t, strings.HasSuffix(rows[0], " 1"), rows)
			})
		}
	}
}

func TestTheLedgerTellsTenantsAPIsAndNumbersApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.as(upstream.Trial)
	other.TenantID = b.Tenant(t, "北辰物流", corp).ID
	trial := b.as(upstream.Trial)
	dead := core.NewSecret("no such token")
	for range 3 {
		_, err := b.Gate.CorpTicket(t.Context(), trial, dead)
		require.Error(t, err)
	}
	_, err := b.Gate.AgentTicket(t.Context(), trial, dead)
	require.Error(t, err)
	_, err = b.Gate.Agent(t.Context(), other, dead, agent)
	require.Error(t, err)
	b.WeCom.Inject(wecomtest.Fault{Errcode: 60020, Times: 1})
	_, err = b.Gate.Agent(t.Context(), other, dead, agent)
	require.Error(t, err)
	want := []string{
		b.who.TenantID.String() + " get_jsapi_ticket 40014 3", b.who.TenantID.String() + " ticket/get 40014 1",
		other.TenantID.String() + " agent/get 40014 1", other.TenantID.String() + " agent/get 60020 1",
	}
	slices.Sort(want)
	require.Equal(t, want, b.ledger(t))
}

// The limits, each one call below and at it.
func TestTheLedgersLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		own      int // refusals of the caller's tenant
		others   int // and of somebody else
		standing upstream.Standing
		want     fault.Code // "": the call is made
	}{
		{"trial, 29 of its own", 29, 0, upstream.Trial, ""},
		{"trial, 30 of its own", 30, 0, upstream.Trial, fault.TrialsPaused},
		{"trial, 499 of the platform", 0, 499, upstream.Trial, ""},
		{"trial, 500 of the platform", 0, 500, upstream.Trial, fault.TrialsPaused},
		{"trial, 500 with its own", 20, 480, upstream.Trial, fault.TrialsPaused},
		{"untried, 29 of its own", 29, 500, upstream.Untried, ""},
		{"untried, 30 of its own", 30, 0, upstream.Untried, fault.WeComUnavailable},
		{"untried, 999 of the platform", 0, 999, upstream.Untried, ""},
		{"untried, 1000 of the platform", 0, 1000, upstream.Untried, fault.WeComUnavailable},
		{"known good, 59 of its own", 59, 1900, upstream.KnownGood, ""},
		{"known good, 60 of its own", 60, 0, upstream.KnownGood, fault.WeComUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if c.own > 0 {
				b.refused(t, b.who.TenantID, c.own)
			}
			if c.others > 0 {
				b.refused(t, core.NewTenantID(), c.others)
			}
			err := b.token(t.Context(), b.as(c.standing))
			if c.want == "" {
				require.NoError(t, err)
				require.Equal(t, 1, b.calls())
				return
			}
			require.True(t, fault.Has(err, c.want), err)
			require.Zero(t, b.calls(), "the call is not made")
			wait := fault.Find(err).RetryAfter
			require.Greater(t, wait, 59*time.Minute, "until enough of them are an hour old, by the database's clock")
			require.LessOrEqual(t, wait, 61*time.Minute)
		})
	}
}

// WeCom counts over the hour that has just gone by. A limit is free again as
// soon as enough of what filled it is older than that, not before and not later.
func TestTheHourOfTheLedgerSlides(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range []struct{ minutesAgo, calls int }{{55, 10}, {40, 15}, {5, 5}} {
		b.DB.Exec(t, `INSERT INTO signet.refused_calls (tenant_id, minute, api, errcode, calls)
			VALUES ($1, date_trunc('minute', now()) - make_interval(mins => $2), 'gettoken', 40001, $3)`, b.who.TenantID.String(), c.minutesAgo, c.calls)
	}
	err := b.token(t.Context(), b.as(upstream.Trial))
	require.True(t, fault.Has(err, fault.TrialsPaused), err)
	wait := fault.Find(err).RetryAfter
	require.Greater(t, wait, 4*time.Minute)
	require.LessOrEqual(t, wait, 6*time.Minute, "the ten of 55 minutes ago are enough")

	b.DB.Exec(t, `UPDATE signet.refused_calls SET minute = minute - interval '6 minutes'`)
	require.NoError(t, b.token(t.Context(), b.as(upstream.Trial)))
}

func TestANeighboursRefusalsAreTheNeighbours(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.refused(t, core.NewTenantID(), 499)
	for _, standing := range []upstream.Standing{upstream.Trial, upstream.Untried, upstream.KnownGood} {
		require.NoError(t, b.token(t.Context(), b.as(standing)))
	}
}

func TestWithoutPostgresOnlyTheKnownGoodGoOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	server := storetest.DB{Name: "postgres", Cluster: b.DB.Cluster}
	server.Exec(t, "ALTER DATABASE "+b.DB.Name+" ALLOW_CONNECTIONS false")
	server.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", b.DB.Name)
	for _, standing := range []upstream.Standing{upstream.Trial, upstream.Untried} {
		err := b.token(t.Context(), b.as(standing))
		require.True(t, fault.Has(err, fault.StoreUnavailable), err)
		require.Positive(t, fault.Find(err).RetryAfter)
	}
	require.Zero(t, b.calls())
	require.NoError(t, b.token(t.Context(), b.who))
	require.Equal(t, 1, b.calls())
	server.Exec(t, "ALTER DATABASE "+b.DB.Name+" ALLOW_CONNECTIONS true")
}

// Who waits for the call may have gone when the answer comes; the refusal
// counts all the same.
func TestARefusalCountsWithoutItsCaller(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.WeCom.Inject(wecomtest.Fault{Errcode: 60020, Times: 1})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	ended := make(chan error, 1)
	nothing := errors.New("roll back")
	err := b.Store.Tenant(t.Context(), core.System("test"), b.who.TenantID, func(tx *store.TenantTx) error {
		// As long as this is not over, the same row waits.
		if err := tx.CountRefusedCalls(t.Context(), string(wecom.GetToken), 60020, 1, 0); err != nil {
			return err
		}
		go func() { ended <- b.token(ctx, b.who) }()
		require.Eventually(t, func() bool {
			return b.DB.List(t, `SELECT count(*)::text FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`)[0] == "1"
		}, 20*time.Second, 10*time.Millisecond)
		leave()
		return nothing
	})
	require.ErrorIs(t, err, nothing)
	require.Error(t, <-ended)
	require.Equal(t, []string{b.who.TenantID.String() + " gettoken 60020 1"}, b.ledger(t))
}

// Of a call that was given up nobody knows what WeCom would have said.
func TestACallThatWasGivenUpCountsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.WeCom.Inject(wecomtest.Fault{Errcode: 60020, Behaviour: wecomtest.Hang, Times: 1})
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.token(ctx, b.who) }()
	b.awaitHanging(t, 1)
	leave()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Empty(t, b.ledger(t))
}

// awaitHanging waits until so many calls hang at the fake, and not for ever.
func (b bundle) awaitHanging(t *testing.T, calls int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, b.WeCom.AwaitHanging(ctx, calls))
}
