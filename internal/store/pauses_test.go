package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

func TestAPauseSaysWhatItWasTold(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		ofCorp := store.PauseKey{CorpID: r.Corp, API: "gettoken"}
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			failures, err := tx.CountFailure(ctx, r.pause(), "refused", 1, fault.New(fault.WeComUnavailable, nil).WithReason(fault.ReasonAppDisabled).WithErrcode(50003))
			require.NoError(t, err)
			require.Equal(t, 2, failures, "one stood there already")
			found, err := tx.FindPauses(ctx, r.pause())
			require.NoError(t, err)
			require.Len(t, found, 1)
			require.False(t, found[0].Holds, "until somebody says for how long")
			require.NoError(t, tx.HoldPause(ctx, r.pause(), time.Hour))
			failures, err = tx.CountFailure(ctx, ofCorp, "quota", 1, fault.New(fault.WeComQuota, nil).WithErrcode(45009))
			require.NoError(t, err)
			require.Equal(t, 1, failures)
			require.NoError(t, tx.HoldPause(ctx, ofCorp, time.Minute))

			found, err = tx.FindPauses(ctx, r.pause())
			require.NoError(t, err)
			require.Len(t, found, 2, "the corp's and the app's")
			for _, p := range found {
				require.True(t, p.Holds)
				if p.AppID == r.App.ID {
					require.Equal(t, fault.WeComUnavailable, p.Told.Code)
					require.Equal(t, fault.ReasonAppDisabled, p.Told.Reason)
					require.Equal(t, 50003, p.Told.Errcode)
					require.InDelta(t, time.Hour, p.Left, float64(time.Second))
				}
			}
			another := r.pause()
			another.AppID = core.NewAppID()
			found, err = tx.FindPauses(ctx, another)
			require.Len(t, found, 1, "the corp's alone")
			list, listErr := tx.ListPauses(ctx)
			require.Len(t, list, 2)
			require.NoError(t, tx.LiftAppPauses(ctx, r.App.ID))
			left, _ := tx.ListPauses(ctx)
			require.Len(t, left, 1)
			require.Equal(t, core.AppID{}, left[0].AppID)
			return steps(func() error { return err }, func() error { return listErr })
		})
	})
}

func TestFailuresInARowAreCountedByTheirKind(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			require.NoError(t, tx.LiftPause(ctx, r.pause()))
			for i, step := range []struct {
				kind          string
				atLeast, want int
			}{
				{"unanswered", 1, 1}, {"unanswered", 1, 2}, {"unanswered", 1, 3},
				{"unanswered", 7, 7}, // counted by a node while Postgres was away
				{"unanswered", 2, 8}, {"refused", 1, 1}, {"unanswered", 1, 1},
			} {
				failures, err := tx.CountFailure(ctx, r.pause(), step.kind, step.atLeast, r.told("x"))
				require.NoError(t, err)
				require.Equal(t, step.want, failures, "step %d", i)
			}
			return nil
		})
	})
}

// Of all nodes one finds out whether a pause was long enough.
func TestOneNodeClaimsTheProbe(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		claims := func() int {
			won := make(chan bool, 8)
			var group errgroup.Group
			for range cap(won) {
				group.Go(func() error {
					return st.Tenant(t.Context(), someone, r.ID, func(tx *store.TenantTx) error {
						claimed, err := tx.ClaimProbe(t.Context(), r.pause(), time.Minute)
						won <- claimed
						return err
					})
				})
			}
			require.NoError(t, group.Wait())
			close(won)
			n := 0
			for claimed := range won {
				if claimed {
					n++
				}
			}
			return n
		}
		require.Zero(t, claims(), "it holds")
		db.Exec(t, `UPDATE signet.call_pauses SET until = now() - interval '1 second'`)
		require.Equal(t, 1, claims())
		require.Zero(t, claims(), "until the probe's own time is over")
		db.Exec(t, `UPDATE signet.call_pauses SET until = NULL`)
		require.Zero(t, claims(), "where nothing holds there is nothing to find out")
	})
}

func TestTroublesComeWorstFirst(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		// makeTenant leaves one refused call and one pause.
		quiet, paused, refused, dead := makeTenant(t, st, "quiet"), makeTenant(t, st, "paused"), makeTenant(t, st, "refused"), makeTenant(t, st, "dead")
		db.Exec(t, `DELETE FROM signet.refused_calls WHERE tenant_id <> $1`, refused.ID.String())
		db.Exec(t, `DELETE FROM signet.call_pauses WHERE tenant_id <> $1`, paused.ID.String())
		onTenant(t, st, dead.ID, func(ctx context.Context, tx *store.TenantTx) error {
			return tx.UpdateSecretOutcome(ctx, dead.App.ID, 1, fault.SecretRejected)
		})
		list := func(limit int) (names []string) {
			onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
				troubles, err := tx.ListTroubles(ctx, limit)
				for _, trouble := range troubles {
					names = append(names, trouble.Name)
					if trouble.TenantID == paused.ID {
						require.Equal(t, map[fault.Code]int64{fault.IPRefused: 1}, trouble.Pauses)
					}
				}
				return err
			})
			return names
		}
		require.Equal(t, []string{"refused", "dead", "paused"}, list(10), "and %s is not among them", quiet.App.Name)
		require.Equal(t, []string{"refused"}, list(1))
		db.Exec(t, `UPDATE signet.call_pauses SET until = now() - interval '1 second'`)
		db.Exec(t, `UPDATE signet.refused_calls SET minute = minute - interval '62 minutes'`)
		require.Equal(t, []string{"dead"}, list(10))
	})
}
