package seal_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/seal"
)

func TestRecoverySheetHoldsWhatRecoveryNeedsAndNoSecret(t *testing.T) {
	t.Parallel()
	m, content := newMaster(t, seal.X25519)
	_, recovery := newRecovery(t, seal.X25519)
	sheet, err := seal.RecoverySheet(m, []seal.Recipient{recovery}, someDay)
	require.NoError(t, err)
	text := sheet.String()
	print, err := m.FirstRootFingerprint()
	require.NoError(t, err)
	for _, part := range []string{m.Recipients()[0], recovery.String(), print.String(), "2031-02-03", "恢复单", "RECOVERY SHEET"} {
		require.Contains(t, text, part)
	}
	require.NotContains(t, text, "AGE-SECRET")
	require.NotContains(t, text, identityLine(content)[20:40])
	require.NotContains(t, text, ">>>")

	// What is typed from the sheet is the fingerprint of the row that the
	// server makes later from the same file.
	row, err := seal.FirstRootKey(parse(t, content), nil)
	require.NoError(t, err)
	_, after, found := strings.Cut(text, "Fingerprint")
	require.True(t, found)
	line, _, _ := strings.Cut(after, "\n")
	got, err := seal.ParseRootFingerprint(line)
	require.NoError(t, err)
	require.Equal(t, row.Fingerprint, got)
}

func TestRecoverySheetIsLoudWithoutARecoveryRecipient(t *testing.T) {
	t.Parallel()
	m, _ := newMaster(t, seal.PostQuantum)
	sheet, err := seal.RecoverySheet(m, nil, someDay)
	require.NoError(t, err)
	text := sheet.String()
	require.Contains(t, text, ">>> THERE IS NONE.")
	require.Contains(t, text, ">>> 没有恢复身份。")
	require.Contains(t, text, "age-keygen -o recovery.txt")
	require.Contains(t, text, "SIGNET_RECOVERY_RECIPIENT")
	for line := range strings.Lines(text) {
		wide := 0
		for _, r := range strings.TrimSuffix(line, "\n") {
			wide++
			if r >= 0x2e80 {
				wide++
			}
		}
		require.LessOrEqual(t, wide, 78, line)
	}
}

func TestTheSheetOfALaterRootKeyNamesItsEpoch(t *testing.T) {
	t.Parallel()
	m, _ := newMaster(t, seal.X25519)
	ring, _ := newRing(t, m)
	row, err := ring.NextRootKey(nil)
	require.NoError(t, err)
	text := ring.NextSheet(row, nil, someDay).String()
	require.Contains(t, text, "Root key           2\n")
	require.Contains(t, text, row.Fingerprint.String())
}

func TestParseRootFingerprintTakesWhatIsOnPaperAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0123 4567 89ab cdef 0123 4567 89ab cdef", "0123456789ABCDEF-0123456789ABCDEF", " 0123456789abcdef0123456789abcdef\n"} {
		got, err := seal.ParseRootFingerprint(text)
		require.NoError(t, err)
		require.Equal(t, "0123 4567 89ab cdef 0123 4567 89ab cdef", got.String())
	}
	for _, text := range []string{"", "0123", "0123 4567 89ab cdef 0123 4567 89ab cdeg", "0123456789abcdef0123456789abcdef00"} {
		_, err := seal.ParseRootFingerprint(text)
		require.Error(t, err)
	}
}
