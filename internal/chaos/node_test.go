package chaos_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startPatience is how long a process may take until it serves.
const startPatience = 2 * time.Minute

// node is one `signet serve` with its own way to Postgres and its own to WeCom.
// Its process can be ended and started again; then it has other addresses.
type node struct {
	number   int
	postgres *proxy
	weCom    *proxy
	env      []string
	binary   func() (string, error) // default: builtBinary
	logFile  string

	at atomic.Pointer[addresses] // where it serves; nil before it does
	in atomic.Bool               // the balancer sends requests

	mu    sync.Mutex // guards what follows
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
}

type addresses struct{ public, console, metrics string }

// newNode prepares a node. Its log is kept where the test failed.
func newNode(t *testing.T, number int, postgres, weCom *proxy, env []string) *node {
	t.Helper()
	n := &node{number: number, postgres: postgres, weCom: weCom, env: env, binary: builtBinary}
	n.logFile = filepath.Join(t.TempDir(), "node"+strconv.Itoa(number)+".log")
	t.Cleanup(func() {
		n.kill()
		if !t.Failed() {
			return
		}
		text, err := os.ReadFile(n.logFile)
		if err != nil {
			return
		}
		var told []byte
		for line := range bytes.Lines(text) {
			if !bytes.Contains(line, []byte(`"msg":"request"`)) { // the load's are too many
				told = append(told, line...)
			}
		}
		t.Logf("the end of the log of node %d:\n%s", number, told[max(0, len(told)-4000):])
	})
	return n
}

var serving = regexp.MustCompile(`"msg":"(?:serving|waiting for Postgres[^"]*)","public":"([^"]+)","console":"([^"]+)","metrics":"([^"]+)"`)

// launch starts the process and returns at once.
func (n *node) launch(t *testing.T) {
	t.Helper()
	binary, err := n.binary()
	require.NoError(t, err)
	log, err := os.OpenFile(n.logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(t, err)
	n.at.Store(nil)
	cmd := exec.Command(binary, "serve")
	cmd.Env = n.env
	cmd.Stderr = io.MultiWriter(log, &lineWatch{found: n.serves})
	dieWithOwner(cmd)
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer log.Close()
		_ = cmd.Wait() // how it ended its state says
	}()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cmd, n.ended = cmd, ended
}

func (n *node) serves(line []byte) {
	if at := serving.FindSubmatch(line); at != nil {
		n.at.Store(&addresses{public: "http://" + string(at[1]), console: "http://" + string(at[2]) + "/api/v1", metrics: "http://" + string(at[3])})
	}
}

// start launches the process and waits until it is ready. One that ends is
// launched again a moment later, as whatever supervises it would.
func (n *node) start(t *testing.T) {
	t.Helper()
	n.launch(t)
	again := time.Now()
	require.Eventually(t, func() bool {
		if n.isGone() && time.Since(again) > time.Second {
			n.launch(t)
			again = time.Now()
		}
		return n.isReady(t.Context())
	}, startPatience, 20*time.Millisecond, "node %d is not ready", n.number)
	n.in.Store(true)
}

func (n *node) isGone() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.ended:
		return true
	default:
		return false
	}
}

// isReady asks /readyz.
func (n *node) isReady(ctx context.Context) bool {
	at := n.at.Load()
	if at == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	a, err := send(ctx, "GET", at.metrics+"/readyz", nil)
	return err == nil && a.status == 200
}

// signal sends the process a signal, if it lives.
func (n *node) signal(s syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil && n.cmd.ProcessState == nil {
		_ = n.cmd.Process.Signal(s)
	}
}

// kill ends the process as kill -9 does and waits until it is gone.
func (n *node) kill() {
	n.mu.Lock()
	cmd, ended := n.cmd, n.ended
	n.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Kill() // one that is gone already is what is wanted
		<-ended
	}
}

// stop asks the process to end and gives its exit status. It fails the test if
// the process takes longer than patience.
func (n *node) stop(t *testing.T, patience time.Duration) (status int) {
	t.Helper()
	n.signal(syscall.SIGTERM)
	return n.awaitEnd(t, patience).ExitCode()
}

// awaitEnd waits until a process that was told to end has ended, and gives how.
// It fails the test if that takes longer than patience.
func (n *node) awaitEnd(t *testing.T, patience time.Duration) *os.ProcessState {
	t.Helper()
	n.mu.Lock()
	cmd, ended := n.cmd, n.ended
	n.mu.Unlock()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Errorf("node %d has not ended %s after the signal", n.number, patience)
		n.kill()
	}
	return cmd.ProcessState
}

// awaitDraining waits until /readyz says that the node takes its leave.
func (n *node) awaitDraining(t *testing.T) {
	t.Helper()
	at := n.at.Load().metrics
	require.Eventually(t, func() bool {
		a, err := send(t.Context(), "GET", at+"/readyz", nil)
		return err == nil && a.status == 503
	}, patience, 10*time.Millisecond, "node %d is still ready", n.number)
}

// lineWatch hands each whole line to found. The process writes from one
// goroutine.
type lineWatch struct {
	found func(line []byte)
	rest  []byte
}

// Write implements io.Writer.
func (w *lineWatch) Write(b []byte) (int, error) {
	w.rest = append(w.rest, b...)
	for {
		line, rest, whole := bytes.Cut(w.rest, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		w.found(line)
		w.rest = append([]byte(nil), rest...)
	}
}
