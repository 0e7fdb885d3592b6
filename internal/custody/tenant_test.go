package custody_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/custody"
	"signet/internal/seal"
	"signet/internal/store"
)

func (s *site) versions(t *testing.T, app apptest.App) []string {
	t.Helper()
	return s.DB.List(t, `SELECT version::text FROM signet_keys.tenant_keys WHERE tenant_id = $1 ORDER BY version`, app.TenantID.String())
}

// Pages are signed all the while, by nodes that hear nothing of it.
func TestATenantsKeyIsTurnedWhilePagesAreSigned(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	app := s.apps[0]
	s.signAll(t, s.House)
	before := s.DB.List(t, `SELECT fingerprint FROM signet.app_secrets WHERE app_id = $1`, app.ID.String())
	key, err := s.Admin.RotateTenantKey(t.Context(), apptest.Operator(), app.TenantID)
	require.NoError(t, err)
	require.EqualValues(t, 2, key.Version)
	require.Len(t, key.Versions, 2)
	again, err := s.Admin.RotateTenantKey(t.Context(), apptest.Operator(), app.TenantID)
	require.NoError(t, err)
	require.Equal(t, key, again, "one at a time")
	s.signAll(t, s.Restart(t))

	k := s.process(t)
	require.NoError(t, k.FinishTenants(t.Context()))
	require.Equal(t, []string{"2"}, s.versions(t, app))
	require.Equal(t, []string{"1"}, s.versions(t, s.apps[1]))
	s.signAll(t, s.Restart(t))
	after := s.DB.List(t, `SELECT fingerprint FROM signet.app_secrets WHERE app_id = $1`, app.ID.String())
	require.NotEqual(t, before, after, "it is keyed with the tenant's key")
	require.Len(t, after[0], len(before[0]))
	now, err := s.Admin.GetTenantKey(t.Context(), apptest.Operator(), app.TenantID)
	require.NoError(t, err)
	require.Len(t, now.Versions, 1)
	require.EqualValues(t, 4, now.Versions[0].Values, "a secret, an access token and two tickets")
	require.Equal(t, []string{"tenant_key.turn 2", "tenant_key.retire 1"},
		s.DB.List(t, `SELECT action || ' ' || subject FROM signet.audit WHERE tenant_id = $1 AND subject_kind = 'tenant_key' ORDER BY seq`, app.TenantID.String()))
	// The secret is still what it was: with the tickets gone it fetches new ones.
	s.DB.Exec(t, `DELETE FROM signet.tickets`)
	s.signAll(t, s.Restart(t))
}

func TestSeveralTurnATenantsKeyAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, 3)
	var group sync.WaitGroup
	for _, app := range s.apps {
		for range 3 {
			group.Go(func() {
				_, err := s.Admin.RotateTenantKey(context.Background(), apptest.Operator(), app.TenantID)
				require.NoError(t, err)
			})
		}
	}
	group.Wait()
	for range 3 {
		k := s.process(t)
		group.Go(func() { require.NoError(t, k.FinishTenants(context.Background())) })
	}
	group.Wait()
	require.NoError(t, s.process(t).FinishTenants(t.Context()))
	for _, app := range s.apps {
		require.Equal(t, []string{"2"}, s.versions(t, app))
	}
	s.signAll(t, s.Restart(t))
}

// What a node seals under the version before is found by the count, and turned.
func TestWhatIsSealedUnderTheOldVersionMeanwhileIsTurnedToo(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	app := s.apps[0]
	_, err := s.Admin.RotateTenantKey(t.Context(), apptest.Operator(), app.TenantID)
	require.NoError(t, err)
	k := s.process(t)
	require.NoError(t, s.Store.Tenant(t.Context(), core.System("test"), app.TenantID, func(slow *store.TenantTx) error {
		old, err := slow.GetTenantKey(t.Context(), 1)
		require.NoError(t, err)
		held, found, err := slow.FindTicket(t.Context(), core.AgentTicket, store.TicketSubject{AppID: app.ID})
		require.NoError(t, err)
		require.True(t, found)
		held.Generation++
		held.KeyVersion = 1
		held.Sealed, err = s.Ring.Sealer().SealUntil(seal.WrappedKey{Scope: seal.Tenant(app.TenantID), Version: 1, RootEpoch: old.RootEpoch, Bytes: old.Wrapped},
			seal.ForAppTicket(app.TenantID, app.ID, core.AgentTicket, held.Generation), core.NewSecret("sealed by a slow node"), held.ExpiresAt)
		require.NoError(t, err)
		written, err := slow.PutTicket(t.Context(), core.AgentTicket, store.TicketSubject{AppID: app.ID}, held)
		require.True(t, written)
		require.NoError(t, k.FinishTenants(t.Context()), "what is held is passed over")
		return err
	}))
	require.Equal(t, []string{"1", "2"}, s.versions(t, app))
	require.NoError(t, k.FinishTenants(t.Context()))
	require.Equal(t, []string{"2"}, s.versions(t, app))
	require.Equal(t, []string{"2"}, s.DB.List(t, `SELECT DISTINCT key_version::text FROM signet.tickets`))
}

