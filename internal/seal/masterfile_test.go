package seal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/seal"
)

func TestWriteMasterMakesAFileForItsOwnerAloneAndNeverOverwrites(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.txt")
	m, content, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	require.NoError(t, seal.WriteMaster(path, content))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	read, err := seal.ReadMaster(path)
	require.NoError(t, err)
	require.Equal(t, m.Recipients(), read.Recipients())

	_, other, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	err = seal.WriteMaster(path, other)
	require.ErrorIs(t, err, fs.ErrExist)
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "never overwritten")
	read, err = seal.ReadMaster(path)
	require.NoError(t, err)
	require.Equal(t, m.Recipients(), read.Recipients(), "the first identity is still there")

	link := filepath.Join(filepath.Dir(path), "link.txt")
	require.NoError(t, os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), link))
	require.ErrorIs(t, seal.WriteMaster(link, other), fs.ErrExist, "a link that leads nowhere is not followed")

	err = seal.WriteMaster(filepath.Join(path+".d", "master.txt"), other)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "make "+path+".d first")
}

func TestReadMasterNamesTheFileAndTheMend(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m, content := newMaster(t, seal.X25519)
	write := func(name, text string, mode fs.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	for _, tt := range []struct{ name, path, want string }{
		{"missing", filepath.Join(dir, "none.txt"), "does not exist: make it with signet keys init --out"},
		{"directory", dir, "is a directory"},
		{"device", os.DevNull, "is no regular file"},
		{"a file in the way", filepath.Join(write("plain", "", 0o600), "x"), "check the path"},
		{"empty", write("empty", "", 0o600), "holds no identity"},
		{"public recipient", write("public", m.Recipients()[0], 0o600), "is a public recipient"},
		{"encrypted", write("encrypted", encrypted(t, content, true), 0o600), "is encrypted: decrypt it with age -d"},
		{"other file", write("other", "listen = 8880\n", 0o600), "is no age identity"},
		{"readable by the group", write("group", content, 0o640), "chmod 600"},
		{"readable by all", write("all", content, 0o604), "chmod 600"},
		{"writable by the group", write("writable", content, 0o620), "chmod 600"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := seal.ReadMaster(tt.path)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "identity file "+tt.path+" ")
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), identityLine(content)[20:36])
		})
	}
	_, err := seal.ReadMaster(filepath.Join(dir, "none.txt"))
	require.ErrorIs(t, err, fs.ErrNotExist)

	for _, mode := range []fs.FileMode{0o600, 0o400} {
		read, err := seal.ReadMaster(write("good"+mode.String(), content, mode))
		require.NoError(t, err)
		require.Equal(t, m.Recipients(), read.Recipients())
	}
}

func TestReadMasterTakesASecretOfAnotherUserThroughTheGroup(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file to another user")
	}
	_, content := newMaster(t, seal.X25519)
	path := filepath.Join(t.TempDir(), "mounted")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	require.NoError(t, os.Chown(path, 65534, 65534))
	for mode, refused := range map[fs.FileMode]bool{0o440: false, 0o640: false, 0o400: false, 0o460: true, 0o444: true, 0o441: true} {
		require.NoError(t, os.Chmod(path, mode))
		_, err := seal.ReadMaster(path)
		require.Equal(t, refused, err != nil, "mode %#o: %v", mode, err)
	}
}

func TestWriteMasterLeavesNothingWhereTheDirectoryIsClosed(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("nothing is closed to root")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o500))
	err := seal.WriteMaster(filepath.Join(dir, "master.txt"), core.NewSecret("#"))
	require.ErrorIs(t, err, fs.ErrPermission)
	require.False(t, strings.Contains(err.Error(), "\n"))
}
