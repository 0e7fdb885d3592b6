package devdb

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// helperKey makes the test binary an owner that can be killed: its value is the
// Config of the server to start.
const helperKey = "DEVDB_TEST_OWNER"

// report is what an owner says of its server.
type report struct {
	PID, Port int
	Home      string
}

func helper() int {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	var cfg Config
	if err := json.Unmarshal([]byte(os.Getenv(helperKey)), &cfg); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	s, err := Start(context.Background(), cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	said := json.NewEncoder(os.Stdout)
	_ = said.Encode(report{PID: readPID(s.home.postmasterFile()), Port: s.Port(), Home: s.home.dir})
	<-interrupts
	_ = said.Encode(report{Port: s.Port()}) // still here: what the terminal sends stops nothing by itself
	<-interrupts
	if err := s.Stop(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// owner is another process that owns a server.
type owner struct {
	report
	cmd  *exec.Cmd
	said *json.Decoder
}

// startOwner starts one in a process group of its own, as a terminal would.
func startOwner(t *testing.T, cfg Config) *owner {
	t.Helper()
	text, err := json.Marshal(cfg)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperKey+"="+string(text))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	o := &owner{cmd: cmd, said: json.NewDecoder(bufio.NewReader(out))}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	require.NoError(t, o.said.Decode(&o.report))
	require.True(t, answers(o.Port))
	return o
}

func (o *owner) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, o.cmd.Process.Kill())
	_, _ = o.cmd.Process.Wait()
}

func TestServerStopsWhenItsOwnerIsKilled(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p Programs) {
		t.Run("a throwaway one, with its data", func(t *testing.T) {
			t.Parallel()
			o := startOwner(t, Config{Programs: p})
			o.kill(t)
			a, err := serverAccount()
			require.NoError(t, err)
			left := filepath.Join(o.Home, dataName, "PG_VERSION")
			if !a.other {
				left = o.Home // of root's only the data can be removed by the shell
			}
			require.Eventually(t, func() bool {
				_, err := os.Lstat(left)
				return err != nil && noServer(t, o.Home)
			}, patience, pollInterval)
			require.False(t, answers(o.Port))
			require.Eventually(t, func() bool {
				sweep(a)
				_, err := os.Lstat(o.Home)
				return err != nil
			}, patience, pollInterval)
		})
		t.Run("a persistent one, which can be taken over", func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "postgres")
			o := startOwner(t, Config{Programs: p, Dir: dir})
			o.kill(t)
			s := start(t, Config{Programs: p, Dir: dir}) // waits for the other to end
			require.Equal(t, o.Home, homeOf(s))
			require.True(t, answers(s.Port()))
			log, err := os.ReadFile(s.LogFile())
			require.NoError(t, err)
			require.Contains(t, string(log), "database system was shut down at")
			require.NotContains(t, string(log), "was interrupted", "it was not stopped in order")
		})
	})
}

func TestInterruptOfTheProcessGroupReachesTheOwnerAlone(t *testing.T) {
	t.Parallel()
	o := startOwner(t, Config{Programs: programs(t)})
	group, err := syscall.Getpgid(o.PID)
	require.NoError(t, err)
	require.NotEqual(t, o.cmd.Process.Pid, group, "the server is in its owner's process group")
	require.NoError(t, syscall.Kill(-o.cmd.Process.Pid, syscall.SIGINT))
	var second report
	require.NoError(t, o.said.Decode(&second))
	require.True(t, answers(o.Port))
	require.False(t, noServer(t, o.Home))

	require.NoError(t, syscall.Kill(-o.cmd.Process.Pid, syscall.SIGINT))
	require.ErrorIs(t, o.said.Decode(&second), io.EOF)
	require.NoError(t, o.cmd.Wait())
	require.False(t, answers(o.Port))
	require.NoDirExists(t, o.Home)
}

func TestAnotherProcessIsRefusedAsSecondOwner(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "postgres")
	o := startOwner(t, Config{Programs: programs(t), Dir: dir})
	_, err := Start(deadline(t), Config{Programs: programs(t), Dir: dir})
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, "process "+strconv.Itoa(o.cmd.Process.Pid))
	require.True(t, answers(o.Port))
	o.kill(t)
	require.Eventually(t, func() bool { return noServer(t, o.Home) }, patience, pollInterval)
	require.NoError(t, Drop(deadline(t), dir))
}

// shells gives the processes of the server's session that are not the server:
// the shell and its reader.
func shells(t *testing.T, postmaster int) []int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	session := stat(t, postmaster)[3]
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	var found []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		program, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil || !strings.HasPrefix(string(program), shell) {
			continue
		}
		if fields := stat(t, pid); len(fields) > 3 && fields[3] == session {
			found = append(found, pid)
		}
	}
	require.NotEmpty(t, found)
	return found
}

// stat gives the fields of /proc/pid/stat after the program's name: state,
// parent, group, session, …
func stat(t *testing.T, pid int) []string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, rest, ok := strings.Cut(string(text), ") ")
	require.True(t, ok)
	return strings.Fields(rest)
}

func TestServerThatLostItsShellIsStoppedAllTheSame(t *testing.T) {
	t.Parallel()
	t.Run("by its owner", func(t *testing.T) {
		t.Parallel()
		s := start(t, Config{Programs: programs(t)})
		for _, pid := range shells(t, readPID(s.home.postmasterFile())) {
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		}
		<-s.Done()
		require.True(t, answers(s.Port()))
		require.NoError(t, s.Stop(deadline(t)))
		require.False(t, answers(s.Port()))
		require.NoDirExists(t, homeOf(s))
	})
	t.Run("by the next owner", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "postgres")
		o := startOwner(t, Config{Programs: programs(t), Dir: dir})
		for _, pid := range append(shells(t, o.PID), o.cmd.Process.Pid) {
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		}
		_, _ = o.cmd.Process.Wait()
		require.True(t, answers(o.Port))
		s := start(t, Config{Programs: programs(t), Dir: dir})
		require.False(t, answers(o.Port))
		require.True(t, answers(s.Port()))
	})
}

func TestServerThatEndsByItselfIsNoticed(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Programs: programs(t)})
	require.NoError(t, syscall.Kill(readPID(s.home.postmasterFile()), syscall.SIGTERM))
	<-s.Done()
	require.FileExists(t, s.LogFile(), "what it said is kept while there is an owner to read it")
	require.FileExists(t, filepath.Join(s.Dir(), "PG_VERSION"))
	require.NoError(t, s.Stop(deadline(t)))
	require.NoDirExists(t, homeOf(s))
}

func TestPersistentServerIsStoppedAsByACrashWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "postgres")
	s := start(t, Config{Programs: programs(t), Dir: dir})
	// The stop that was ordered cannot be obeyed: the server is halted. The
	// kernel lets a halted process die of SIGKILL alone.
	pid := readPID(s.home.postmasterFile())
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	s.supervisor.grace = pollInterval
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.NoError(t, s.Stop(ctx))
	require.False(t, answers(s.Port()))
}
