package app_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/wecom/wecomtest"
)

// TestFiguresOfTenants measures a list of many tenants over the console's API, page by
// page to its end, and what row security costs a read.
func TestFiguresOfTenants(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures (make bench)")
	}
	n := newNode(t, wecomtest.Config{})
	storetest.Seed(t, n.db, manyApps)
	n.db.Exec(t, `UPDATE signet.tenants SET status = 'suspended' WHERE tenant_id::text LIKE 'a%'`)
	n.db.Exec(t, `VACUUM ANALYZE signet.tenants`)
	require.NoError(t, createOwner(t, n.cfg, ownerPassword))
	n.start(t)
	n.signIn(t)
	table := []apptest.Figure{
		n.pagesOfTenants(t, "a page of 50 of them", "limit=50", manyApps),
		n.pagesOfTenants(t, "a page of 200 of them", "limit=200", manyApps),
		n.pagesOfTenants(t, "a page of 50 of those that are suspended", "limit=50&status=suspended", manyApps/16*9/10),
		n.pagesOfTenants(t, "a page of those that are leaving, of whom there are none", "status=leaving", 0),
		readThroughRowSecurity(t, n.db),
	}
	t.Logf("\n%s", apptest.FigureTable(table))
	if *writeTable != "" {
		apptest.WriteSection(t, *writeTable, "Many tenants", "One node with 100000 tenants, over the console's API, each list read to its end. Written by `make bench WRITE=1`.\n\n"+apptest.Machine()+apptest.FigureTable(table))
	}
}

// pagesOfTenants reads a list from its first page to its last and gives the time that 95
// of 100 pages do not exceed.
func (n *node) pagesOfTenants(t *testing.T, name, query string, least int) apptest.Figure {
	t.Helper()
	var times []time.Duration
	seen, cursor, signedIn := 0, "", time.Time{}
	for {
		if time.Since(signedIn) > 5*time.Minute {
			n.signIn(t)
			signedIn = time.Now()
		}
		began := time.Now()
		a := n.call(t, http.MethodGet, "/tenants?"+query+cursor, "")
		times = append(times, time.Since(began))
		require.Equal(t, http.StatusOK, a.status, string(a.body))
		body := a.json(t)
		items, ok := body["items"].([]any)
		require.True(t, ok)
		seen += len(items)
		next, ok := body["nextCursor"].(string)
		if !ok {
			break
		}
		cursor = "&cursor=" + url.QueryEscape(next)
	}
	require.GreaterOrEqual(t, seen, least)
	first, last := times[0], times[len(times)-1]
	slices.Sort(times)
	t.Logf("%s: %d tenants on %d pages, the first %v, the last %v, p50 %v", name, seen, len(times), first, last, times[len(times)/2])
	return apptest.Figure{Name: "of 100000 tenants: " + name + ", p95 to the end of the list", Value: float64(times[len(times)*95/100].Microseconds()) / 1000, Bound: 100, Unit: " ms"}
}

// readThroughRowSecurity compares the reading of a tenant through its door with the same
// statements where the tables have no row security, in turns.
func readThroughRowSecurity(t *testing.T, db storetest.DB) apptest.Figure {
	t.Helper()
	st := db.Open(t)
	read := func(n int) time.Duration {
		return timed(func() {
			for i := range n {
				require.NoError(t, st.Tenant(t.Context(), core.System("test"), storetest.Seeded(1+i*37%manyApps).TenantID, func(tx *store.TenantTx) error {
					_, err := tx.GetTenant(t.Context())
					return err
				}))
			}
		})
	}
	turn := func(how string) {
		for _, table := range []string{"tenants", "corps"} {
			db.Exec(t, `ALTER TABLE signet.`+table+` `+how+` ROW LEVEL SECURITY`)
		}
	}
	const reads = 4000
	var ratios []float64
	read(reads)
	for range rounds {
		walled := read(reads)
		turn("DISABLE")
		read(reads / 10) // plans are made anew
		plain := read(reads)
		turn("ENABLE")
		read(reads / 10)
		ratios = append(ratios, float64(plain)/float64(walled))
	}
	slices.Sort(ratios)
	return apptest.Figure{Name: "a tenant read through row security", Against: "the same statements without it", Value: ratios[rounds/2], Bound: 0.7, Unit: "×", Limit: apptest.AtLeast}
}
