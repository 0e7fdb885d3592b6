package seal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/stretchr/testify/require"

	"signet/internal/seal"
)

var someDay = time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
}

// typed is a fingerprint as somebody copies it from paper.
func typed(t testing.TB, f seal.RootFingerprint) seal.RootFingerprint {
	t.Helper()
	got, err := seal.ParseRootFingerprint(" " + strings.ToUpper(f.String()) + "\n")
	require.NoError(t, err)
	return got
}

func TestGeneratedMastersAreReadBack(t *testing.T) {
	t.Parallel()
	for kind, prefix := range map[seal.Kind]string{seal.X25519: "AGE-SECRET-KEY-1", seal.PostQuantum: "AGE-SECRET-KEY-PQ-1"} {
		m, content := newMaster(t, kind)
		require.Contains(t, content, "\n"+prefix)
		require.Contains(t, content, "# public key: "+m.Recipients()[0]+"\n")
		for _, text := range []string{content, strings.ReplaceAll(content, "\n", "\r\n"), "\n\n  " + identityLine(content) + "  "} {
			require.Equal(t, m.Recipients(), parse(t, text).Recipients())
		}
		again, err := age.ParseIdentities(strings.NewReader(content))
		require.NoError(t, err, "age itself reads the file")
		require.Len(t, again, 1)
	}
	_, _, err := seal.GenerateMaster("rsa")
	require.ErrorContains(t, err, "x25519 or post-quantum")
}

func TestParseMasterSaysWhatIsWrongAndNeverWhatStandsThere(t *testing.T) {
	t.Parallel()
	m, content := newMaster(t, seal.X25519)
	line := identityLine(content)
	_, hybridContent := newMaster(t, seal.PostQuantum)
	hybrid := identityLine(hybridContent)
	for _, tt := range []struct{ name, content, want string }{
		{"empty", "", "holds no identity"},
		{"comments only", "# nothing\n\n", "keys init"},
		{"public recipient", m.Recipients()[0], "line 1 is a public recipient"},
		{"recipient under a comment", "# public key\n" + m.Recipients()[0], "line 2 is a public recipient"},
		{"cut", line[:40], "line 1 is an identity that is cut or mistyped"},
		{"mistyped", line[:30] + mistyped(line[30]) + line[31:], "cut or mistyped"},
		{"hybrid cut", hybrid[:60], "cut or mistyped"},
		{"second line bad", content + "garbage", "line 4 is no age identity"},
		{"repeated", content + line, "line 4 repeats an identity"},
		{"encrypted", encrypted(t, content, false), "is encrypted: decrypt it with age -d"},
		{"encrypted with armour", encrypted(t, content, true), "is encrypted: decrypt it with age -d"},
		{"plugin", "AGE-PLUGIN-YUBIKEY-1QQQQQ", "plugin"},
		{"ssh", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA", "key of another program"},
		{"lower case", strings.ToLower(line), "no age identity"},
		{"something else", "\x7fELF\x00\x01", "no age identity"},
		{"far too long", strings.Repeat("#\n", 64<<10), "64 KiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := seal.ParseMaster(strings.NewReader(tt.content))
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "line 1 is encrypted", "the file is, not a line of it")
			require.NotContains(t, err.Error(), "\n")
			for _, secret := range []string{line, hybrid} {
				require.NotContains(t, strings.ToUpper(err.Error()), secret[20:36])
			}
		})
	}
	_, err := seal.ParseMaster(brokenReader{})
	require.ErrorIs(t, err, errBroken)
}

func TestNothingPrintsAnIdentityOrAKey(t *testing.T) {
	t.Parallel()
	m, content := newMaster(t, seal.X25519)
	ring, _ := newRing(t, m)
	secret := identityLine(content)
	holder := struct {
		Master *seal.Master
		Ring   *seal.Ring
		Sealer *seal.Sealer
		Opener *seal.Opener
		hidden *seal.Master
		deref  seal.Sealer
	}{m, ring, ring.Sealer(), ring.Opener(seal.AppSecret), m, *ring.Sealer()}
	var shown bytes.Buffer
	for _, v := range []any{m, ring, holder, &holder, holder.Sealer, holder.Opener, *holder.Opener} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&shown, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&shown, nil)).Info("event", "value", v)
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("event", "value", v)
		encoded, err := json.Marshal(v)
		require.NoError(t, err)
		shown.Write(encoded)
	}
	require.NotContains(t, strings.ToUpper(shown.String()), "AGE-SECRET-KEY")
	require.NotContains(t, shown.String(), secret[20:40])
	require.NotRegexp(t, `(\d{1,3}[ ,]+){16}`, shown.String(), "no key as a list of bytes")
	require.NotRegexp(t, `(0x[0-9a-f]{2}, ){8}`, shown.String(), "no key as a list of bytes")
	require.NotRegexp(t, `[0-9a-f]{64}`, strings.ToLower(shown.String()), "no key as hex digits")
	require.Contains(t, shown.String(), m.Recipients()[0])
	require.Contains(t, shown.String(), "ring up to root key 1")
}

func TestParseRecipientSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	m, content := newMaster(t, seal.X25519)
	hybrid, _ := newMaster(t, seal.PostQuantum)
	for _, text := range []string{m.Recipients()[0], " " + m.Recipients()[0] + "\n", hybrid.Recipients()[0]} {
		r, err := seal.ParseRecipient(text)
		require.NoError(t, err)
		require.Equal(t, strings.TrimSpace(text), r.String())
		require.LessOrEqual(t, len(r.Short()), 72)
		require.False(t, r.IsZero())
	}
	for _, tt := range []struct{ name, text, want string }{
		{"empty", " ", "empty"},
		{"a secret identity", identityLine(content), "secret identity"},
		{"a secret identity in lower case", strings.ToLower(identityLine(content)), "secret identity"},
		{"cut", m.Recipients()[0][:50], "cut or mistyped"},
		{"hybrid cut", hybrid.Recipients()[0][:500], "cut or mistyped"},
		{"ssh key", "ssh-ed25519 AAAA", "not an age recipient"},
		{"two of them", m.Recipients()[0] + " " + m.Recipients()[0], "cut or mistyped"},
	} {
		_, err := seal.ParseRecipient(tt.text)
		require.ErrorContains(t, err, tt.want, tt.name)
		require.NotContains(t, strings.ToUpper(err.Error()), identityLine(content)[20:36], tt.name)
	}
	require.True(t, seal.Recipient{}.IsZero())
}

// mistyped gives another letter of age's alphabet.
func mistyped(letter byte) string {
	if letter == 'Q' {
		return "P"
	}
	return "Q"
}

func identityLine(content string) string {
	for line := range strings.Lines(content) {
		if strings.HasPrefix(line, "AGE-SECRET-KEY-") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func encrypted(t *testing.T, content string, withArmour bool) string {
	t.Helper()
	to, err := age.NewScryptRecipient("a passphrase")
	require.NoError(t, err)
	to.SetWorkFactor(10)
	var file bytes.Buffer
	if withArmour {
		a := armor.NewWriter(&file)
		w, err := age.Encrypt(a, to)
		require.NoError(t, err)
		_, err = w.Write([]byte(content))
		require.NoError(t, errors.Join(err, w.Close(), a.Close()))
		return file.String()
	}
	w, err := age.Encrypt(&file, to)
	require.NoError(t, err)
	_, err = w.Write([]byte(content))
	require.NoError(t, errors.Join(err, w.Close()))
	return file.String()
}

var errBroken = errors.New("disk error")

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }
