package seal_test

import (
	"bytes"
	"runtime"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"signet/internal/seal"
)

func TestFirstRootKeyIsTheSameOnEveryNodeAndAfterEveryInit(t *testing.T) {
	t.Parallel()
	for _, kind := range []seal.Kind{seal.X25519, seal.PostQuantum} {
		m, content := newMaster(t, kind)
		again := parse(t, content)
		print, err := m.FirstRootFingerprint()
		require.NoError(t, err)
		ring, row := newRing(t, m)
		require.Equal(t, print, row.Fingerprint)
		require.EqualValues(t, 1, row.Epoch)

		other, otherRow := newRing(t, again)
		require.Equal(t, print, otherRow.Fingerprint)
		require.NoError(t, other.CheckScopeKey(newKey(t, ring, seal.Platform(), 1)), "two nodes that start at once")

		// Whichever node stores its wrap first, the other opens it.
		mixed, err := seal.OpenRing(again, []seal.RootKeyRow{row})
		require.NoError(t, err)
		require.NoError(t, mixed.CheckScopeKey(newKey(t, other, seal.Platform(), 1)))

		stranger, _ := newMaster(t, kind)
		strange, err := stranger.FirstRootFingerprint()
		require.NoError(t, err)
		require.NotEqual(t, print, strange)
	}
}

func TestNextRootKeyIsRandom(t *testing.T) {
	t.Parallel()
	ring := freshRing(t)
	a, err := ring.NextRootKey(nil)
	require.NoError(t, err)
	b, err := ring.NextRootKey(nil)
	require.NoError(t, err)
	require.EqualValues(t, 2, a.Epoch)
	require.NotEqual(t, a.Fingerprint, b.Fingerprint)
}

// Whoever can write to the database knows every recipient, because they stand
// in the rows (T-CRY-3).
func TestOpenRingRefusesARootKeyMadeWithThePublicRecipientOnly(t *testing.T) {
	t.Parallel()
	m, _ := newMaster(t, seal.X25519)
	_, genuine := newRing(t, m)
	attacker, _ := newMaster(t, seal.X25519)
	_, attackers := newRing(t, attacker)

	var file bytes.Buffer
	to, err := age.ParseX25519Recipient(m.Recipients()[0])
	require.NoError(t, err)
	w, err := age.Encrypt(&file, to)
	require.NoError(t, err)
	_, err = w.Write(bytes.Repeat([]byte{7}, 32))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	mine := genuine.Wraps[0]

	forge := func(change func(*seal.RootKeyRow, *seal.RootKeyWrap)) seal.RootKeyRow {
		row := genuine
		wrap := mine
		wrap.Wrapped = file.Bytes()
		change(&row, &wrap)
		row.Wraps = []seal.RootKeyWrap{wrap}
		return row
	}
	rows := map[string]seal.RootKeyRow{
		"the MAC of the genuine wrap": forge(func(*seal.RootKeyRow, *seal.RootKeyWrap) {}),
		"no MAC":                      forge(func(_ *seal.RootKeyRow, w *seal.RootKeyWrap) { w.MAC = nil }),
		"a MAC of zeros":              forge(func(_ *seal.RootKeyRow, w *seal.RootKeyWrap) { w.MAC = make([]byte, 32) }),
		"half of the genuine MAC":     forge(func(_ *seal.RootKeyRow, w *seal.RootKeyWrap) { w.MAC = w.MAC[:16] }),
		"a fingerprint to match":      forge(func(r *seal.RootKeyRow, _ *seal.RootKeyWrap) { r.Fingerprint = attackers.Fingerprint }),
		"no fingerprint":              forge(func(r *seal.RootKeyRow, _ *seal.RootKeyWrap) { r.Fingerprint = nil }),
		"sealed by nobody":            forge(func(_ *seal.RootKeyRow, w *seal.RootKeyWrap) { w.SealedBy = "" }),
		"sealed by the attacker": forge(func(_ *seal.RootKeyRow, w *seal.RootKeyWrap) {
			w.SealedBy, w.MAC = attackers.Wraps[0].SealedBy, attackers.Wraps[0].MAC
		}),
		"another epoch": forge(func(r *seal.RootKeyRow, w *seal.RootKeyWrap) { r.Epoch, w.Wrapped = 2, mine.Wrapped }),
		"epoch zero":    forge(func(r *seal.RootKeyRow, w *seal.RootKeyWrap) { r.Epoch, w.Wrapped = 0, mine.Wrapped }),
		"another recipient": forge(func(_ *seal.RootKeyRow, w *seal.RootKeyWrap) {
			w.Recipient, w.Wrapped = attackers.Wraps[0].Recipient, mine.Wrapped
		}),
	}
	for name, row := range rows {
		_, err := seal.OpenRing(m, []seal.RootKeyRow{row})
		require.ErrorIs(t, err, seal.ErrForged, name)
		require.ErrorContains(t, err, "root key", name)
	}
	second := rows["the MAC of the genuine wrap"]
	second.Epoch = 2
	_, err = seal.OpenRing(m, []seal.RootKeyRow{genuine, second})
	require.ErrorIs(t, err, seal.ErrForged, "a forged newer epoch beside a genuine one")
}

