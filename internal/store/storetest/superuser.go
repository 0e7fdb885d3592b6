package storetest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// patience is for a statement of the superuser: a million rows may be its work.
const patience = 10 * time.Minute

// Exec runs a statement as the superuser, who can do what nobody can in
// production: damage a row, delete a member. It gives the number of rows.
func (db DB) Exec(t testing.TB, statement string, args ...any) (rows int64) {
	t.Helper()
	db.asSuperuser(t, func(ctx context.Context, conn *pgx.Conn) error {
		tag, err := conn.Exec(ctx, statement, args...)
		rows = tag.RowsAffected()
		return err
	})
	return rows
}

// Lock holds a table so that nobody else can even read it, until release is called
// or the test ends.
func (db DB) Lock(t testing.TB, table string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.SuperuserURL())
	if err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	t.Cleanup(release)
	if _, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE "+table); err != nil {
		t.Fatal(err)
	}
	return release
}

// Held is a transaction that holds a table so that nobody else can even read it.
type Held struct{ conn *pgx.Conn }

// Hold is Lock for a test that changes something before others go on.
func (db DB) Hold(t testing.TB, table string) Held {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.SuperuserURL())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	_, err = conn.Exec(t.Context(), "BEGIN; LOCK TABLE "+table)
	require.NoError(t, err)
	return Held{conn}
}

// HoldRows is Hold for the rows alone that a statement locks.
func (db DB) HoldRows(t testing.TB, statement string, args ...any) Held {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.SuperuserURL())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	_, err = conn.Exec(t.Context(), "BEGIN")
	require.NoError(t, err)
	held, err := conn.Exec(t.Context(), statement, args...)
	require.NoError(t, err)
	require.Positive(t, held.RowsAffected(), "there is nothing to hold: %s", statement)
	return Held{conn}
}

// AwaitWaiter waits until somebody waits for what is held.
func (h Held) AwaitWaiter(t testing.TB) {
	t.Helper()
	const isWaitedFor = `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))`
	require.Eventually(t, func() bool {
		var waited bool
		err := h.conn.QueryRow(t.Context(), isWaitedFor).Scan(&waited)
		return err == nil && waited
	}, time.Minute, 2*time.Millisecond, "nobody waits for what is held")
}

// Exec runs a statement in the transaction.
func (h Held) Exec(t testing.TB, statement string) {
	t.Helper()
	_, err := h.conn.Exec(t.Context(), statement)
	require.NoError(t, err)
}

// Commit lets the others go on.
func (h Held) Commit(t testing.TB) {
	t.Helper()
	h.Exec(t, "COMMIT")
}

// TryExec is Exec of statements without arguments, all or none of them, where a
// failure is no failure of the test: Postgres may be away on purpose.
func (db DB) TryExec(ctx context.Context, statements string) error {
	conn, err := pgx.Connect(ctx, db.SuperuserURL())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statements)
	return err
}

// Copy writes many rows into a table, as the superuser.
func (db DB) Copy(t testing.TB, table string, columns []string, rows [][]any) {
	t.Helper()
	db.asSuperuser(t, func(ctx context.Context, conn *pgx.Conn) error {
		copied, err := conn.CopyFrom(ctx, strings.Split(table, "."), columns, pgx.CopyFromRows(rows))
		if err == nil {
			require.EqualValues(t, len(rows), copied)
			_, err = conn.Exec(ctx, "VACUUM ANALYZE "+table) // or the first reader pays for it
		}
		return err
	})
}

// List gives the one column of a query, which must be text, as the superuser
// sees it: whatever the tenant.
func (db DB) List(t testing.TB, query string, args ...any) (list []string) {
	t.Helper()
	db.asSuperuser(t, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return list
}

// SuperuserURL is for what only a superuser can do to a test database: damage
// a row behind everybody's back, end a backend.
func (db DB) SuperuserURL() string { return db.Cluster.Server.SuperuserURL(db.Name) }

func (db DB) asSuperuser(t testing.TB, work func(context.Context, *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, db.SuperuserURL())
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	require.NoError(t, work(ctx, conn))
}

// RowCounts counts the rows of every table of the schema, by name. Two equal
// counts before and after are how a test shows that nothing was stored.
func (db DB) RowCounts(t testing.TB) map[string]int64 {
	t.Helper()
	counts := map[string]int64{}
	db.asSuperuser(t, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
SELECT schemaname || '.' || tablename
FROM pg_catalog.pg_tables
WHERE schemaname IN ('signet', 'signet_keys')`)
		if err != nil {
			return err
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, name := range names {
			var count int64
			if err := conn.QueryRow(ctx, "SELECT count(*) FROM "+name).Scan(&count); err != nil {
				return err
			}
			counts[name] = count
		}
		return nil
	})
	return counts
}
