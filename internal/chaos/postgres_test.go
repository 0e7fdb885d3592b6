package chaos_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/devdb"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// postgres is the database of a cluster: one on the server that the tests share,
// or on a server of its own, which can be stopped and paused.
type postgres struct {
	storetest.DB
	own devdb.Config // of the server of its own; zero for the shared one
}

const databaseName = "signet"

var roles = map[string]core.Secret{
	"signet_owner":  core.NewSecret("an owner of a test"),
	"signet_app":    core.NewSecret("an app role of a test"),
	"signet_system": core.NewSecret("a system role of a test"),
}

func newPostgres(t *testing.T, ownServer bool, programs *devdb.Programs) *postgres {
	t.Helper()
	if !ownServer && programs == nil {
		return &postgres{DB: storetest.New(t)}
	}
	if programs == nil {
		found, err := devdb.Find(t.Context(), os.Getenv("SIGNET_POSTGRES_BIN_DIR"), os.Stderr)
		require.NoError(t, err)
		programs = &found
	}
	p := newServer(t, *programs)
	owner := store.LoginRole{Name: "signet_owner", Password: roles["signet_owner"]}
	require.NoError(t, store.CreateDatabase(t.Context(), p.Cluster.Server.SuperuserURL("postgres"), owner, databaseName))
	require.NoError(t, store.MigrateUp(t.Context(), p.Migration(t)))
	return p
}

// newServer starts a server with nothing in it.
func newServer(t *testing.T, programs devdb.Programs) *postgres {
	t.Helper()
	p := &postgres{own: devdb.Config{
		Programs: programs, Dir: filepath.Join(t.TempDir(), "postgres"),
		Settings: map[string]string{"fsync": "off", "full_page_writes": "off"}, // it is never cut off from power
	}}
	p.start(t)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		p.resume()
		require.NoError(t, p.Cluster.Server.Stop(ctx))
		require.NoError(t, devdb.Drop(ctx, p.own.Dir))
	})
	return p
}

// start starts the server, also one that was stopped. It then has another port.
func (p *postgres) start(t *testing.T) {
	t.Helper()
	server, err := devdb.Start(t.Context(), p.own)
	require.NoError(t, err)
	url := func(role string) string { return server.URL(role, roles[role], databaseName) }
	p.DB = storetest.DB{
		Name: databaseName, OwnerURL: url("signet_owner"), TenantURL: url("signet_app"), SystemURL: url("signet_system"),
		Cluster: &storetest.Cluster{Server: server, Programs: p.own.Programs},
	}
}

// stop stops the server as an operator does.
func (p *postgres) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	require.NoError(t, p.Cluster.Server.Stop(ctx))
}

// address is where the server listens now.
func (p *postgres) address() string { return "127.0.0.1:" + strconv.Itoa(p.Cluster.Server.Port()) }

// pause lets every process of the server stand still, the first one first, so
// that no new one comes.
func (p *postgres) pause(t *testing.T) {
	t.Helper()
	first, err := p.firstProcess()
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(first, syscall.SIGSTOP))
	for _, child := range childrenOf(t, first) {
		_ = syscall.Kill(child, syscall.SIGSTOP) // one that has just ended is paused enough
	}
}

// resume lets them go on. It does nothing to a server that runs.
func (p *postgres) resume() {
	first, err := p.firstProcess()
	if err != nil {
		return
	}
	children, _ := processes()
	for child, parent := range children {
		if parent == first {
			_ = syscall.Kill(child, syscall.SIGCONT)
		}
	}
	_ = syscall.Kill(first, syscall.SIGCONT)
}

func (p *postgres) firstProcess() (int, error) {
	text, err := os.ReadFile(filepath.Join(p.Cluster.Server.Dir(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(strings.TrimSpace(line))
}

func childrenOf(t *testing.T, parent int) (children []int) {
	t.Helper()
	all, err := processes()
	require.NoError(t, err)
	for child, of := range all {
		if of == parent {
			children = append(children, child)
		}
	}
	require.NotEmpty(t, children, "a server without a process")
	return children
}

// processes gives the parent of each process of the machine.
func processes() (map[int]int, error) {
	parents := map[int]int{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 { // no Linux
		text, err := exec.Command("ps", "-axo", "pid=,ppid=").Output()
		for line := range strings.Lines(string(text)) {
			var child, parent int
			if _, err := fmt.Sscan(line, &child, &parent); err == nil {
				parents[child] = parent
			}
		}
		return parents, err
	}
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// The name of the program stands in brackets and may hold anything.
		head, tail, _ := strings.Cut(string(text), " (")
		var state string
		var parent int
		if _, err := fmt.Sscan(tail[strings.LastIndex(tail, ")")+1:], &state, &parent); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		child, err := strconv.Atoi(head)
		if err != nil {
			return nil, err
		}
		parents[child] = parent
	}
	return parents, nil
}

// readOnly makes every session of the database read-only, or lets it write again,
// and ends the sessions that were there, as a switch to a standby does.
func (p *postgres) readOnly(t *testing.T, on bool) {
	t.Helper()
	elsewhere := p.DB
	elsewhere.Name = "postgres" // which stays writable
	setting := "RESET default_transaction_read_only"
	if on {
		setting = "SET default_transaction_read_only = on"
	}
	elsewhere.Exec(t, "ALTER DATABASE "+p.Name+" "+setting)
	elsewhere.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", p.Name)
}

// endListeners ends the connections by which nodes hear of changes, by their name: the
// statement that they sent last is another.
const endListeners = `SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'signet change feed'`

// cutNotifications ends the connections that listen for notifications, and gives how
// many there were.
func (p *postgres) cutNotifications(t *testing.T) (ended int) {
	t.Helper()
	return len(p.List(t, endListeners))
}