// A value that does not open keeps the version that it names, and no other tenant's.
func TestADamagedValueKeepsTheOldVersion(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	for _, app := range s.apps {
		_, err := s.Admin.RotateTenantKey(t.Context(), apptest.Operator(), app.TenantID)
		require.NoError(t, err)
	}
	turn := `UPDATE signet.app_secrets SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1) WHERE tenant_id = $1`
	s.DB.Exec(t, turn, s.apps[0].TenantID.String())
	k := s.process(t)
	err := k.FinishTenants(t.Context())
	require.ErrorIs(t, err, seal.ErrAltered)
	require.ErrorContains(t, err, s.apps[0].TenantID.String())
	require.Equal(t, []string{"1", "2"}, s.versions(t, s.apps[0]))
	require.Equal(t, []string{"2"}, s.versions(t, s.apps[1]))
	s.DB.Exec(t, turn, s.apps[0].TenantID.String())
	require.NoError(t, k.FinishTenants(t.Context()))
	require.Equal(t, []string{"2"}, s.versions(t, s.apps[0]))
}

// However many do not open, the others are turned.
func TestManyDamagedValuesHoldNoOtherUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	app := s.apps[0]
	_, err := s.Admin.RotateTenantKey(t.Context(), apptest.Operator(), app.TenantID)
	require.NoError(t, err)
	s.DB.Exec(t, `
INSERT INTO signet.app_secrets (tenant_id, app_id, version, state, fingerprint, sealed, key_version)
SELECT tenant_id, app_id, 1000 + n, 'retired', fingerprint, sealed, key_version FROM signet.app_secrets, generate_series(1, 450) n`)
	err = s.process(t).FinishTenants(t.Context())
	require.ErrorIs(t, err, seal.ErrAltered)
	require.ErrorContains(t, err, "450 values")
	require.Equal(t, []string{"2"}, s.DB.List(t, `SELECT key_version::text FROM signet.app_secrets WHERE state = 'current'`))
	require.Equal(t, []string{"2"}, s.DB.List(t, `SELECT DISTINCT key_version::text FROM signet.tickets`))
}

// A value under a version that is not there, as data of an older day under keys of a
// newer one have it, is told with its mend; all else is turned, and so it is the next
// time.
func TestAValueWhoseVersionIsGoneHoldsNoTurningUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	app, k := s.apps[0], s.process(t)
	turn := func() error {
		for _, one := range s.apps {
			_, err := s.Admin.RotateTenantKey(t.Context(), apptest.Operator(), one.TenantID)
			require.NoError(t, err)
		}
		return k.FinishTenants(t.Context())
	}
	require.NoError(t, turn())
	s.DB.Exec(t, `UPDATE signet.app_secrets SET key_version = 1 WHERE tenant_id = $1`, app.TenantID.String())

	for _, version := range []string{"3", "4"} {
		err := turn()
		require.ErrorIs(t, err, custody.ErrKeyVersionGone)
		require.ErrorContains(t, err, "tenant "+app.TenantID.String()+": 1 value cannot be opened")
		require.ErrorContains(t, err, "restore the schema signet_keys of the day of the data, or let the secret be entered anew")
		require.NotContains(t, err.Error(), s.apps[1].TenantID.String())
		require.Equal(t, []string{version}, s.versions(t, app), "no version is kept for it: none helps it")
		require.Equal(t, []string{version}, s.versions(t, s.apps[1]))
		require.Equal(t, []string{version}, s.DB.List(t, `SELECT DISTINCT key_version::text FROM signet.tickets WHERE tenant_id = $1`, app.TenantID.String()))
	}
	require.Equal(t, []string{"1"}, s.DB.List(t, `SELECT key_version::text FROM signet.app_secrets WHERE tenant_id = $1`, app.TenantID.String()))
	err := k.FinishTenant(t.Context(), app.TenantID)
	require.ErrorIs(t, err, custody.ErrKeyVersionGone, "the command says it for as long as it is so")
}
