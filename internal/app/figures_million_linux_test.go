package app_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/store/storetest"
	"signet/internal/wecom/wecomtest"
)

var (
	millionRun = flag.Bool("million", false, "run one node with a million tenants (make bench-million)")
	tenants    = flag.Int("million-tenants", 1_000_000, "how many")
	warmed     = flag.Int("million-warm", 200_000, "of how many the tickets are in memory when signing is measured")
	inUse      = flag.Int("million-in-use", 30_000, "of how many the tickets are due when renewing is measured")
)

// TestMillion shows one node with a million tenants: what it holds, how it
// starts, what it does at rest, how it signs beside one with a hundred thousand,
// and how fast it renews. It takes some minutes, most of them to fill the databases.
func TestMillion(t *testing.T) {
	if !*millionRun {
		t.Skip("run with -million (make bench-million)")
	}
	begin := time.Now()
	h := tenantsWithTickets(t, *tenants, *warmed)
	t.Logf("filled in %v", time.Since(begin).Round(time.Second))
	var b strings.Builder
	row := func(what, format string, args ...any) {
		line := fmt.Sprintf("| %s | "+format+" |\n", append([]any{what}, args...)...)
		t.Log(line)
		b.WriteString(line)
	}
	b.WriteString("| what | measured |\n|---|---:|\n")
	defer func() { // also when a later row could not be measured
		fmt.Println(b.String())
		if *writeTable != "" && strings.Count(b.String(), "\n") > 2 {
			apptest.WriteSection(t, *writeTable, "One million tenants", "One node, "+fmt.Sprint(*tenants)+" tenants with an app and two trusted domains each. Written by `make bench-million WRITE=1`.\n\n"+
				apptest.Machine()+b.String())
		}
	}()

	var bare []time.Duration
	rows := 0
	for range 3 {
		bare = append(bare, timed(func() {
			var err error
			rows, err = storetest.BareSelect(t.Context(), h.DB)
			require.NoError(t, err)
		}))
	}
	require.Equal(t, *tenants, rows)
	node := startOther(t, "signing", orderFor(t, h, ""))
	u := node.order(t, "heap")
	row("rows that a start reads, one for each app", "%d", rows)
	row("the bare select of them, best of 3", "%v", min(bare[0], bare[1], bare[2]).Round(10*time.Millisecond))
	row("from nothing to /readyz, on one core", "%v", u.Ready.Round(10*time.Millisecond))
	row("the same, against the bare select", "%.2f×", float64(u.Ready)/float64(min(bare[0], bare[1], bare[2])))
	row("heap after the start, for each app", "%.0f bytes", float64(u.Heap)/float64(*tenants))
	row("resident memory after the start", "%d MiB", u.RSS>>20)
	row("CPU time of one collection of that heap", "%v", u.Mark.Round(time.Millisecond))
	row("the pause of the program in it", "%v", u.Pause.Round(time.Microsecond))

	atRest := func(when string) {
		const rest = 32 * time.Second // two looks at what is due
		before := node.order(t, "usage")
		<-time.After(rest)
		after := node.order(t, "usage")
		row("CPU at rest"+when, "%.2f %% of a core", 100*float64(after.CPU-before.CPU)/float64(rest))
	}
	atRest("")

	_, requests := pagesOf(*warmed)
	million := newSide(node, rawRequests(requests))
	holdOn(t, loadCore)
	defer holdOn(t, allCores())
	million.warm(t)
	u = node.order(t, "heap")
	row(fmt.Sprintf("heap with the tickets of %d apps", *warmed), "%d MiB", u.Heap>>20)
	row("resident memory with them", "%d MiB", u.RSS>>20)
	atRest(", with them")

	holdOn(t, allCores())
	few := manyAppsWithTickets(t, manyApps)
	fewNode := startOther(t, "signing", orderFor(t, few, ""))
	holdOn(t, loadCore)
	beside := newSide(fewNode, million.raw[:manyApps])
	beside.warm(t)
	rate, tail := million.inTurns(t, beside)
	row(fmt.Sprintf("signatures over HTTP for each second of CPU, random ones of %d apps with tickets, against a node with %d apps", *warmed, manyApps), "%.2f×", rate)
	row("their p99, against that node", "%.2f×", tail)
	holdOn(t, allCores())
	renewing(t, row)
}

// renewing shows what renewing costs among a million tenants: a node is started
// when the tickets of some of them are due, and renews as fast as it can.
func renewing(t *testing.T, row func(what, format string, args ...any)) {
	t.Helper()
	db := storetest.New(t)
	h := apptest.New(t, apptest.Config{DB: &db})
	storetest.Seed(t, db, *tenants)
	h.SeedInUse(t, *inUse, time.Now().Add(15*time.Minute), seededTicket)
	node := startOther(t, "signing", orderFor(t, h, ""))
	const settle, measured = 40 * time.Second, 60 * time.Second
	<-time.After(settle) // the tickets are taken up, and the first of them renewed
	before, calls, begun := node.order(t, "usage"), h.WeCom.Count(wecomtest.Filter{}), time.Now()
	<-time.After(measured)
	after, made, took := node.order(t, "usage"), h.WeCom.Count(wecomtest.Filter{})-calls, time.Since(begun)
	const callsForAnApp = 3.0
	apps := float64(made) / callsForAnApp
	require.Less(t, apps, float64(*inUse)*0.9, "there was enough to do all the time")
	life := 0.775 * 7200.0 // seconds from one renewal to the next
	row("apps renewed in a second, three calls each, the node on one core", "%.0f", apps/took.Seconds())
	row("CPU time of the node for each", "%v", (time.Duration(float64(after.CPU-before.CPU) / apps)).Round(10*time.Microsecond))
	row("apps in use that one such node keeps fresh", "%.0f", apps/took.Seconds()*life)
}

// tenantsWithTickets is manyAppsWithTickets where only the first warm apps have
// tickets.
func tenantsWithTickets(t *testing.T, n, warm int) *apptest.House {
	t.Helper()
	db := storetest.New(t)
	h := apptest.New(t, apptest.Config{DB: &db}) // before there is anything to load, so that this process stays small
	storetest.Seed(t, db, n)
	h.SeedTickets(t, warm, time.Now().Add(2*time.Hour), seededTicket)
	return h
}
