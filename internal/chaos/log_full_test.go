package chaos_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLogDiskFull runs a node whose every line of log fails, as on a full disk:
// it signs on, warm and cold.
func TestLogDiskFull(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full on this machine")
	}
	defer full.Close()
	c := startCluster(t, plan{nodes: 2, cold: 1})
	n := c.nodes[1]
	n.kill()
	ports := freePorts(t, 3)
	binary, err := builtBinary()
	require.NoError(t, err)
	cmd := exec.Command(binary, "serve", "--public-addr", ports[0], "--console-addr", ports[1], "--metrics-addr", ports[2])
	cmd.Env, cmd.Stderr = n.env, full
	dieWithOwner(cmd)
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	n.at.Store(&addresses{public: "http://" + ports[0], console: "http://" + ports[1] + "/api/v1", metrics: "http://" + ports[2]})
	require.Eventually(t, func() bool { return n.isReady(t.Context()) }, startPatience, 20*time.Millisecond)

	l := c.startLoad(t)
	l.during("no line can be logged", 2*time.Second)
	c.awaitStatus(t, n, c.cold[0], 200)
	c.awaitWritten(t.Context(), t, n, "unlogged.example.com") // the audit is in Postgres, not in the log
	l.stop(t)
	l.requireNoFailure(t)
	require.NotEmpty(t, l.list(func(o outcome) bool { return o.node == n.number }))
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, <-ended)
}
