package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// ownGroup is a group that root has not, so that what belongs to the process can be
// told from what belongs to root.
const ownGroup = 54321

func TestACommandLeavesNoCoreAndLetsNobodyLookIntoIt(t *testing.T) {
	t.Parallel()
	cmd := program{}.command(context.WithoutCancel(t.Context()), "fakewecom", "--addr", "127.0.0.1:0")
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Gid: ownGroup, NoSetGroups: true}}
	}
	letRun(t, cmd)

	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", cmd.Process.Pid))
	require.NoError(t, err)
	require.Regexp(t, `(?m)^Max core file size +0 +0 +bytes`, string(limits), "the soft limit and the hard one")
	memory, err := os.Stat(fmt.Sprintf("/proc/%d/mem", cmd.Process.Pid))
	require.NoError(t, err)
	owner := memory.Sys().(*syscall.Stat_t)
	require.Zero(t, owner.Uid, "its memory is root's to read, whoever runs it")
	require.Zero(t, owner.Gid)
}

func TestACommandOverwritesWhatItFreesAndKeepsWhatGODEBUGSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ given, want string }{
		{"", "GODEBUG=clobberfree=1"},
		{"GODEBUG=gctrace=0", "GODEBUG=gctrace=0,clobberfree=1"},
		{"GODEBUG=clobberfree=0", "GODEBUG=clobberfree=0"},
	} {
		cmd := program{env: []string{c.given}}.command(context.WithoutCancel(t.Context()), "fakewecom", "--addr", "127.0.0.1:0")
		letRun(t, cmd)
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", cmd.Process.Pid))
		if errors.Is(err, fs.ErrPermission) {
			t.Skip("looking into a command needs root")
		}
		require.NoError(t, err)
		require.Contains(t, strings.Split(string(environ), "\x00"), c.want)
		require.Equal(t, 1, strings.Count(string(environ), "GODEBUG="))
	}
}

// letRun starts a command that stays, comes back when it has said its first line, and
// ends it with the test.
func letRun(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		require.NoError(t, cmd.Wait())
	})
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "it runs")
}
