package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// versionsOf gives what is known of an app's secrets, newest first.
func versionsOf(t require.TestingT, st *store.Store, r tenantRows) (list []core.SecretVersion) {
	require.NoError(t, st.Tenant(context.Background(), someone, r.ID, func(tx *store.TenantTx) error {
		page, err := tx.ListSecretVersions(context.Background(), r.App.ID, wholePage)
		list = page.Items
		return err
	}))
	return list
}

// rotate makes a next version current as an administrator's action does.
func rotate(ctx context.Context, st *store.Store, r tenantRows, end error) (made core.SecretVersion, err error) {
	err = st.Tenant(ctx, someone, r.ID, func(tx *store.TenantTx) error {
		if _, err := tx.LockApp(ctx, r.App.ID); err != nil {
			return err
		}
		version, err := tx.NextSecretVersion(ctx, r.App.ID)
		if err != nil {
			return err
		}
		if made, err = tx.CreateSecret(ctx, secretOf(r.App.ID, version, "sealed")); err != nil {
			return err
		}
		return end
	})
	return made, err
}

func TestNewSecretIsCurrentAndTheFormerOneStepsBack(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha") // has version 1
		for version := int32(2); version <= 5; version++ {
			made, err := rotate(t.Context(), st, r, nil)
			require.NoError(t, err)
			require.Equal(t, core.SecretVersion{AppID: r.App.ID, Version: version, State: core.SecretCurrent, Fingerprint: "sealed", KeyVersion: 1,
				Activation: int64(version), ActivatedAt: &made.CreatedAt, MovedAt: made.CreatedAt, CreatedAt: made.CreatedAt}, made)
			var states []core.SecretState
			for _, v := range versionsOf(t, st, r) {
				states = append(states, v.State)
			}
			due := []core.SecretState{core.SecretCurrent, core.SecretPrevious, core.SecretRetired, core.SecretRetired, core.SecretRetired}
			require.Equal(t, due[:version], states)
		}
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			current, err := tx.GetCurrentSecret(ctx, r.App.ID)
			require.Equal(t, store.SealedSecret{Version: 5, State: core.SecretCurrent, Sealed: []byte("sealed"), KeyVersion: 1, Fresh: true}, current)
			return err
		})
	})
}

// However rotations end and run into each other, there is one current version
// and one previous at most, numbers have no gap among what was committed, and
// the activation rises with each.
func TestRotationsKeepTheirOrder(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		rapid.Check(t, func(rt *rapid.T) {
			r := makeTenant(t, st, "r"+core.NewAppID().String()[:8])
			committed := int32(1)
			for range rapid.IntRange(1, 6).Draw(rt, "rotations") {
				end, due := error(nil), committed+1
				if rapid.Bool().Draw(rt, "fails") {
					end, due = errRefused, committed
				}
				_, err := rotate(context.Background(), st, r, end)
				require.ErrorIs(rt, err, end)
				committed = due
			}
			list := versionsOf(rt, st, r)
			require.Len(rt, list, int(committed))
			for i, v := range list {
				require.Equal(rt, committed-int32(i), v.Version)
				require.Equal(rt, int64(v.Version), v.Activation)
				due := core.SecretRetired
				if i < 2 {
					due = []core.SecretState{core.SecretCurrent, core.SecretPrevious}[i]
				}
				require.Equal(rt, due, v.State)
			}
		})
	})
}

func TestRotationsAtOnceWaitForEachOther(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		var group errgroup.Group
		for range 16 {
			group.Go(func() error { _, err := rotate(t.Context(), st, r, nil); return err })
		}
		require.NoError(t, group.Wait())
		list := versionsOf(t, st, r)
		require.Len(t, list, 17)
		require.Equal(t, int64(17), list[0].Activation)
		require.Equal(t, core.SecretCurrent, list[0].State)
	})
}

// Two that forget the lock are caught by the schema: one of them fails.
func TestTwoCurrentSecretsOfOneAppCannotBe(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		for _, state := range []string{"current", "previous", "pending"} {
			insert := `INSERT INTO signet.app_secrets (tenant_id, app_id, version, state, fingerprint, sealed, key_version)
SELECT tenant_id, app_id, version + $2, $1, '', sealed, 1 FROM signet.app_secrets WHERE app_id = $3 AND version = 1`
			conn := connect(t, db.SuperuserURL())
			_, _ = conn.Exec(t.Context(), insert, state, 10+len(state), r.App.ID.String())
			_, err := conn.Exec(t.Context(), insert, state, 20+len(state), r.App.ID.String())
			require.ErrorContains(t, err, "app_secrets_one_"+state)
		}
	})
}

func TestOutcomeOfASecretIsNoted(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		note := func(problem fault.Code) core.SecretVersion {
			onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
				return tx.UpdateSecretOutcome(ctx, r.App.ID, 1, problem)
			})
			var found core.SecretVersion
			onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
				byApp, err := tx.CurrentSecretVersions(ctx, r.App.ID, core.NewAppID())
				require.Len(t, byApp, 1)
				found = byApp[r.App.ID]
				return err
			})
			return found
		}
		refused := note(fault.SecretRejected)
		require.Equal(t, string(fault.SecretRejected), refused.Problem)
		require.Nil(t, refused.CheckedAt)
		accepted := note("")
		require.Empty(t, accepted.Problem)
		require.NotNil(t, accepted.CheckedAt)
		require.Equal(t, accepted.CheckedAt, note(fault.SecretRejected).CheckedAt)
	})
}

func TestAppWithoutASecretIsNotReady(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	r := makeTenant(t, st, "alpha")
	err := st.Tenant(t.Context(), someone, r.ID, func(tx *store.TenantTx) error {
		_, err := tx.GetCurrentSecret(t.Context(), core.NewAppID())
		return err
	})
	require.True(t, fault.Has(err, fault.AppNotReady))
}

// A failure holds back the calls of the secret that it is of, as long as that is
// the current one; and it waits for nobody to know.
func TestHeldSecretIsTheCurrentOneAndStaysSo(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	r := makeTenant(t, st, "alpha")
	held := func(version int32) (is bool) {
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) (err error) {
			is, err = tx.HoldSecret(ctx, r.App.ID, version)
			return err
		})
		return is
	}
	require.True(t, held(1))
	require.False(t, held(2), "there is none")
	_, err := rotate(t.Context(), st, r, nil)
	require.NoError(t, err)
	require.False(t, held(1), "it is the former one")
	require.True(t, held(2))

	onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
		_, err := tx.LockApp(ctx, r.App.ID)
		require.False(t, held(2), "somebody is changing the app")
		return err
	})
	onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
		is, err := tx.HoldSecret(ctx, r.App.ID, 2)
		require.True(t, is)
		require.True(t, held(2), "others may know it too")
		ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		_, rotated := rotate(ctx, st, r, nil)
		require.Error(t, rotated, "a rotation waits")
		return err
	})
}
