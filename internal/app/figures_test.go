package app_test

import (
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // WeCom's protocol wants SHA-1 (protocol notes 4.1)
	"encoding/hex"
	"flag"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/app"
	"signet/internal/app/apptest"
	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/httpapi/signapi"
	"signet/internal/signing"
	"signet/internal/store/storetest"
)

var (
	figures    = flag.Bool("figures", false, "measure the figures of the main path and print them as ratios (make bench)")
	writeTable = flag.String("write-figures", "", "write the table to this file")
)

const (
	manyApps = 100_000
	rounds   = 9

	pagePath   = "/t/acme/sidebar/customer?corp=ww1&agent=1000002&next=%2Fa%3Fb%3D1%26c%3D2"
	corpTicket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"
)

// TestFigures measures the figures that the main path promises. Each is a ratio
// of two measurements in one run, taken in turns, and the median of the rounds
// counts; so a busy machine slows both sides. The table says where a bound is
// missed; no test fails for a machine that was busy.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures (make bench)")
	}
	h := manyAppsWithTickets(t, manyApps)
	pages, requests := pagesOf(manyApps)
	warm(t, h, requests)

	var table []apptest.Figure
	add := func(f apptest.Figure) { table = append(table, f) }
	add(apptest.Figure{Name: fmt.Sprintf("calls to WeCom after a start with %d apps, for the first signature of each", manyApps), Value: float64(len(h.WeCom.Calls()))})

	base := func(n int) time.Duration { return timed(func() { baseline(pages[0], n) }) }
	add(ratio("sign one hot app, both signatures, and encode the answer", "a nonce and two SHA-1 of the same strings", 2.5, base, func(n int) time.Duration {
		return timed(func() {
			for range n {
				mustSign(t, h, requests[0])
			}
		})
	}))
	inTurn := make([]int, manyApps)
	for i := range inTurn {
		inTurn[i] = i
	}
	add(ratio(fmt.Sprintf("sign %d apps in turn, likewise", manyApps), "a nonce and two SHA-1 of the same strings", 4, base, func(n int) time.Duration {
		return signInOrder(t, h, requests, inTurn, n)
	}))
	order := mathrand.New(mathrand.NewPCG(1, 2)).Perm(manyApps) //nolint:gosec // an order of work, no secret
	add(ratio(fmt.Sprintf("sign %d apps in random order, likewise", manyApps), "a nonce and two SHA-1 of the same strings", 4, base, func(n int) time.Duration {
		return signInOrder(t, h, requests, order, n)
	}))
	add(apptest.Figure{Name: "allocations of a warm signature, up to the encoded answer", Against: "", Bound: 0, Unit: "",
		Value: testing.AllocsPerRun(10_000, func() { mustSign(t, h, requests[0]) })})
	statements, calls := h.Store.Statements(), len(h.WeCom.Calls())
	for i := range manyApps {
		mustSign(t, h, requests[i])
	}
	add(apptest.Figure{Name: fmt.Sprintf("statements in %d warm signatures", manyApps), Value: float64(h.Store.Statements() - statements)})
	add(apptest.Figure{Name: fmt.Sprintf("calls to WeCom in %d warm signatures", manyApps), Value: float64(len(h.WeCom.Calls()) - calls)})
	add(heapPerApp(t, h))
	add(loadTime(t, h))
	add(readyTime(t, h))
	table = append(table, overHTTP(t, h, requests)...)

	table = append(table, reach(t)...)
	report(t, table)
}

// manyAppsWithTickets is a House with n apps, whose tickets lie in their rows as
// a node has left them that was started again.
func manyAppsWithTickets(t *testing.T, n int) *apptest.House {
	t.Helper()
	db := storetest.New(t)
	storetest.Seed(t, db, n)
	h := apptest.New(t, apptest.Config{DB: &db})
	h.SeedTickets(t, n, time.Now().Add(2*time.Hour), seededTicket)
	return h
}

// seededTicket is a ticket of its own for each app, as long as WeCom's.
func seededTicket(i int, kind core.TicketKind) string {
	return string(kind[0]) + fmt.Sprintf("%07d", i) + corpTicket[8:]
}

