package devdb

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServerOfRootRunsAsAnUnprivilegedUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("needs root and /proc")
	}
	dir := filepath.Join(t.TempDir(), "postgres")
	s := start(t, Config{Programs: programs(t), Dir: dir})
	pid := readPID(s.home.postmasterFile())
	for _, pid := range append(shells(t, pid), pid) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		require.NoError(t, err)
		for line := range strings.Lines(string(status)) {
			fields := strings.Fields(line)
			switch fields[0] {
			case "Uid:", "Gid:":
				require.NotContains(t, fields[1:], "0", line)
			case "Groups:":
				require.Empty(t, fields[1:], line)
			}
		}
	}
	require.Equal(t, rootStateDir, filepath.Dir(homeOf(s)))
	for _, path := range []string{rootStateDir, homeOf(s), s.LogFile(), dir} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Zero(t, ownerOf(info), path)
		require.Zero(t, info.Mode().Perm()&0o066, path)
	}
	info, err := os.Stat(s.Dir())
	require.NoError(t, err)
	require.Equal(t, s.home.account.uid, ownerOf(info))
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

func TestPasswordIsReadableByItsOwnerAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "postgres")
	s := start(t, Config{Programs: programs(t), Dir: dir})
	info, err := os.Stat(s.home.entry(passwordName))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.GreaterOrEqual(t, s.password.Len(), 20)
}

// TestEverythingAlsoHoldsForAnOrdinaryUser runs this whole suite again as one,
// where it runs as root; on one version, for the time it takes.
func TestEverythingAlsoHoldsForAnOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this run is an ordinary user's")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("there is no user nobody")
	}
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	require.NoError(t, err)

	place, err := os.MkdirTemp("", "devdb-ordinary-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(place) })
	require.NoError(t, os.Chmod(place, 0o755)) //nolint:gosec // the other user must get in
	binary := filepath.Join(place, "devdb.test")
	copyProgram(t, os.Args[0], binary)
	temp := filepath.Join(place, "tmp")
	require.NoError(t, os.Mkdir(temp, 0o700))
	require.NoError(t, os.Chown(temp, int(uid), int(gid)))

	cmd := exec.CommandContext(t.Context(), binary, "-test.short", "-test.parallel="+strconv.Itoa(runtime.GOMAXPROCS(0)), "-test.v="+strconv.FormatBool(testing.Verbose()))
	cmd.Dir = temp
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + temp, "TMPDIR=" + temp,
		SourceEnvironment + "=" + programs(t).BinDir,
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
}

func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	source, err := os.Open(from)
	require.NoError(t, err)
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755) //nolint:gosec // the other user must run it
	require.NoError(t, err)
	_, err = io.Copy(target, source)
	require.NoError(t, err)
	require.NoError(t, target.Close())
}
