package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

func onKeys(t testing.TB, st *store.Store, work func(context.Context, *store.KeysTx) error) {
	t.Helper()
	require.NoError(t, st.Keys(t.Context(), someone, func(tx *store.KeysTx) error { return work(t.Context(), tx) }))
}

var nextRootKey = store.RootKeyRow{Epoch: 2, Fingerprint: []byte("next"),
	Wraps: []store.RootKeyWrap{{Recipient: "age1test", Wrapped: []byte("wrapped"), SealedBy: "age1test", MAC: []byte("mac")}}}

// Two that turn at once share the work: neither waits, and neither takes what the
// other holds.
func TestTwoTurnersShareTheKeys(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		for _, name := range []string{"alpha", "bravo", "charlie"} {
			makeTenant(t, st, name)
		}
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
			_, err := tx.EnsurePlatformKey(ctx, store.WrappedKey{Version: 1, RootEpoch: 1, Wrapped: []byte("platform")})
			return err
		})
		onKeys(t, st, func(ctx context.Context, tx *store.KeysTx) error { return tx.PutRootKey(ctx, nextRootKey) })
		onKeys(t, st, func(ctx context.Context, first *store.KeysTx) error {
			mine, err := first.TakeKeys(ctx, 2, store.ScopeKey{}, 1)
			require.NoError(t, err)
			require.Len(t, mine, 2)
			require.True(t, mine[0].OfPlatform(), "the platform's own comes first: a node that starts needs it")
			onKeys(t, st, func(ctx context.Context, second *store.KeysTx) error {
				theirs, err := second.TakeKeys(ctx, 2, store.ScopeKey{}, 10)
				require.NoError(t, err)
				require.Len(t, theirs, 2)
				for _, k := range theirs {
					require.NotContains(t, mine, k)
				}
				return nil
			})
			for i := range mine {
				mine[i].RootEpoch, mine[i].Wrapped = 2, []byte("anew")
			}
			return first.RewrapKeys(ctx, mine)
		})
		onKeys(t, st, func(ctx context.Context, tx *store.KeysTx) error {
			counts, err := tx.CountKeys(ctx)
			require.Equal(t, map[int32]store.KeyCount{1: {Tenants: 2}, 2: {Tenants: 1, Platform: 1}}, counts)
			return err
		})
	})
}

// A node that did not hear of the new root key makes a key under the old one. If
// it comes first, the old one is not deleted; if it comes late, its key is refused.
func TestAKeyUnderAnOldRootKeyIsNeverLeftWithoutIt(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error { return tx.CreateRootKey(ctx, commonRootKey) })
		onKeys(t, st, func(ctx context.Context, tx *store.KeysTx) error { return tx.PutRootKey(ctx, nextRootKey) })
		underOld := store.WrappedKey{Version: 1, RootEpoch: 1, Wrapped: []byte("old")}
		remove := func() error {
			return st.Keys(t.Context(), someone, func(tx *store.KeysTx) error {
				_, err := tx.DeleteRootKeys(t.Context(), 2)
				return err
			})
		}
		waiting := `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
		var group errgroup.Group
		tenant := core.NewTenantID()
		onTenant(t, st, tenant, func(ctx context.Context, tx *store.TenantTx) error {
			require.NoError(t, tx.CreateTenantKey(ctx, underOld))
			group.Go(remove)
			require.Eventually(t, func() bool { return len(db.List(t, waiting)) == 1 }, patience, poll)
			return nil
		})
		require.ErrorIs(t, group.Wait(), store.ErrRootKeyInUse)
		require.Len(t, db.List(t, `SELECT epoch::text FROM signet_keys.root_key_wraps`), 2, "nothing is deleted by halves")

		onTenant(t, st, tenant, func(ctx context.Context, tx *store.TenantTx) error { return tx.DeleteTenant(ctx) })
		var late errgroup.Group
		onKeys(t, st, func(ctx context.Context, tx *store.KeysTx) error {
			gone, err := tx.DeleteRootKeys(ctx, 2)
			require.NoError(t, err)
			require.Len(t, gone, 1)
			require.Equal(t, "fingerprint", string(gone[0].Fingerprint))
			late.Go(func() error {
				return st.Tenant(t.Context(), someone, core.NewTenantID(), func(tx *store.TenantTx) error { return tx.CreateTenantKey(t.Context(), underOld) })
			})
			require.Eventually(t, func() bool { return len(db.List(t, waiting)) == 1 }, patience, poll)
			return nil
		})
		require.ErrorIs(t, late.Wait(), store.ErrRootKeyGone)
		require.Equal(t, []string{"2"}, db.List(t, `SELECT epoch::text FROM signet_keys.root_keys`))
	})
}

func TestWrapsAreReplacedAndThoseOfAnotherKeyRefused(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error { return tx.CreateRootKey(ctx, commonRootKey) })
		anew := commonRootKey
		anew.Wraps = []store.RootKeyWrap{{Recipient: "age1test", Wrapped: []byte("anew"), SealedBy: "age1next", MAC: []byte("other")}}
		onKeys(t, st, func(ctx context.Context, tx *store.KeysTx) error { return tx.PutWraps(ctx, anew) })
		strange := anew
		strange.Fingerprint = []byte("strange")
		require.Error(t, st.Keys(t.Context(), someone, func(tx *store.KeysTx) error { return tx.PutRootKey(t.Context(), strange) }))
		missing := anew
		missing.Epoch = 7
		require.Error(t, st.Keys(t.Context(), someone, func(tx *store.KeysTx) error { return tx.PutWraps(t.Context(), missing) }))
		onKeys(t, st, func(ctx context.Context, tx *store.KeysTx) error {
			rows, err := tx.ListRootKeys(ctx)
			require.Len(t, rows, 1)
			require.Equal(t, anew.Wraps, rows[0].Wraps)
			return err
		})
	})
}
