package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

// What has a sealed column and no kind is not turned, and lost when the old key is
// deleted.
func TestEveryTableWithASealedValueOfThePlatformIsTurned(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		sealed := db.List(t, `
SELECT a.attrelid::regclass::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('signet', 'signet_keys') AND c.relkind IN ('r', 'p') AND a.attname = 'sealed'
  AND NOT EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = a.attrelid AND t.attname = 'tenant_id')`)
		var known []string
		for _, table := range store.PlatformTables {
			known = append(known, table.Name)
		}
		require.ElementsMatch(t, sealed, known)
	})
}

// makePlatform gives the platform its key and what that has sealed.
func makePlatform(t *testing.T, st *store.Store) {
	t.Helper()
	onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
		if err := tx.CreateRootKey(ctx, commonRootKey); err != nil {
			return err
		}
		if _, err := tx.EnsurePlatformKey(ctx, store.WrappedKey{Version: 1, RootEpoch: 1, Wrapped: []byte("first")}); err != nil {
			return err
		}
		_, err := tx.EnsureSessionKey(ctx, store.SessionKey{ID: "k1", PublicKey: []byte("public"), Sealed: []byte("sealed"), KeyVersion: 1})
		return err
	})
}

func turnPlatform(ctx context.Context, tx *store.KeysTx) error {
	return tx.PutPlatformKey(ctx, store.WrappedKey{Version: 2, RootEpoch: 1, Wrapped: []byte("newer")})
}

var resealedSessionKey = []store.PlatformValue{{Kind: store.ValueOfSessionKey, Subject: "k1", Sealed: []byte("anew"), KeyVersion: 2}}

func TestThePlatformsKeyIsRetiredWhenNothingHangsOnIt(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		makePlatform(t, st)
		onKeys(t, st, turnPlatform)
		onKeys(t, st, func(ctx context.Context, tx *store.KeysTx) error {
			retired, left, err := tx.RetirePlatformKeys(ctx, 2)
			require.NoError(t, err)
			require.Empty(t, retired)
			require.EqualValues(t, 1, left)
			values, err := tx.TakePlatformSealed(ctx, store.ValueOfSessionKey, 2, "", 10)
			require.NoError(t, err)
			require.Equal(t, []store.PlatformValue{{Kind: store.ValueOfSessionKey, Subject: "k1", Sealed: []byte("sealed"), KeyVersion: 1}}, values)
			behind, err := tx.TakePlatformSealed(ctx, store.ValueOfSessionKey, 2, "k1", 10)
			require.NoError(t, err)
			require.Empty(t, behind)
			onKeys(t, st, func(ctx context.Context, other *store.KeysTx) error {
				values, err := other.TakePlatformSealed(ctx, store.ValueOfSessionKey, 2, "", 10)
				require.Empty(t, values, "what is held is passed over")
				return err
			})
			return tx.PutPlatformResealed(ctx, resealedSessionKey)
		})
		onKeys(t, st, func(ctx context.Context, tx *store.KeysTx) error {
			counts, err := tx.CountPlatformSealed(ctx)
			require.NoError(t, err)
			require.Equal(t, map[int32]int64{2: 1}, counts)
			retired, left, err := tx.RetirePlatformKeys(ctx, 2)
			require.Equal(t, []int32{1}, retired)
			require.Zero(t, left)
			return err
		})
		require.Equal(t, []string{"2"}, db.List(t, `SELECT version::text FROM signet_keys.platform_keys`))
		require.Equal(t, []string{"k1 2 anew"}, db.List(t, `SELECT key_id || ' ' || key_version || ' ' || convert_from(sealed, 'UTF8') FROM signet.session_keys`))
	})
}