// pagesOf gives a page of each app and the request for its signatures.
func pagesOf(n int) (pages []string, requests []signing.Request) {
	for i := range n {
		a := storetest.Seeded(i + 1)
		host := string(a.Hosts[0])
		page := "https://" + host + pagePath
		pages = append(pages, page)
		requests = append(requests, signing.Request{AppKey: a.Key.String(), Page: page, Origin: "https://" + host, HasOrigin: true})
	}
	return pages, requests
}

// warm signs for each app once, so that its tickets come from their rows.
func warm(t *testing.T, h *apptest.House, requests []signing.Request) {
	t.Helper()
	begin := time.Now()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(8)
	for _, r := range requests {
		group.Go(func() error { _, err := h.Signer.Sign(ctx, r); return err })
	}
	require.NoError(t, group.Wait())
	t.Logf("%d first signatures after a start, tickets from their rows: %v", len(requests), time.Since(begin).Round(time.Second))
}

func mustSign(t *testing.T, h *apptest.House, r signing.Request) {
	answer, err := h.Signer.Sign(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	encoded = signapi.AppendAnswer(encoded[:0], &answer)
}

// encoded is the room for an answer, which a response has at hand.
var encoded = make([]byte, 0, 4096)

// baseline is the least that two signatures can cost: a nonce from the system's
// randomness and two SHA-1 over strings that are ready.
func baseline(page string, n int) {
	var strings1 [2][]byte
	for i, value := range []string{corpTicket, "a0000001" + corpTicket[8:]} {
		strings1[i] = []byte("jsapi_ticket=" + value + "&noncestr=0123456789abcdef&timestamp=1763787600&url=" + page)
	}
	var random [16]byte
	var out [40]byte
	for range n {
		_, _ = rand.Read(random[:])
		for _, s := range strings1 {
			sum := sha1.Sum(s) //nolint:gosec // as above
			hex.Encode(out[:], sum[:])
		}
	}
}

// signInOrder signs for apps in an order that no cache can guess. A request has
// just been read from its connection when it is signed, so its own bytes are at
// hand and what is known of the app is not: the requests are copied in batches,
// and the copying is not timed.
func signInOrder(t *testing.T, h *apptest.House, requests []signing.Request, order []int, n int) (took time.Duration) {
	batch := make([]signing.Request, 256)
	runtime.GC()
	for done := 0; done < n; done += len(batch) {
		for i := range batch {
			r := requests[order[(done+i)%len(order)]]
			batch[i] = signing.Request{AppKey: strings.Clone(r.AppKey), Page: strings.Clone(r.Page), Origin: strings.Clone(r.Origin), HasOrigin: true}
		}
		begin := time.Now()
		for i := range batch {
			mustSign(t, h, batch[i])
		}
		took += time.Since(begin)
	}
	return took
}

// ratio measures two kinds of work in turns and gives the median of the
// rounds' ratios. Both tell the time that n pieces of work took.
func ratio(name, against string, bound float64, base, work func(n int) time.Duration) apptest.Figure {
	const n = 256 * 800
	base(n / 8)
	work(n / 8)
	var ratios []float64
	for range rounds {
		b, w := base(n), work(n)
		ratios = append(ratios, float64(w)/float64(b))
	}
	slices.Sort(ratios)
	return apptest.Figure{Name: name, Against: against, Value: ratios[rounds/2], Bound: bound, Unit: "×"}
}

func timed(work func()) time.Duration {
	runtime.GC()
	begin := time.Now()
	work()
	return time.Since(begin)
}

func heapPerApp(t *testing.T, h *apptest.House) apptest.Figure {
	t.Helper()
	directory := signing.NewDirectory(h.Store)
	before := heap()
	_, err := directory.Load(t.Context())
	require.NoError(t, err)
	after := heap()
	require.Equal(t, manyApps, directory.Len())
	runtime.KeepAlive(directory)
	return apptest.Figure{Name: fmt.Sprintf("heap for each of %d apps, domains included", manyApps), Value: float64(after-before) / manyApps, Bound: 500, Unit: " bytes"}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func loadTime(t *testing.T, h *apptest.House) apptest.Figure {
	t.Helper()
	var ratios []float64
	for range rounds {
		bare := timed(func() {
			rows, err := storetest.BareSelect(t.Context(), h.DB)
			require.NoError(t, err)
			require.Equal(t, manyApps, rows)
		})
		load := timed(func() {
			_, err := signing.NewDirectory(h.Store).Load(t.Context())
			require.NoError(t, err)
		})
		ratios = append(ratios, float64(load)/float64(bare))
	}
	slices.Sort(ratios)
	return apptest.Figure{Name: fmt.Sprintf("load %d apps", manyApps), Against: "the bare select of the same rows", Value: ratios[rounds/2], Bound: 5, Unit: "×"}
}

// readyTime measures a whole start: the checks, the identity, both pools, the
// apps, three listeners, until /readyz says so.
func readyTime(t *testing.T, h *apptest.House) apptest.Figure {
	t.Helper()
	cfg := config.Config{
		DatabaseURL: core.NewSecret(h.DB.TenantURL), SystemDatabaseURL: core.NewSecret(h.DB.SystemURL),
		IdentityFile: h.WriteIdentity(t), WeComURL: h.WeCom.URL(),
		PublicAddr: "127.0.0.1:0", ConsoleAddr: "127.0.0.1:0", MetricsAddr: "127.0.0.1:0",
		PublicURL: "http://localhost:8880", ConsoleURL: "http://localhost:8881",
	}
	calls := len(h.WeCom.Calls())
	var ratios []float64
	for range rounds {
		bare := timed(func() {
			_, err := storetest.BareSelect(t.Context(), h.DB)
			require.NoError(t, err)
		})
		var stop func()
		ready := timed(func() { stop = startToReady(t, cfg) })
		stop()
		t.Logf("bare select %v, ready %v", bare.Round(time.Millisecond), ready.Round(time.Millisecond))
		ratios = append(ratios, float64(ready)/float64(bare))
	}
	require.Len(t, h.WeCom.Calls(), calls, "a start calls nobody")
	slices.Sort(ratios)
	return apptest.Figure{Name: fmt.Sprintf("a node is ready with %d apps, from nothing to /readyz", manyApps), Against: "the bare select of the same rows", Value: ratios[rounds/2], Bound: 2, Unit: "×"}
}

func startToReady(t *testing.T, cfg config.Config) (stop func()) {
	t.Helper()
	server, err := app.NewServer(t.Context(), cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	awaitReady(t, server)
	return func() {
		cancel()
		require.NoError(t, <-ended)
	}
}

func awaitReady(t *testing.T, server *app.Server) {
	t.Helper()
	for {
		a, err := send(t.Context(), http.MethodGet, "http://"+server.MetricsAddr()+"/readyz", nil)
		if err == nil && a.status == http.StatusOK {
			return
		}
		require.NoError(t, t.Context().Err())
	}
}

func report(t *testing.T, table []apptest.Figure) {
	t.Helper()
	rows := apptest.FigureTable(table)
	fmt.Println(rows)
	if *writeTable == "" {
		return
	}
	text := "# Benchmarks\n\nRatios of measurements within one run (`make bench`; the median of " + fmt.Sprint(rounds) +
		" rounds taken in turns). Written by `make bench WRITE=1`.\n\n" + apptest.Machine() + rows + `
In random order every app comes from memory that no cache holds; ADR 22 says what that costs and what was tried.

Over HTTP a whole node and the constant are processes of their own, each held on one core with GOMAXPROCS=1; the load comes from another core over 64 connections that are kept, the same bytes to both, and never sleeps, so that no answer pays for waking it. The node is what ` + "`signet serve`" + ` runs: limits, log at level info (to a file), metrics, request ids, an Origin, a client named by a trusted proxy. The constant is fiber as it comes, without a limit, a deadline or a header of its own. CPU time is user and system time of the server's process. ADR 27 says what was tried.
`
	apptest.WriteSection(t, *writeTable, "", text)
}
