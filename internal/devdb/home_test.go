package devdb

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// systemIdentifier gives the bytes by which Postgres tells one cluster from
// another: the first of its control file.
func systemIdentifier(t *testing.T, s *Server) string {
	t.Helper()
	control, err := os.ReadFile(filepath.Join(s.Dir(), "global", "pg_control"))
	require.NoError(t, err)
	return string(control[:8])
}

// snapshot gives every path under dir with its size.
func snapshot(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	require.NoError(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			found[path] = info.Size()
		}
		return err
	}))
	return found
}

func TestFolderThatIsNotOursIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	p := programs(t)
	for name, fill := range map[string]func(t *testing.T, dir string){
		"a file of somebody's": func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("x"), 0o600))
		},
		"a data folder of another Postgres": func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "PG_VERSION"), []byte(strconv.Itoa(p.Version)), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "postmaster.pid"), []byte("1\n"), 0o600))
		},
		"a folder laid out like ours without the mark": func(t *testing.T, dir string) {
			require.NoError(t, os.Mkdir(filepath.Join(dir, dataName), 0o700))
		},
		"a mark that says something else": func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, markName), []byte(`{"madeBy":"me"}`), 0o600))
		},
		"a mark that says nothing": func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, markName), nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			fill(t, dir)
			before := snapshot(t, dir)
			_, err := Start(deadline(t), Config{Programs: p, Dir: dir})
			require.ErrorIs(t, err, ErrForeign)
			require.ErrorContains(t, err, dir)
			require.ErrorIs(t, Drop(deadline(t), dir), ErrForeign)
			require.Empty(t, cmp.Diff(before, snapshot(t, dir)))
		})
	}
}

func TestFolderOfAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chown(dir, 65534, 65534))
	_, err := Start(deadline(t), Config{Programs: programs(t), Dir: dir})
	require.ErrorContains(t, err, "belongs to the user with id 65534")
}

func TestLinkInPlaceOfTheFolderIsRefused(t *testing.T) {
	t.Parallel()
	target := t.TempDir()
	link := filepath.Join(t.TempDir(), "postgres")
	require.NoError(t, os.Symlink(target, link))
	_, err := Start(deadline(t), Config{Programs: programs(t), Dir: link})
	require.ErrorContains(t, err, "is not a folder")
	require.Len(t, snapshot(t, target), 1, "something was put into it")
}

func TestSecondOwnerIsRefusedByTheFirstsProcessID(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "postgres")
	s := start(t, Config{Programs: programs(t), Dir: dir})
	_, err := Start(deadline(t), Config{Programs: programs(t), Dir: dir})
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, "process "+strconv.Itoa(os.Getpid()))
	require.True(t, answers(s.Port()))
}

func TestDataOfAnotherMajorVersionIsRefusedAndSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "postgres")
	p := programs(t)
	s := start(t, Config{Programs: p, Dir: dir})
	require.NoError(t, s.Stop(deadline(t)))
	require.NoError(t, os.WriteFile(filepath.Join(s.Dir(), "PG_VERSION"), []byte("14\n"), 0o600))

	_, err := Start(deadline(t), Config{Programs: p, Dir: dir})
	require.ErrorIs(t, err, ErrOtherVersion)
	require.ErrorContains(t, err, "--fresh")
	require.ErrorContains(t, err, SourceEnvironment)
	require.ErrorContains(t, err, ": 14")
}

func TestStalePidFileOfACrashedServerDoesNotPreventAStart(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p Programs) {
		dir := filepath.Join(t.TempDir(), "postgres")
		s := start(t, Config{Programs: p, Dir: dir})
		pidFile := s.home.postmasterFile()
		text, err := os.ReadFile(pidFile)
		require.NoError(t, err)
		require.NoError(t, s.Stop(deadline(t)))

		// A process of the server's user that is no server bears its id now.
		sleeper := exec.Command("sleep", "600")
		runAs(sleeper, s.home.account)
		require.NoError(t, sleeper.Start())
		defer func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() }()
		_, rest, ok := strings.Cut(string(text), "\n")
		require.True(t, ok)
		stale := []byte(strconv.Itoa(sleeper.Process.Pid) + "\n" + rest)
		require.NoError(t, os.WriteFile(pidFile, stale, 0o600))

		again := start(t, Config{Programs: p, Dir: dir})
		require.True(t, answers(again.Port()))
	})
}

func TestInterruptedMakingOfAClusterIsBegunAnew(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "postgres")
	a, err := serverAccount()
	require.NoError(t, err)
	h, err := claim(dir, a)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(h.entry(newDataName), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(h.entry(newDataName), "half"), nil, 0o600))
	h.release()

	s := start(t, Config{Programs: programs(t), Dir: dir})
	require.True(t, answers(s.Port()))
	require.Equal(t, h.dir, homeOf(s))
	require.NoFileExists(t, filepath.Join(s.Dir(), "half"))
}

func TestNewClusterIsMadeWhereTheOneThatRootNamedIsGone(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root keeps the cluster elsewhere")
	}
	dir := filepath.Join(t.TempDir(), "postgres")
	first := start(t, Config{Programs: programs(t), Dir: dir})
	require.NoError(t, first.Stop(deadline(t)))
	require.NoError(t, os.RemoveAll(homeOf(first)))

	second := start(t, Config{Programs: programs(t), Dir: dir})
	require.NotEqual(t, homeOf(first), homeOf(second))
	var says struct{ Cluster string }
	text, err := os.ReadFile(filepath.Join(dir, markName))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &says))
	require.Equal(t, homeOf(second), says.Cluster)
	m, err := readMark(homeOf(second))
	require.NoError(t, err)
	require.Equal(t, mark{MadeBy: madeBy, For: dir}, m)
}

func TestMarkThatNamesAClusterElsewhereIsRefused(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root keeps the cluster elsewhere")
	}
	for _, elsewhere := range []string{"/etc", rootStateDir + "/../x", rootStateDir} {
		dir := t.TempDir()
		require.NoError(t, writeMark(dir, mark{Cluster: elsewhere}))
		_, err := Start(deadline(t), Config{Programs: programs(t), Dir: dir})
		require.ErrorIs(t, err, ErrForeign)
	}
}

func TestThrowawayThatNobodyOwnsIsSweptAndAnOwnedOneIsNot(t *testing.T) {
	t.Parallel()
	a, err := serverAccount()
	require.NoError(t, err)
	abandoned, err := claimThrowaway(a)
	require.NoError(t, err)
	abandoned.release()
	owned, err := claimThrowaway(a)
	require.NoError(t, err)
	defer func() {
		require.NoError(t, owned.remove())
		owned.release()
	}()

	require.Eventually(t, func() bool {
		sweep(a) // others that start a throwaway sweep too and may have it in hand
		_, err := os.Lstat(abandoned.dir)
		return err != nil
	}, patience, pollInterval)
	require.DirExists(t, owned.dir)
}
