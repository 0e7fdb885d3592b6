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

func TestRefusedCallsAreCountedForTheTenantAndThePlatform(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		a, b := makeTenant(t, st, "alpha"), makeTenant(t, st, "bravo") // one each
		var group errgroup.Group
		for i := range 10 {
			group.Go(func() error {
				return st.Tenant(t.Context(), someone, a.ID, func(tx *store.TenantTx) error {
					return tx.CountRefusedCalls(t.Context(), "gettoken", 40001+i%2, 2, 0)
				})
			})
		}
		require.NoError(t, group.Wait())
		for tenant, due := range map[core.TenantID]int64{a.ID: 21, b.ID: 1, core.NewTenantID(): 0} {
			onTenant(t, st, tenant, func(ctx context.Context, tx *store.TenantTx) error {
				calls, err := callsOf(tx.ListRefusedCalls(ctx))
				require.Equal(t, due, calls)
				return err
			})
		}
		onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
			calls, err := callsOf(tx.ListRefusedCalls(ctx))
			require.EqualValues(t, 22, calls)
			return err
		})
	})
}

// The hour slides, as WeCom's does: what was refused at its beginning counts no
// more, and the rest says when it will not.
func TestRefusedCallsCountForAnHour(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		onTenant(t, st, core.NewTenantID(), func(ctx context.Context, tx *store.TenantTx) error {
			for i, ago := range []time.Duration{0, 30 * time.Minute, 60 * time.Minute, 61 * time.Minute, 25 * time.Hour} {
				if err := tx.CountRefusedCalls(ctx, "gettoken", 40001, int64(i+1), ago); err != nil {
					return err
				}
			}
			minutes, err := tx.ListRefusedCalls(ctx)
			require.Len(t, minutes, 3)
			slices.SortFunc(minutes, func(x, y store.CallMinute) int { return int(y.Left - x.Left) })
			for i, longest := range []time.Duration{61 * time.Minute, 31 * time.Minute, time.Minute} {
				require.EqualValues(t, i+1, minutes[i].Calls)
				require.Greater(t, minutes[i].Left, longest-time.Minute)
				require.LessOrEqual(t, minutes[i].Left, longest)
			}
			return err
		})
		onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
			calls, err := callsOf(tx.ListRefusedCalls(ctx))
			require.Contains(t, []int64{3, 6}, calls, "a minute may have ended since")
			return err
		})
	})
}
