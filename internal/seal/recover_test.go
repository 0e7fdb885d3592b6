package seal_test

import (
	"bytes"
	"errors"
	"testing"

	"filippo.io/age"
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

// Recovery alone hands bytes to age that nobody has authenticated.
func TestRecoverRingRefusesWrapsThatAreNoWraps(t *testing.T) {
	t.Parallel()
	lost, _ := newMaster(t, seal.X25519)
	recovery, to := newRecovery(t, seal.X25519)
	next, _ := newMaster(t, seal.X25519)
	_, row := newRing(t, lost, to)
	sheet := map[int32]seal.RootFingerprint{1: row.Fingerprint}
	genuine := row.Wraps[1].Wrapped
	for _, tt := range []struct {
		name    string
		wrapped []byte
		want    error
	}{
		{"empty", nil, seal.ErrAltered},
		{"cut", genuine[:len(genuine)-1], seal.ErrAltered},
		{"extended", append(append([]byte(nil), genuine...), 0), seal.ErrAltered},
		{"to somebody else", row.Wraps[0].Wrapped, seal.ErrAltered},
		{"a key that is too short", ageFile(t, to, 31), seal.ErrAltered},
		{"a key that is too long", ageFile(t, to, 33), seal.ErrAltered},
		{"another key", ageFile(t, to, 32), seal.ErrForged},
		{"huge", make([]byte, 1<<20), seal.ErrTooLarge},
	} {
		changed := row
		changed.Wraps = []seal.RootKeyWrap{{Recipient: to.String(), Wrapped: tt.wrapped}}
		_, _, err := seal.RecoverRing(recovery, next, []seal.RootKeyRow{changed}, sheet)
		require.ErrorIs(t, err, tt.want, tt.name)
		require.ErrorContains(t, err, "root key 1", tt.name)
	}
	_, _, err := seal.RecoverRing(recovery, recovery, []seal.RootKeyRow{row}, sheet)
	require.ErrorContains(t, err, "stands in the identity file itself", "the recovery identity does not become the master")
}

func ageFile(t *testing.T, to seal.Recipient, length int) []byte {
	t.Helper()
	recipient, err := age.ParseX25519Recipient(to.String())
	require.NoError(t, err)
	var file bytes.Buffer
	w, err := age.Encrypt(&file, recipient)
	require.NoError(t, err)
	_, err = w.Write(make([]byte, length))
	require.NoError(t, errors.Join(err, w.Close()))
	return file.Bytes()
}
