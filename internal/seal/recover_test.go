package seal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/seal"
)

// T-KEY-1: the master identity is lost.
func TestRecoverRingHandsEveryRootKeyToANewMaster(t *testing.T) {
	t.Parallel()
	lost, _ := newMaster(t, seal.X25519)
	recovery, to := newRecovery(t, seal.PostQuantum)
	old, first := newRing(t, lost, to)
	tenant := core.NewTenantID()
	binding := seal.ForAppSecret(tenant, core.NewAppID(), 1)
	firstKey := newKey(t, old, seal.Tenant(tenant), 1)
	sealed, err := old.Sealer().Seal(firstKey, binding, core.NewSecret("survives"))
	require.NoError(t, err)
	second, err := old.NextRootKey([]seal.Recipient{to})
	require.NoError(t, err)
	rows := []seal.RootKeyRow{first, second}
	sheet := map[int32]seal.RootFingerprint{1: typed(t, first.Fingerprint), 2: typed(t, second.Fingerprint)}

	_, err = seal.OpenRing(recovery, rows)
	require.ErrorIs(t, err, seal.ErrForged, "the recovery identity cannot check a MAC and must not open unchecked")
	require.ErrorContains(t, err, "recovery sheet")

	next, _ := newMaster(t, seal.X25519)
	ring, anew, err := seal.RecoverRing(recovery, next, rows, sheet)
	require.NoError(t, err)
	require.NoError(t, ring.CheckScopeKey(firstKey))
	require.Empty(t, ring.Uncovered(to))
	again, err := seal.OpenRing(next, anew)
	require.NoError(t, err)
	got, err := everyPurpose(again).Open(firstKey, binding, sealed)
	require.NoError(t, err)
	require.True(t, got.Expose() == "survives")

	t.Run("a forged root key does not match the sheet", func(t *testing.T) {
		t.Parallel()
		attacker, _ := newMaster(t, seal.X25519)
		forged, err := seal.FirstRootKey(attacker, []seal.Recipient{to})
		require.NoError(t, err)
		_, _, err = seal.RecoverRing(recovery, next, []seal.RootKeyRow{forged, second}, sheet)
		require.ErrorIs(t, err, seal.ErrForged)
		both := first
		both.Wraps = append([]seal.RootKeyWrap{forged.Wraps[1]}, first.Wraps...)
		ring, _, err := seal.RecoverRing(recovery, next, []seal.RootKeyRow{both, second}, sheet)
		require.NoError(t, err, "beside the genuine one it is passed over")
		require.NoError(t, ring.CheckScopeKey(firstKey))
	})
	t.Run("a row without a sheet", func(t *testing.T) {
		t.Parallel()
		for _, held := range []map[int32]seal.RootFingerprint{nil, {1: sheet[1]}, {1: sheet[1], 2: sheet[2][:8]}, {1: sheet[1], 2: sheet[1]}} {
			_, _, err := seal.RecoverRing(recovery, next, rows, held)
			require.True(t, isAny(err, seal.ErrMissingEpoch, seal.ErrForged), "%v", err)
		}
	})
	t.Run("an identity that is not the recovery one", func(t *testing.T) {
		t.Parallel()
		stranger, _ := newRecovery(t, seal.X25519)
		_, _, err := seal.RecoverRing(stranger, next, rows, sheet)
		require.ErrorIs(t, err, seal.ErrWrongMaster)
	})
}
