package seal_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/stretchr/testify/require"

	"signet/internal/seal"
)

// lockedFile protects a text as age -p does, with little work.
func lockedFile(t *testing.T, text, passphrase string, armoured bool) []byte {
	t.Helper()
	to, err := age.NewScryptRecipient(passphrase)
	require.NoError(t, err)
	to.SetWorkFactor(10)
	var file bytes.Buffer
	var out io.WriteCloser = struct {
		io.Writer
		io.Closer
	}{&file, io.NopCloser(nil)}
	if armoured {
		out = armor.NewWriter(&file)
	}
	w, err := age.Encrypt(out, to)
	require.NoError(t, err)
	_, err = io.WriteString(w, text)
	require.NoError(t, errors.Join(err, w.Close(), out.Close()))
	return file.Bytes()
}

func written(t *testing.T, content []byte, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.txt")
	require.NoError(t, os.WriteFile(path, content, mode))
	require.NoError(t, os.Chmod(path, mode))
	return path
}

func TestALockedIdentityFileIsOpenedWithThePassphraseOfAFile(t *testing.T) {
	t.Parallel()
	m, content := newMaster(t, seal.X25519)
	const right = "correct horse battery staple"
	passphrase := written(t, []byte(right+"\r\n"), 0o600)
	for _, file := range [][]byte{lockedFile(t, content, right, false), lockedFile(t, content, right, true), []byte(content)} {
		got, err := seal.ReadLockedMaster(written(t, file, 0o600), passphrase)
		require.NoError(t, err)
		require.Equal(t, m.Recipients(), got.Recipients())
	}
	identity := written(t, lockedFile(t, content, right, true), 0o600)
	_, err := seal.ReadMaster(identity)
	require.ErrorIs(t, err, seal.ErrEncrypted)

	_, to := newRecovery(t, seal.X25519)
	for want, files := range map[string][2]string{
		"does not open with the passphrase in": {identity, written(t, []byte("another\n"), 0o600)},
		"is empty or longer":                   {identity, written(t, []byte("\n"), 0o600)},
		"run chmod 600":                        {identity, written(t, []byte(right), 0o644)},
		"does not exist: write the passphrase": {identity, filepath.Join(t.TempDir(), "none")},
		"was not protected by a passphrase":    {written(t, ageFile(t, to, 32), 0o600), passphrase},
		"identity file":                        {written(t, lockedFile(t, content, right, false), 0o644), passphrase},
		"holds no identity":                    {written(t, lockedFile(t, "# nothing\n", right, false), 0o600), passphrase},
	} {
		_, err := seal.ReadLockedMaster(files[0], files[1])
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), right)
		require.NotContains(t, err.Error(), "\n")
	}
}
