package store_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// What has a sealed column and no kind is not turned, and lost when the old key is
// deleted.
func TestEveryTableWithASealedValueOfATenantIsTurned(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		sealed := db.List(t, `
SELECT a.attrelid::regclass::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('signet', 'signet_keys') AND c.relkind IN ('r', 'p') AND a.attname = 'sealed'
  AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = a.attrelid AND t.attname = 'tenant_id')`)
		var known []string
		for _, table := range store.SealedTables {
			known = append(known, table)
		}
		require.ElementsMatch(t, sealed, known)
	})
}

func turnKey(t *testing.T, st *store.Store, r tenantRows, version int32) {
	t.Helper()
	onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
		return tx.TurnTenantKey(ctx, store.WrappedKey{Version: version, RootEpoch: 1, Wrapped: []byte("newer")})
	})
}

func TestATenantsKeyIsRetiredWhenNothingHangsOnIt(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		makeTenant(t, st, "bravo")
		turnKey(t, st, r, 2)
		onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
			turning, err := tx.ListTurningTenants(ctx, core.TenantID{}, 10)
			require.Equal(t, []core.TenantID{r.ID}, turning)
			return err
		})
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			retired, left, err := tx.RetireTenantKeys(ctx, 2)
			require.NoError(t, err)
			require.Empty(t, retired)
			require.EqualValues(t, 5, left, "a secret, an access token, a corp ticket, what a trial fetched, an answer")
			values, err := tx.TakeSealed(ctx, 2, 10)
			require.NoError(t, err)
			require.Len(t, values, 5)
			for i := range values {
				values[i].Sealed, values[i].KeyVersion, values[i].Fingerprint = []byte("anew"), 2, "anew"
			}
			return tx.PutResealed(ctx, values)
		})
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			versions, err := tx.ListKeyVersions(ctx)
			require.NoError(t, err)
			require.Equal(t, []int64{5, 0}, []int64{versions[0].Values, versions[1].Values})
			require.Nil(t, versions[0].SupersededAt)
			require.NotNil(t, versions[1].SupersededAt)
			retired, left, err := tx.RetireTenantKeys(ctx, 2)
			require.Equal(t, []int32{1}, retired)
			require.Zero(t, left)
			return err
		})
		text := rowsOf(t, db, r.ID)
		require.NotContains(t, text, `"fingerprint": "alpha"`)
		require.Equal(t, 1, strings.Count(text, "signet_keys.tenant_keys "))
		require.Equal(t, []string{"1"}, db.List(t, `SELECT count(*)::text FROM signet_keys.tenant_keys WHERE version = 1`), "the other tenant's")
	})
}

// A slow node that sealed under the old version before it was retired is waited
// for, and what it wrote is counted. Its key is never deleted under it.
func TestAValueSealedMeanwhileUnderTheOldVersionIsFound(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		db.Exec(t, `DELETE FROM signet.tickets`)
		db.Exec(t, `DELETE FROM signet.trial_grants`)
		db.Exec(t, `DELETE FROM signet.idempotent_answers`)
		var group errgroup.Group
		var left int64
		onTenant(t, st, r.ID, func(ctx context.Context, slow *store.TenantTx) error {
			key, err := slow.NewestTenantKey(ctx)
			require.NoError(t, err)
			require.EqualValues(t, 1, key.Version)
			turnKey(t, st, r, 2)
			onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
				return tx.PutResealed(ctx, []store.SealedValue{{Kind: store.ValueOfSecret, AppID: r.App.ID, Number: 1, Sealed: []byte("anew"), KeyVersion: 2, Fingerprint: "anew"}})
			})
			group.Go(func() error {
				return st.Tenant(t.Context(), someone, r.ID, func(tx *store.TenantTx) (err error) {
					_, left, err = tx.RetireTenantKeys(t.Context(), 2)
					return err
				})
			})
			waiting := `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
			require.Eventually(t, func() bool { return len(db.List(t, waiting)) == 1 }, patience, poll)
			row := r.ticket(1, "late")
			row.KeyVersion = key.Version
			_, err = slow.PutTicket(ctx, core.AgentTicket, r.appSubject(), row)
			return err
		})
		require.NoError(t, group.Wait())
		require.EqualValues(t, 1, left)
		require.Equal(t, []string{"1", "2"}, db.List(t, `SELECT version::text FROM signet_keys.tenant_keys ORDER BY version`))
	})
}

// One that asks for the newest version just when it is retired gets the younger.
func TestWhoeverWaitsForAVersionThatIsRetiredGetsTheYounger(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		db.Exec(t, `DELETE FROM signet.tickets`)
		db.Exec(t, `DELETE FROM signet.trial_grants`)
		db.Exec(t, `DELETE FROM signet.idempotent_answers`)
		var group errgroup.Group
		var got store.WrappedKey
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			// In one transaction, so that the other begins to wait before it is there.
			require.NoError(t, tx.PutResealed(ctx, []store.SealedValue{{Kind: store.ValueOfSecret, AppID: r.App.ID, Number: 1, Sealed: []byte("anew"), KeyVersion: 2, Fingerprint: "anew"}}))
			require.NoError(t, tx.TurnTenantKey(ctx, store.WrappedKey{Version: 2, RootEpoch: 1, Wrapped: []byte("newer")}))
			retired, _, err := tx.RetireTenantKeys(ctx, 2)
			require.NoError(t, err)
			require.True(t, slices.Equal([]int32{1}, retired))
			group.Go(func() error {
				return st.Tenant(t.Context(), someone, r.ID, func(tx *store.TenantTx) (err error) {
					got, err = tx.NewestTenantKey(t.Context())
					return err
				})
			})
			waiting := `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
			require.Eventually(t, func() bool { return len(db.List(t, waiting)) == 1 }, patience, poll)
			return nil
		})
		require.NoError(t, group.Wait())
		require.EqualValues(t, 2, got.Version)
	})
}
