package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// Each who counts reads what those before it have counted: that is what keeps
// many nodes at once from passing a limit.
func TestWhoeverCountsACallSeesAllBeforeIt(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha") // one call
		key := store.CallKey{CorpID: "ww_another_corp", AppID: core.NewAppID(), API: "gettoken"}
		counts := make(chan int64, 20)
		var group errgroup.Group
		for range cap(counts) {
			group.Go(func() error {
				return st.Tenant(t.Context(), someone, r.ID, func(tx *store.TenantTx) error {
					before, err := callsOf(tx.ListCalls(t.Context(), key))
					if err != nil {
						return err
					}
					inMinute, err := tx.CountCalls(t.Context(), key, 1, 0, 0)
					counts <- before + inMinute
					return err
				})
			})
		}
		require.NoError(t, group.Wait())
		close(counts)
		var seen []int64
		for n := range counts {
			seen = append(seen, n)
		}
		slices.Sort(seen)
		for i, n := range seen {
			require.EqualValues(t, i+1, n)
		}
	})
}

func TestCallsCountForAnHourAndForTheirKey(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		key := store.CallKey{CorpID: commonCorp, AppID: core.NewAppID(), API: "gettoken"}
		tenant := core.NewTenantID()
		onTenant(t, st, tenant, func(ctx context.Context, tx *store.TenantTx) error {
			for i, ago := range []time.Duration{time.Minute, 30 * time.Minute, 60 * time.Minute, 61 * time.Minute} {
				if _, err := tx.CountCalls(ctx, key, int64(i+1), 0, ago); err != nil {
					return err
				}
			}
			for _, other := range []store.CallKey{{key.CorpID, key.AppID, "agent/get"}, {key.CorpID, core.NewAppID(), key.API}, {"ww_another_corp", key.AppID, key.API}} {
				if _, err := tx.CountCalls(ctx, other, 100, 0, time.Minute); err != nil {
					return err
				}
			}
			minutes, err := tx.ListCalls(ctx, key)
			require.Len(t, minutes, 3)
			slices.SortFunc(minutes, func(x, y store.CallMinute) int { return int(y.Left - x.Left) })
			for i, longest := range []time.Duration{60 * time.Minute, 31 * time.Minute, time.Minute} {
				require.EqualValues(t, i+1, minutes[i].Calls)
				require.Greater(t, minutes[i].Left, longest-time.Minute)
				require.LessOrEqual(t, minutes[i].Left, longest)
			}
			inMinute, err2 := tx.CountCalls(ctx, key, 1, 1, 0)
			require.EqualValues(t, 1, inMinute)
			require.NoError(t, err2)
			list, err2 := tx.ListTenantCalls(ctx)
			require.NoError(t, err2)
			sums := map[store.CallKey][2]int64{}
			for _, c := range list {
				sums[c.CallKey] = [2]int64{sums[c.CallKey][0] + c.Calls, sums[c.CallKey][1] + c.Accepted}
			}
			require.Len(t, sums, 4)
			require.Equal(t, [2]int64{7, 1}, sums[key])
			return err
		})
	})
}

// Only what WeCom accepts counts for a corp: a stranger who enters its id adds
// nothing.
func TestTheCountOfACorpIsMadeOfAcceptedCalls(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		for _, c := range []struct{ calls, accepted int64 }{{3, 3}, {2, 1}, {50, 0}} {
			onTenant(t, st, core.NewTenantID(), func(ctx context.Context, tx *store.TenantTx) error {
				for _, corp := range []core.CorpID{commonCorp, "ww_another_corp"} {
					if _, err := tx.CountCalls(ctx, store.CallKey{CorpID: corp, AppID: core.NewAppID(), API: "ticket/get"}, c.calls, c.accepted, 0); err != nil {
						return err
					}
				}
				_, err := tx.CountCalls(ctx, store.CallKey{CorpID: commonCorp, AppID: core.NewAppID(), API: "ticket/get"}, 9, 9, 62*time.Minute)
				return err
			})
		}
		onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
			list, err := tx.ListCorpCalls(ctx, commonCorp)
			var sum int64
			for _, c := range list {
				require.Equal(t, commonCorp, c.CorpID)
				require.Equal(t, "ticket/get", c.API)
				sum += c.Calls
			}
			require.EqualValues(t, 4, sum)
			return err
		})
	})
}

// The platform's door deletes what has been over for two hours, of every tenant,
// and can neither see nor delete anything else.
func TestWhatIsOverIsTrimmedAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		a, b := makeTenant(t, st, "alpha"), makeTenant(t, st, "bravo")
		for _, r := range []tenantRows{a, b} {
			onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
				old := r.pause()
				old.API = "agent/get"
				return steps(
					func() error { _, err := tx.CountCalls(ctx, r.calls(), 1, 1, 122*time.Minute); return err },
					func() error { return tx.CountRefusedCalls(ctx, "gettoken", 40001, 1, 122*time.Minute) },
					func() error { _, err := tx.CountFailure(ctx, old, "refused", 1, r.told("old")); return err },
				)
			})
		}
		trim := func() (gone int64) {
			onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) (err error) {
				gone, err = tx.TrimCalls(ctx)
				return err
			})
			return gone
		}
		require.EqualValues(t, 4, trim(), "the pauses are not over yet")
		db.Exec(t, `UPDATE signet.call_pauses SET since = now() - interval '121 minutes'`)
		require.EqualValues(t, 2, trim(), "those that are held are not over for as long")
		require.Zero(t, trim())
		require.Equal(t, []string{"2 2 2"}, db.List(t, `
SELECT (SELECT count(*) FROM signet.calls) || ' ' || (SELECT count(*) FROM signet.refused_calls) || ' ' || (SELECT count(*) FROM signet.call_pauses)`), "what is young stays")

		// Of what is young nothing is shown through that door either.
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
			return store.ExecIn(ctx, tx, `DO 'BEGIN ASSERT (SELECT count(*) FROM signet.calls) + (SELECT count(*) FROM signet.refused_calls) + (SELECT count(*) FROM signet.call_pauses) = 0; END'`)
		})
	})
}