func TestOpenRingRefusesEveryFlippedBitOfAWrap(t *testing.T) {
	t.Parallel()
	m, _ := newMaster(t, seal.X25519)
	_, row := newRing(t, m)
	wrap := row.Wraps[0]
	for bit := range len(wrap.Wrapped) * 8 {
		row.Wraps = []seal.RootKeyWrap{wrap}
		row.Wraps[0].Wrapped = flipped(wrap.Wrapped, bit)
		_, err := seal.OpenRing(m, []seal.RootKeyRow{row})
		require.ErrorIs(t, err, seal.ErrForged, "bit %d", bit)
	}
}

// Not parallel: it reads how much memory the process has taken.
func TestOpenRingRefusesAHugeWrapBeforeAnyWork(t *testing.T) {
	m, _ := newMaster(t, seal.X25519)
	_, row := newRing(t, m)
	row.Wraps[0].Wrapped = make([]byte, 64<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := seal.OpenRing(m, []seal.RootKeyRow{row})
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, seal.ErrTooLarge)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<10))
}

// T-KEY-2.
func TestOpenRingNamesTheMasterWantedAndTheOneGiven(t *testing.T) {
	t.Parallel()
	for _, kind := range []seal.Kind{seal.X25519, seal.PostQuantum} {
		right, _ := newMaster(t, kind)
		wrong, _ := newMaster(t, kind)
		_, row := newRing(t, right)
		_, err := seal.OpenRing(wrong, []seal.RootKeyRow{row})
		require.ErrorIs(t, err, seal.ErrWrongMaster)
		require.ErrorContains(t, err, right.Recipients()[0][:20])
		require.ErrorContains(t, err, wrong.Recipients()[0][:20])
		require.NotContains(t, err.Error(), "\n")
		require.Less(t, len(err.Error()), 400, "a hybrid recipient is not shown whole")
		require.NotContains(t, err.Error(), "AGE-SECRET")
	}
}

func TestOpenRingRefusesMissingAndRepeatedEpochs(t *testing.T) {
	t.Parallel()
	m, _ := newMaster(t, seal.X25519)
	ring, first := newRing(t, m)
	second, err := ring.NextRootKey(nil)
	require.NoError(t, err)
	ring, err = seal.OpenRing(m, []seal.RootKeyRow{first, second})
	require.NoError(t, err)
	third, err := ring.NextRootKey(nil)
	require.NoError(t, err)

	_, err = seal.OpenRing(m, nil)
	require.ErrorIs(t, err, seal.ErrMissingEpoch)
	_, err = seal.OpenRing(m, []seal.RootKeyRow{third, first})
	require.ErrorIs(t, err, seal.ErrMissingEpoch)
	require.ErrorContains(t, err, "root key 2")
	_, err = seal.OpenRing(m, []seal.RootKeyRow{first, first})
	require.ErrorIs(t, err, seal.ErrForged)
}

