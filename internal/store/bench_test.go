package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

// BenchmarkTemplateCopy is what a test pays for a database of its own. Run with
// -benchtime=100x it says what a hundred of them cost.
func BenchmarkTemplateCopy(b *testing.B) {
	storetest.New(b) // starts the server
	for b.Loop() {
		storetest.New(b)
	}
}

// appsOfABigPlatform is the design's figure for what a node holds in memory.
const appsOfABigPlatform = 100_000

// BenchmarkEachSigningApp loads every app as a node does at its start, and runs
// the same select with nothing done to the rows but receiving them.
func BenchmarkEachSigningApp(b *testing.B) {
	db := storetest.New(b)
	storetest.Seed(b, db, appsOfABigPlatform)
	w := storetest.NewWire(b, db.SystemURL, nil)
	through, err := store.Open(b.Context(), store.Config{TenantURL: db.TenantURL, SystemURL: w.URL(db.SystemURL)})
	require.NoError(b, err)
	load := func(st *store.Store) (apps int) {
		require.NoError(b, st.System(b.Context(), func(tx *store.SystemTx) error {
			return tx.EachSigningApp(b.Context(), func(*store.SigningApp) { apps++ })
		}))
		return apps
	}
	load(through)
	through.Close()
	var statement string
	for _, s := range w.Statements() {
		if len(s) > len(statement) && s[1:7] == "SELECT" {
			statement = s
		}
	}
	require.Contains(b, statement, "FROM signet.apps a")

	st, conn := db.Open(b), connect(b, db.SystemURL)
	var ours, bare time.Duration
	for b.Loop() {
		began := time.Now()
		require.Equal(b, appsOfABigPlatform, load(st))
		ours += time.Since(began)

		began = time.Now()
		rows, err := conn.Query(b.Context(), statement)
		require.NoError(b, err)
		received := 0
		for rows.Next() {
			received++
		}
		require.NoError(b, rows.Err())
		require.Equal(b, appsOfABigPlatform, received)
		bare += time.Since(began)
	}
	b.ReportMetric(float64(ours)/float64(bare), "ours/bare")
	b.ReportMetric(float64(ours.Milliseconds())/float64(b.N), "ours-ms/op")
	b.ReportMetric(float64(bare.Milliseconds())/float64(b.N), "bare-ms/op")
}

// BenchmarkTenantDoor is a transaction of one statement through the door.
func BenchmarkTenantDoor(b *testing.B) {
	st := storetest.Open(b)
	r := makeTenant(b, st, "alpha")
	before := st.Statements()
	for b.Loop() {
		require.NoError(b, st.Tenant(b.Context(), someone, r.ID, func(tx *store.TenantTx) error {
			_, err := tx.GetApp(b.Context(), r.App.ID)
			return err
		}))
	}
	b.ReportMetric(float64(st.Statements()-before)/float64(b.N), "statements/op")
}

// BenchmarkReadChanges is what each node asks once a second when nothing has
// changed, on a log of a hundred thousand changes.
func BenchmarkReadChanges(b *testing.B) {
	db := storetest.New(b)
	db.Exec(b, `INSERT INTO signet.change_log (tenant_id, kind, host) SELECT gen_random_uuid(), 'legacy_host', 'h' || i FROM generate_series(1, 100000) i`)
	feed := reading{st: db.Open(b)}
	feed.next(b)
	for b.Loop() {
		require.Empty(b, feed.next(b))
	}
}
