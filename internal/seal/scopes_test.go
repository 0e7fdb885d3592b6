package seal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/seal"
)

func TestScopeKeysAreBoundToScopeVersionAndEpoch(t *testing.T) {
	t.Parallel()
	m, _ := newMaster(t, seal.X25519)
	first, firstRow := newRing(t, m)
	secondRow, err := first.NextRootKey(nil)
	require.NoError(t, err)
	ring, err := seal.OpenRing(m, []seal.RootKeyRow{secondRow, firstRow})
	require.NoError(t, err)
	tenant := core.NewTenantID()
	key := newKey(t, ring, seal.Tenant(tenant), 2)
	require.EqualValues(t, 2, key.RootEpoch, "the newest root key locks")
	require.NoError(t, ring.CheckScopeKey(key))

	for name, change := range map[string]func(*seal.WrappedKey){
		"other tenant":  func(k *seal.WrappedKey) { k.Scope = seal.Tenant(core.NewTenantID()) },
		"platform":      func(k *seal.WrappedKey) { k.Scope = seal.Platform() },
		"other version": func(k *seal.WrappedKey) { k.Version = 3 },
		"other epoch":   func(k *seal.WrappedKey) { k.RootEpoch = 1 },
		"cut":           func(k *seal.WrappedKey) { k.Bytes = k.Bytes[:len(k.Bytes)-1] },
		"extended":      func(k *seal.WrappedKey) { k.Bytes = append(k.Bytes[:len(k.Bytes):len(k.Bytes)], 0) },
		"empty":         func(k *seal.WrappedKey) { k.Bytes = nil },
	} {
		moved := key
		change(&moved)
		require.ErrorIs(t, ring.CheckScopeKey(moved), seal.ErrAltered, name)
	}

	unknown := key
	unknown.RootEpoch = 3
	require.ErrorIs(t, ring.CheckScopeKey(unknown), seal.ErrMissingEpoch)
	unknown.RootEpoch = 0
	require.ErrorIs(t, ring.CheckScopeKey(unknown), seal.ErrMissingEpoch)
	require.ErrorIs(t, first.CheckScopeKey(key), seal.ErrMissingEpoch, "a node that has not heard of the new epoch")

	format := key
	format.Bytes = flipped(key.Bytes, 3)
	require.ErrorIs(t, ring.CheckScopeKey(format), seal.ErrFormat)
}

func TestNewScopeKeyRefusesAScopeThatIsNobodys(t *testing.T) {
	t.Parallel()
	ring := freshRing(t)
	for _, scope := range []seal.Scope{{}, seal.Tenant(core.TenantID{})} {
		_, err := ring.NewScopeKey(scope, 1)
		require.ErrorIs(t, err, seal.ErrIncomplete)
		require.ErrorIs(t, ring.CheckScopeKey(seal.WrappedKey{Scope: scope, Version: 1, RootEpoch: 1}), seal.ErrIncomplete)
	}
	_, err := ring.NewScopeKey(seal.Platform(), 0)
	require.ErrorIs(t, err, seal.ErrIncomplete)
}

func TestRewrapScopeKeyMovesAKeyToTheNewestRootKeyAndKeepsItsValues(t *testing.T) {
	t.Parallel()
	m, _ := newMaster(t, seal.X25519)
	old, firstRow := newRing(t, m)
	tenant := core.NewTenantID()
	key := newKey(t, old, seal.Tenant(tenant), 1)
	binding := seal.ForAppSecret(tenant, core.NewAppID(), 1)
	sealed, err := old.Sealer().Seal(key, binding, core.NewSecret("kept"))
	require.NoError(t, err)

	secondRow, err := old.NextRootKey(nil)
	require.NoError(t, err)
	ring, err := seal.OpenRing(m, []seal.RootKeyRow{firstRow, secondRow})
	require.NoError(t, err)
	moved, err := ring.RewrapScopeKey(key)
	require.NoError(t, err)
	require.EqualValues(t, 2, moved.RootEpoch)

	secondOnly, err := seal.OpenRing(m, []seal.RootKeyRow{secondRow})
	require.NoError(t, err, "older epochs may go once nothing hangs on them")
	got, err := everyPurpose(secondOnly).Open(moved, binding, sealed)
	require.NoError(t, err)
	require.True(t, got.Expose() == "kept")

	broken := key
	broken.Bytes = flipped(key.Bytes, 300)
	_, err = ring.RewrapScopeKey(broken)
	require.ErrorIs(t, err, seal.ErrAltered)
}
