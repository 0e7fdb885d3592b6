package storetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Listeners are connections that do nothing but listen. Benchmarks compare with
// them: nothing that Postgres tells several listeners can be there sooner.
type Listeners struct {
	sender    *pgx.Conn
	listeners []*pgx.Conn
}

// BareListeners opens n connections that listen, and one that writes.
func BareListeners(t testing.TB, db DB, n int) *Listeners {
	t.Helper()
	open := func() *pgx.Conn {
		conn, err := pgx.Connect(t.Context(), db.SuperuserURL())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
		return conn
	}
	l := &Listeners{sender: open()}
	_, err := l.sender.Exec(t.Context(), `CREATE TABLE public.bare (at timestamptz)`)
	require.NoError(t, err)
	for range n {
		conn := open()
		_, err := conn.Exec(t.Context(), `LISTEN bare`)
		require.NoError(t, err)
		l.listeners = append(l.listeners, conn)
	}
	return l
}

// Notify writes a row and notifies, and gives the time from before the commit
// until the last listener has heard of it.
func (l *Listeners) Notify(t testing.TB) time.Duration {
	t.Helper()
	heard := make(chan error, len(l.listeners))
	var group sync.WaitGroup
	for _, conn := range l.listeners {
		group.Go(func() { _, err := conn.WaitForNotification(t.Context()); heard <- err })
	}
	tx, err := l.sender.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `INSERT INTO public.bare VALUES (now())`)
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `SELECT pg_notify('bare', '1')`)
	require.NoError(t, err)
	began := time.Now()
	require.NoError(t, tx.Commit(t.Context()))
	group.Wait()
	took := time.Since(began)
	for range l.listeners {
		require.NoError(t, <-heard)
	}
	return took
}
