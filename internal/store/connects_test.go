package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// Five hundred callers who want a connection again and again, while the server is
// there, is gone, and has come back: never a rush at it.
func TestNobodyRushesAtAServerThatComesBack(t *testing.T) {
	t.Parallel()
	const places = 4
	db := storetest.New(t)
	w := storetest.NewWire(t, db.TenantURL, nil)
	st, err := store.Open(t.Context(), store.Config{TenantURL: w.URL(db.TenantURL), SystemURL: db.SystemURL, MaxConns: places})
	require.NoError(t, err)
	t.Cleanup(st.Close)

	var well, refused atomic.Int64
	over := make(chan struct{})
	var group sync.WaitGroup
	for range 500 {
		group.Go(func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(time.Millisecond):
				}
				err := st.Tenant(t.Context(), someone, core.NewTenantID(), func(*store.TenantTx) error { return nil })
				switch {
				case err == nil:
					well.Add(1)
				case fault.Has(err, fault.StoreUnavailable):
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	await := func(count *atomic.Int64, more int64) {
		t.Helper()
		from := count.Load()
		require.Eventually(t, func() bool { return count.Load() >= from+more }, patience, time.Millisecond)
	}
	await(&well, 1000)
	for range 2 {
		w.GoAway(true)
		gone := time.Now()
		await(&refused, 5000)
		require.Eventually(t, func() bool { return time.Since(gone) > 1500*time.Millisecond }, patience, poll)
		w.GoAway(false)
		back := time.Now()
		await(&well, 1000)
		t.Logf("1000 transactions %v after the server came back", time.Since(back))
	}
	close(over)
	group.Wait()
	t.Logf("at most %d connections in a second, for %d places", w.MostInASecond(), places)
	require.LessOrEqual(t, w.MostInASecond(), 2*places)
}