// A node that starts and seals under the old version before it is retired is waited
// for, and what it wrote is counted.
func TestAValueOfThePlatformSealedMeanwhileUnderTheOldVersionIsFound(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		makePlatform(t, st)
		db.Exec(t, `DELETE FROM signet.session_keys`)
		var group errgroup.Group
		var left int64
		onPlatform(t, st, func(ctx context.Context, slow *store.PlatformTx) error {
			key, err := slow.EnsurePlatformKey(ctx, store.WrappedKey{Version: 1, RootEpoch: 1, Wrapped: []byte("another")})
			require.NoError(t, err)
			require.Equal(t, "first", string(key.Wrapped))
			onKeys(t, st, turnPlatform)
			group.Go(func() error {
				return st.Keys(t.Context(), someone, func(tx *store.KeysTx) (err error) {
					_, left, err = tx.RetirePlatformKeys(t.Context(), 2)
					return err
				})
			})
			waiting := `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
			require.Eventually(t, func() bool { return len(db.List(t, waiting)) == 1 }, patience, poll)
			_, err = slow.EnsureSessionKey(ctx, store.SessionKey{ID: "late", PublicKey: []byte("public"), Sealed: []byte("sealed"), KeyVersion: key.Version})
			return err
		})
		require.NoError(t, group.Wait())
		require.EqualValues(t, 1, left)
		require.Equal(t, []string{"1", "2"}, db.List(t, `SELECT version::text FROM signet_keys.platform_keys ORDER BY version`))
	})
}

// One that asks for the newest version just when it is retired gets the younger, and
// makes no first one over it.
func TestWhoeverWaitsForAVersionOfThePlatformThatIsRetiredGetsTheYounger(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		makePlatform(t, st)
		var group errgroup.Group
		var got store.WrappedKey
		onKeys(t, st, func(ctx context.Context, tx *store.KeysTx) error {
			// In one transaction, so that the other begins to wait before it is there.
			require.NoError(t, tx.PutPlatformResealed(ctx, resealedSessionKey))
			require.NoError(t, turnPlatform(ctx, tx))
			retired, _, err := tx.RetirePlatformKeys(ctx, 2)
			require.NoError(t, err)
			require.Equal(t, []int32{1}, retired)
			group.Go(func() error {
				return st.Platform(t.Context(), someone, func(tx *store.PlatformTx) (err error) {
					got, err = tx.EnsurePlatformKey(t.Context(), store.WrappedKey{Version: 1, RootEpoch: 1, Wrapped: []byte("another")})
					return err
				})
			})
			waiting := `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
			require.Eventually(t, func() bool { return len(db.List(t, waiting)) == 1 }, patience, poll)
			return nil
		})
		require.NoError(t, group.Wait())
		require.EqualValues(t, 2, got.Version)
		require.Equal(t, []string{"2"}, db.List(t, `SELECT version::text FROM signet_keys.platform_keys`))
	})
}

// A key wrapped under a root key that was turned meanwhile is refused.
func TestAKeyOfThePlatformUnderARootKeyThatIsGoneIsRefused(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		makePlatform(t, st)
		err := st.Keys(t.Context(), someone, func(tx *store.KeysTx) error {
			return tx.PutPlatformKey(t.Context(), store.WrappedKey{Version: 2, RootEpoch: 7, Wrapped: []byte("newer")})
		})
		require.ErrorIs(t, err, store.ErrRootKeyGone)
	})
}

// Values are counted below the root key that their tenant's key lies under, and apart
// where that key is not there.
func TestSealedValuesAreCountedByRootKey(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		makeTenant(t, st, "alpha")
		bravo, charlie := makeTenant(t, st, "bravo"), makeTenant(t, st, "charlie")
		onKeys(t, st, func(ctx context.Context, tx *store.KeysTx) error {
			if err := tx.PutRootKey(ctx, nextRootKey); err != nil {
				return err
			}
			return tx.RewrapKeys(ctx, []store.ScopeKey{{TenantID: bravo.ID, WrappedKey: store.WrappedKey{Version: 1, RootEpoch: 2, Wrapped: []byte("anew")}}})
		})
		db.Exec(t, `DELETE FROM signet_keys.tenant_keys WHERE tenant_id = $1`, charlie.ID.String())
		db.Exec(t, `UPDATE signet.app_secrets SET state = 'destroyed', sealed = NULL WHERE tenant_id = $1`, bravo.ID.String())
		onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
			counts, err := tx.CountSealed(ctx)
			require.Equal(t, map[int32]store.ValueCount{
				0: {Secrets: 1, Tickets: 2, Trials: 1, Answers: 1},
				1: {Secrets: 1, Tickets: 2, Trials: 1, Answers: 1},
				2: {Tickets: 2, Trials: 1, Answers: 1},
			}, counts)
			return err
		})
	})
}
