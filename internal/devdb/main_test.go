package devdb

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(helperKey) != "" {
		os.Exit(helper())
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for another process.
const patience = 30 * time.Second

// allPrograms finds what is on this machine once, with the pinned package.
var allPrograms = sync.OnceValues(func() ([]Programs, error) {
	binDir := os.Getenv(SourceEnvironment)
	if _, err := Find(context.Background(), binDir, os.Stderr); err != nil {
		return nil, err
	}
	return FindAll(context.Background(), binDir), nil
})

// programs gives one installation; eachProgram runs a test on every one, or
// with -short on the first.
func programs(t *testing.T) Programs {
	t.Helper()
	all, err := allPrograms()
	require.NoError(t, err)
	return all[0]
}

func eachProgram(t *testing.T, test func(t *testing.T, p Programs)) {
	t.Helper()
	programs(t)
	all, _ := allPrograms()
	if testing.Short() {
		all = all[:1]
	}
	for _, p := range all {
		t.Run(fmt.Sprintf("on %s %d", p.Source, p.Version), func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

// deadline bounds a step of a test by patience.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// start starts a server that is gone after the test: a persistent cluster is
// destroyed.
func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Start(deadline(t), cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = s.Stop(ctx)
		if cfg.Dir != "" {
			require.NoError(t, Drop(ctx, cfg.Dir))
		}
	})
	return s
}

// answers tells whether anything accepts connections on the port.
func answers(port int) bool {
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// noServer tells whether no process of the cluster's server lives.
func noServer(t *testing.T, home string) bool {
	t.Helper()
	path := filepath.Join(home, serverName)
	if _, err := os.Lstat(path); err != nil {
		return true // removed with the rest
	}
	lock, err := lockNow(path)
	require.NoError(t, err)
	if lock == nil {
		return false
	}
	return lock.Close() == nil
}

// query runs statements with the system's psql, the only client at hand, and
// gives what it prints. Where there is none, the test is skipped.
func query(t *testing.T, s *Server, statements ...string) (string, error) {
	t.Helper()
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("psql is not on PATH: what needs a client is not checked")
	}
	args := []string{"--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--dbname", s.SuperuserURL("postgres")}
	for _, statement := range statements {
		args = append(args, "--command", statement)
	}
	cmd := exec.CommandContext(deadline(t), psql, args...)
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// homeOf gives the folder in which the server's cluster lies.
func homeOf(s *Server) string { return s.home.dir }
