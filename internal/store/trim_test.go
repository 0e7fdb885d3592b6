package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

// trimAll lets a day go by and deletes what is old then. clerk is a superuser:
// nobody else can change when a row was written.
func trimAll(st *store.Store, clerk *pgx.Conn) (int64, error) {
	if _, err := clerk.Exec(context.Background(), `UPDATE signet.change_log SET at = at - interval '25 hours'`); err != nil {
		return 0, err
	}
	return st.Trim(context.Background())
}

// requireTrimmed lets a day go by and deletes what is old then, until so many rows
// are gone: a transaction of another test on the same server may hold it back.
func requireTrimmed(t *testing.T, st *store.Store, db storetest.DB, want int) {
	t.Helper()
	clerk := connect(t, db.SuperuserURL())
	gone := 0
	require.Eventually(t, func() bool {
		rows, err := trimAll(st, clerk)
		gone += int(rows)
		return err == nil && gone >= want
	}, patience, poll)
	require.Equal(t, want, gone)
}

// settle waits until no transaction is open that is older than a change: one of
// another test on the same server would hold trimming back, and its end would make
// a reader who looked before load everything.
func settle(t *testing.T, db storetest.DB, host string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return db.List(t, `SELECT (xid < pg_snapshot_xmin(pg_current_snapshot()))::text FROM signet.change_log WHERE host = $1`, host)[0] == "true"
	}, patience, poll)
}

func TestOnlyWhatIsADayOldIsTrimmed(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		old, young := makeTenant(t, st, "alpha"), makeTenant(t, st, "bravo")
		for age, r := range map[string]tenantRows{"24 hours 1 minute": old, "23 hours 59 minutes": young} {
			db.Exec(t, fmt.Sprintf(`UPDATE signet.change_log SET at = now() - interval '%s' WHERE tenant_id = '%s'`, age, r.ID))
			db.Exec(t, fmt.Sprintf(`UPDATE signet.sessions SET expires_at = now() - interval '%s' WHERE session_id = '%s'`, age, r.Session))
		}
		gone := int64(0)
		require.Eventually(t, func() bool {
			rows, err := st.Trim(t.Context())
			gone += rows
			return err == nil && gone >= 2
		}, patience, poll)
		require.EqualValues(t, 2, gone)
		require.Equal(t, []string{young.ID.String()}, db.List(t, `SELECT tenant_id::text FROM signet.change_log`))
		for _, table := range []string{"sessions", "refresh_tokens"} {
			require.Equal(t, []string{young.Session.String()}, db.List(t, `SELECT session_id::text FROM signet.`+table), table)
		}
		rows, err := st.Trim(t.Context())
		require.NoError(t, err)
		require.Zero(t, rows)
	})
}

func TestMoreThanABatchIsTrimmedAtOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(t, `INSERT INTO signet.change_log (tenant_id, kind, host) SELECT gen_random_uuid(), 'legacy_host', 'bulk' FROM generate_series(1, 12000)`)
	settle(t, db, "bulk")
	rows, err := trimAll(db.Open(t), connect(t, db.SuperuserURL()))
	require.NoError(t, err)
	require.EqualValues(t, 12000, rows)
	require.Equal(t, []string{"0"}, db.List(t, `SELECT count(*)::text FROM signet.change_log`))
}

func TestWhileOneNodeTrimsAnotherHasNothingToDo(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		makeTenant(t, st, "alpha")
		other, err := connect(t, db.TenantURL).Begin(t.Context())
		require.NoError(t, err)
		_, err = other.Exec(t.Context(), store.TrimLock)
		require.NoError(t, err)
		requireTrimmed(t, st, db, 0)
		require.NoError(t, other.Rollback(t.Context()))
		requireTrimmed(t, st, db, 1)
	})
}

func TestWhoHasNotReadWhatWasTrimmedIsTold(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		conn := connect(t, db.TenantURL)
		fresh, behind, newborn := reading{st: st}, reading{st: st}, reading{st: st}
		for _, r := range []*reading{&fresh, &behind} {
			r.load(t)
		}
		require.NoError(t, writer(t, conn, "old").Commit(t.Context()))
		settle(t, db, "old")
		require.Equal(t, []string{"old"}, fresh.next(t))
		requireTrimmed(t, st, db, 1)
		require.NoError(t, writer(t, conn, "new").Commit(t.Context()))

		require.Equal(t, []string{"new"}, fresh.next(t), "who has read it misses nothing")
		for name, r := range map[string]reading{"behind": behind, "before everything": newborn} {
			before := r.at
			hosts, err := r.try()
			require.ErrorIs(t, err, store.ErrFeedTrimmed, name)
			require.ErrorIs(t, err, store.ErrFeedBroken, name)
			require.Empty(t, hosts, name)
			require.Equal(t, before, r.at, name)
			require.ErrorIs(t, st.FollowChanges(t.Context(), r.at, nil, func(error) {}), store.ErrFeedTrimmed, name)
		}
		behind.load(t)
		require.Empty(t, behind.next(t))
	})
}

// A stranger's transaction that stays open for days holds trimming back, and makes
// nobody who follows the feed load everything again and again.
func TestAnOpenTransactionHoldsTrimmingBack(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		conn := connect(t, db.TenantURL)
		feed := reading{st: st}
		feed.load(t)
		require.NoError(t, writer(t, conn, "before").Commit(t.Context()))
		stranger := writer(t, connect(t, db.TenantURL), "stranger")
		require.NoError(t, writer(t, conn, "after").Commit(t.Context()))
		settle(t, db, "before")
		requireTrimmed(t, st, db, 1)
		require.Equal(t, []string{"after"}, db.List(t, `SELECT host FROM signet.change_log`))
		_, err := feed.try()
		require.ErrorIs(t, err, store.ErrFeedTrimmed)
		feed.load(t)
		for range 3 {
			require.Empty(t, feed.next(t))
			requireTrimmed(t, st, db, 0)
		}
		require.NoError(t, stranger.Commit(t.Context()))
		require.Equal(t, []string{"stranger"}, feed.next(t))
		settle(t, db, "after")
		require.Empty(t, feed.next(t))
		requireTrimmed(t, st, db, 2)
		require.Empty(t, feed.next(t))
	})
}

// A dump carries the mark of the cluster that it was made on.
func TestAMarkOfARestoredDumpMisleadsNobody(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		conn := connect(t, db.TenantURL)
		db.Exec(t, `INSERT INTO signet.change_log_trimmed (xid) VALUES ('1000000000000')`)
		feed, behind := reading{st: st}, reading{st: st}
		feed.load(t)
		behind.load(t)
		require.NoError(t, writer(t, conn, "first").Commit(t.Context()))
		settle(t, db, "first")
		require.Equal(t, []string{"first"}, feed.next(t))
		requireTrimmed(t, st, db, 1)
		require.Empty(t, feed.next(t))
		_, err := behind.try()
		require.ErrorIs(t, err, store.ErrFeedTrimmed, "the mark lies here again")
	})
}
