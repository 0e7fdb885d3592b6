package custody_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/custody"
	"signet/internal/seal"
	"signet/internal/store"
)

// A node that was not started with the new identity file meets a key under a root key
// that is not sealed to it. What it says then names the file, so that nobody takes it
// for a row that was altered (docs/operations/keys.md).
func TestANodeWithTheOldIdentityFileNamesTheFile(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	stale := s.process(t)
	s.signAll(t, s.House)
	both, alone := newFile(t, seal.X25519, s.WriteIdentity(t))
	k, err := s.open(t, both)
	require.NoError(t, err)
	_, err = k.TurnMaster(t.Context())
	require.NoError(t, err)
	next, err := s.open(t, alone)
	require.NoError(t, err)
	_, err = next.Rotate(t.Context(), nobody)
	require.NoError(t, err)

	s.signAll(t, s.House) // with what it holds
	_, chore := stale.FinishRoot(t.Context())
	var row store.WrappedKey
	tenant := s.apps[0].TenantID
	require.NoError(t, s.Store.Tenant(t.Context(), stale.Actor, tenant, func(tx *store.TenantTx) error {
		row, err = tx.NewestTenantKey(t.Context())
		return err
	}))
	key := seal.WrappedKey{Scope: seal.Tenant(tenant), Version: row.Version, RootEpoch: row.RootEpoch, Bytes: row.Wrapped}
	for name, err := range map[string]error{"the chore": chore, "the row": stale.Ring.CheckScopeKey(key)} {
		require.ErrorIs(t, err, seal.ErrWrongMaster, name)
		require.ErrorContains(t, err, "root key 2", name)
		require.ErrorContains(t, err, "give the file that belongs to this database", name)
		require.NotErrorIs(t, err, seal.ErrAltered, name)
	}
	checked, err := next.Check(t.Context(), func(custody.Checked) {})
	require.NoError(t, err)
	require.NoError(t, checked.Err(), "nothing is wrong with the rows")
}