func TestAFileOfSeveralIdentitiesOpensOldRootKeysAndSealsWithTheFirst(t *testing.T) {
	t.Parallel()
	old, oldContent := newMaster(t, seal.X25519)
	_, recovery := newRecovery(t, seal.X25519)
	oldRing, row := newRing(t, old, recovery)
	key := newKey(t, oldRing, seal.Platform(), 1)

	next, nextContent := newMaster(t, seal.PostQuantum)
	both := parse(t, nextContent, oldContent)
	require.Equal(t, []string{next.Recipients()[0], old.Recipients()[0]}, both.Recipients())
	ring, err := seal.OpenRing(both, []seal.RootKeyRow{row})
	require.NoError(t, err)
	require.NoError(t, ring.CheckScopeKey(key))

	missing, err := ring.MissingWraps([]seal.Recipient{recovery})
	require.NoError(t, err)
	require.Len(t, missing, 1)
	require.Len(t, missing[0].Wraps, 2, "to the new first identity; to the recovery recipient, so that the new one vouches for it")
	for _, w := range missing[0].Wraps {
		require.Equal(t, next.Recipients()[0], w.SealedBy)
	}
	row.Wraps = append(row.Wraps[:1:1], missing[0].Wraps...)
	ring, err = seal.OpenRing(next, []seal.RootKeyRow{row})
	require.NoError(t, err, "the old identity has left the file")
	require.NoError(t, ring.CheckScopeKey(key))
	missing, err = ring.MissingWraps([]seal.Recipient{recovery})
	require.NoError(t, err)
	require.Empty(t, missing)
	require.NotContains(t, ring.Epochs()[0].Recipients, old.Recipients()[0], "what only a departed identity vouches for does not count")
}

func TestAPostQuantumMasterAndAClassicRecoveryHaveAWrapEach(t *testing.T) {
	t.Parallel()
	m, _ := newMaster(t, seal.PostQuantum)
	recovery, content := newMaster(t, seal.X25519)
	to, err := seal.ParseRecipient(recovery.Recipients()[0])
	require.NoError(t, err)
	ring, row := newRing(t, m, to)
	require.Len(t, row.Wraps, 2)
	require.Empty(t, ring.Uncovered(to))
	_, stranger := newRecovery(t, seal.X25519)
	require.Equal(t, []int32{1}, ring.Uncovered(stranger))

	// The recovery identity opens its wrap with age alone, as age -d would.
	identity, err := age.ParseX25519Identity(identityLine(content))
	require.NoError(t, err)
	_, err = age.Decrypt(bytes.NewReader(row.Wraps[1].Wrapped), identity)
	require.NoError(t, err)
	_, err = age.Decrypt(bytes.NewReader(row.Wraps[0].Wrapped), identity)
	require.Error(t, err)

	row.Wraps = row.Wraps[:1] // somebody takes the recovery wrap away
	ring, err = seal.OpenRing(m, []seal.RootKeyRow{row})
	require.NoError(t, err)
	require.Equal(t, []int32{1}, ring.Uncovered(to))
	require.Equal(t, []string{m.Recipients()[0]}, ring.Epochs()[0].Recipients)
}

func TestRecoveryRecipientsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	m, _ := newMaster(t, seal.X25519)
	own, err := seal.ParseRecipient(m.Recipients()[0])
	require.NoError(t, err)
	_, other := newRecovery(t, seal.X25519)
	ring, _ := newRing(t, m)
	for name, list := range map[string][]seal.Recipient{
		"the master itself": {own},
		"twice the same":    {other, other},
		"the zero one":      {{}},
	} {
		_, err := seal.FirstRootKey(m, list)
		require.Error(t, err, name)
		_, err = ring.NextRootKey(list)
		require.Error(t, err, name)
		_, err = ring.MissingWraps(list)
		require.Error(t, err, name)
		_, err = seal.RecoverySheet(m, list, someDay)
		require.Error(t, err, name)
	}
}
