package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// follower is a node that follows the feed until the test ends.
type follower struct {
	st     *store.Store
	cancel context.CancelFunc
	done   chan error

	mu       sync.Mutex
	hosts    []string // of the changes that were applied
	batches  [][]string
	failures int // applying fails so many times
	reports  []error
}

func follow(t *testing.T, st *store.Store, failures int) *follower {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	f := &follower{st: st, cancel: cancel, done: make(chan error, 1), failures: failures}
	go func() { f.done <- st.FollowChanges(ctx, store.FeedPosition{}, f.apply, f.report) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-f.done) })
	return f
}

var errApply = errors.New("not applied")

func (f *follower) apply(_ context.Context, _ *store.SystemTx, changes []store.Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var batch []string
	for _, c := range changes {
		batch = append(batch, string(c.Host))
	}
	f.batches = append(f.batches, batch)
	if f.failures > 0 {
		f.failures--
		return errApply
	}
	f.hosts = append(f.hosts, batch...)
	return nil
}

func (f *follower) report(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, err)
}

func (f *follower) has(host string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.hosts {
		if h == host {
			return true
		}
	}
	return false
}

// reported tells whether a report was made that fits.
func (f *follower) reported(fits func(error) bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, err := range f.reports {
		if fits(err) {
			return true
		}
	}
	return false
}

// announce writes a change and gives the time until the follower has it.
func (f *follower) announce(t *testing.T, st *store.Store, host string) time.Duration {
	t.Helper()
	onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
		return tx.Announce(ctx, store.Change{TenantID: core.NewTenantID(), Kind: store.LegacyHostChanged, Host: core.Host(host)})
	})
	began := time.Now()
	require.Eventually(t, func() bool { return f.has(host) }, patience, time.Millisecond)
	return time.Since(began)
}

// inForce is the design's figure: everywhere within two seconds, NOTIFY dead or
// alive.
const inForce = 2 * time.Second

const (
	listeners    = `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'signet change feed'`
	endListeners = `SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'signet change feed'`
)

func TestFollowerHearsOfAChangeAtOnce(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		f := follow(t, st, 0)
		require.Eventually(t, func() bool { return len(db.List(t, listeners)) == 1 }, patience, poll)
		f.announce(t, st, "first")
		quickest := time.Hour
		for _, host := range []string{"a", "b", "c", "d", "e"} {
			quickest = min(quickest, f.announce(t, st, host))
		}
		t.Logf("with NOTIFY: %v", quickest)
		require.Less(t, quickest, store.PollEvery/2, "it was not NOTIFY that told")
	})
}

func TestFollowerHearsOfAChangeWithoutNotify(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		w := storetest.NewWire(t, db.SystemURL, func(statement string) string {
			return strings.Replace(statement, "LISTEN "+store.ChangeChannel, "LISTEN nothing", 1)
		})
		st, err := store.Open(t.Context(), store.Config{TenantURL: db.TenantURL, SystemURL: w.URL(db.SystemURL)})
		require.NoError(t, err)
		t.Cleanup(st.Close)
		f := follow(t, st, 0)
		f.announce(t, st, "first") // might be found by the reading at the start
		took := f.announce(t, st, "second")
		t.Logf("without NOTIFY: %v", took)
		require.Less(t, took, inForce)
	})
}

func TestFollowerLosesNothingWhenItsListenerIsCut(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		f := follow(t, st, 0)
		for _, host := range []string{"a", "b", "c"} {
			require.Eventually(t, func() bool { return len(db.List(t, listeners)) == 1 }, patience, poll)
			db.List(t, endListeners)
			require.Less(t, f.announce(t, st, host), inForce)
		}
		require.Equal(t, []string{"a", "b", "c"}, f.hosts)
	})
}

func TestFollowerTriesAgainWhatCouldNotBeApplied(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := follow(t, st, 2)
	f.announce(t, st, "a")
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Equal(t, [][]string{{"a"}, {"a"}, {"a"}}, f.batches)
	require.Equal(t, []string{"a"}, f.hosts)
	require.Contains(t, f.reports, errApply)
}

func TestFollowerGoesOnAfterPostgresWasAway(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		f := follow(t, st, 0)
		f.announce(t, st, "before")
		onServer := connect(t, db.Cluster.Server.SuperuserURL("postgres"))
		exec := func(statement string) {
			_, err := onServer.Exec(t.Context(), statement)
			require.NoError(t, err)
		}
		exec(`ALTER DATABASE ` + db.Name + ` ALLOW_CONNECTIONS false`)
		exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '` + db.Name + `'`)
		require.Eventually(t, func() bool {
			return f.reported(func(err error) bool { return fault.Has(err, fault.StoreUnavailable) })
		}, patience, poll)
		exec(`ALTER DATABASE ` + db.Name + ` ALLOW_CONNECTIONS true`)
		f.announce(t, st, "after")
		require.Equal(t, []string{"before", "after"}, f.hosts)
	})
}

func TestFollowerEndsWithItsContextAndLeavesNoListener(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	f := follow(t, db.Open(t), 0)
	require.Eventually(t, func() bool { return len(db.List(t, listeners)) == 1 }, patience, poll)
	f.cancel()
	select {
	case err := <-f.done:
		require.NoError(t, err)
		f.done <- nil
	case <-time.After(patience):
		t.Fatal("it goes on")
	}
	require.Eventually(t, func() bool { return len(db.List(t, listeners)) == 0 }, patience, poll)
}

func TestRolledBackChangeIsHeardOfByNobody(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := follow(t, st, 0)
	require.ErrorIs(t, st.Platform(t.Context(), someone, func(tx *store.PlatformTx) error {
		require.NoError(t, tx.Announce(t.Context(), store.Change{TenantID: core.NewTenantID(), Kind: store.LegacyHostChanged, Host: "undone"}))
		return errUndo
	}), errUndo)
	f.announce(t, st, "done")
	require.False(t, f.has("undone"))
}
