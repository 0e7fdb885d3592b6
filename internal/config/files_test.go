package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAValueIsReadFromARegularFileOfABoundedLength(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(at("full"), []byte(strings.Repeat("x", maxFileLength)), 0o600))
	require.NoError(t, os.WriteFile(at("long"), []byte(strings.Repeat("x", maxFileLength+1)), 0o600))
	require.NoError(t, os.Symlink("full", at("link"))) // as Kubernetes lays secrets
	require.NoError(t, os.Symlink(at("link"), at("link-to-link")))
	require.NoError(t, syscall.Mkfifo(at("pipe"), 0o600))
	require.NoError(t, os.Symlink("pipe", at("link-to-pipe")))

	for _, name := range []string{"full", "link", "link-to-link"} {
		content, err := readFile(at(name))
		require.NoError(t, err, name)
		require.Len(t, content, maxFileLength, name)
	}
	for path, want := range map[string]error{
		at("long"): errTooLong, at("pipe"): errNotRegular, at("link-to-pipe"): errNotRegular,
		dir: errNotRegular, "/dev/zero": errNotRegular, at("nowhere"): fs.ErrNotExist,
	} {
		_, err := readFile(path)
		require.ErrorIs(t, err, want, path)
	}
}

func TestTheProblemOfAFileIsOneSentence(t *testing.T) {
	t.Parallel()
	for path, mend := range map[string]string{
		"/dev/zero": "it is no regular file, so write the value into one and name that",
		"/nowhere":  "check the path and its rights",
	} {
		from := FromProcess(nil)
		from.Environ = []string{"SIGNET_DATABASE_URL_FILE=" + path}
		_, err := Read(from, DatabaseURL)
		require.EqualError(t, err, `SIGNET_DATABASE_URL cannot be read from the file that SIGNET_DATABASE_URL_FILE names ("`+path+`"): `+mend)
	}
}
