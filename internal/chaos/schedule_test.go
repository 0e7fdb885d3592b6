package chaos_test

import (
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/wecom/wecomtest"
)

var (
	chaosTime  = flag.Duration("chaos", 0, "let the seeded schedule run so long (make chaos); 0: not at all")
	chaosSeed  = flag.Uint64("seed", 0, "of the schedule; 0 draws one")
	chaosNodes = flag.Int("nodes", 3, "of the cluster of the schedule")
)

// shortLife is how long the fake's values live in every other run: then each is
// fetched anew all the time, and what is in memory does not outlast every trouble.
const shortLife = 150 * time.Second

// TestChaos brings troubles by a seeded schedule, one after the other on what the
// nodes share or need, and beside them on the nodes themselves, while warm pages
// are signed, cold apps are asked for, and the console writes.
func TestChaos(t *testing.T) {
	t.Parallel()
	lasts := *chaosTime
	if lasts == 0 {
		lasts = 12 * time.Second // the short fixed run of make test
		if *chaosSeed == 0 {
			*chaosSeed = 20
		}
	}
	seed := *chaosSeed
	if seed == 0 {
		seed = mathrand.Uint64N(1_000_000_000) + 1
	}
	again := fmt.Sprintf("make chaos SEED=%d TIME=%s NODES=%d", seed, lasts, *chaosNodes)
	t.Log("this run: " + again)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the same schedule again: %s", again)
		}
	})
	s := &schedule{weCom: wecomtest.Config{}, lasts: lasts}
	if seed%2 == 1 {
		s.weCom.Life = shortLife
	}
	s.c = startCluster(t, plan{nodes: *chaosNodes, ownPostgres: true, cold: 12, weCom: s.weCom})
	s.load = s.c.startLoad(t)
	s.run(t, seed)
}

// schedule is one run. What it draws follows from the seed; when exactly a thing
// happens, from the machine.
type schedule struct {
	c     *cluster
	load  *load
	weCom wecomtest.Config
	lasts time.Duration

	mu       sync.Mutex // guards what follows
	troubled []interval
	asked    int            // cold apps
	wrote    map[int]int    // how often the console gave each status
	seen     map[string]int // how often each trouble was there
}

// interval is when a trouble was there.
type interval struct {
	trouble
	on         []*node // whom it befell, of a trouble of nodes
	begin, end time.Time
}

func (i interval) befell(number int) bool {
	return slices.ContainsFunc(i.on, func(n *node) bool { return n.number == number })
}

func (s *schedule) run(t *testing.T, seed uint64) {
	t.Helper()
	s.wrote, s.seen = map[int]int{}, map[string]int{}
	s.load.during("before", time.Second)
	s.load.phase.Store("chaos")
	until := time.Now().Add(s.lasts)
	stop := make(chan struct{})
	var lanes sync.WaitGroup
	lanes.Go(func() { s.askCold(stop, mathrand.New(mathrand.NewPCG(seed, 3)), t) })
	lanes.Go(func() { s.write(stop, mathrand.New(mathrand.NewPCG(seed, 4)), t) })
	nodes := make(chan struct{})
	go func() {
		defer close(nodes)
		s.trouble(t, until, mathrand.New(mathrand.NewPCG(seed, 2)), []trouble{nodeKilled, nodePaused})
	}()
	needs := append(append([]trouble{}, weComTroubles...), postgresTroubles...)
	needs = append(needs, weComSlow, postgresReadOnly, postgresStopped, postgresPaused, notificationsCut,
		weComAnswers("WeCom busy", wecomtest.Fault{Errcode: -1}))
	s.trouble(t, until, mathrand.New(mathrand.NewPCG(seed, 1)), needs)
	<-nodes
	close(stop)
	lanes.Wait()
	s.settle(t)
}

// trouble brings one after the other until the time is over: whom it befalls, how
// long it lasts and how long the pause is, chance decides.
func (s *schedule) trouble(t *testing.T, until time.Time, random *mathrand.Rand, from []trouble) {
	t.Helper()
	var turns map[string]int64
	for time.Now().Before(until) {
		d := from[random.IntN(len(from))]
		on := s.c.nodes
		if one := random.IntN(len(on)); !d.shared && (d.deaf || random.IntN(2) == 0) {
			on = on[one : one+1]
		}
		lasts := time.Duration(500+random.IntN(6000)) * time.Millisecond
		pause := time.Duration(500+random.IntN(2500)) * time.Millisecond
		begin := time.Now()
		d.start(t, s.c, on)
		<-time.After(lasts)
		d.heal(t, s.c, on)
		s.note(d, on, begin, time.Now())
		<-time.After(pause)
		if !d.deaf {
			turns = s.requireRising(t, turns)
		}
	}
}

func (s *schedule) note(d trouble, on []*node, begin, end time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[d.name]++
	s.troubled = append(s.troubled, interval{d, on, begin, end})
}

// requireRising looks at the turns to fetch, once Postgres can be asked: their
// numbers only rise (invariant I3).
func (s *schedule) requireRising(t *testing.T, before map[string]int64) map[string]int64 {
	t.Helper()
	now := map[string]int64{}
	for _, row := range s.c.postgres.List(t, "SELECT tenant_id || '/' || kind || '/' || subject || ' ' || epoch FROM signet.ticket_leases") {
		var key string
		var epoch int64
		_, err := fmt.Sscan(row, &key, &epoch)
		require.NoError(t, err)
		now[key] = epoch
		require.GreaterOrEqual(t, epoch, before[key], "the turns at %s went back", key)
	}
	return now
}

// askCold asks for apps that were never asked for, and again for the same.
func (s *schedule) askCold(stop <-chan struct{}, random *mathrand.Rand, t *testing.T) {
	t.Helper()
	for every := time.NewTicker(300 * time.Millisecond); ; {
		select {
		case <-stop:
			every.Stop()
			return
		case <-every.C:
		}
		a, n := s.c.cold[random.IntN(len(s.c.cold))], s.c.nodes[random.IntN(len(s.c.nodes))]
		got := s.c.ask(t.Context(), n, a, a.page)
		var wrong error
		switch got.status {
		case 0: // the node is gone, or stands still
		case 200:
			wrong = s.load.book.check(a, a.page, got.body)
		default:
			wrong = checkProblem(got)
		}
		if wrong != nil {
			t.Errorf("a cold app at node %d: %d %v", n.number, got.status, wrong)
		}
		s.mu.Lock()
		s.asked++
		s.mu.Unlock()
	}
}

// write changes something through the console of any node: it adds a domain, and
// the next time takes it away.
func (s *schedule) write(stop <-chan struct{}, random *mathrand.Rand, t *testing.T) {
	t.Helper()
	a, added := s.c.warm[0], ""
	domains := "/tenants/" + a.tenantID + "/apps/" + a.id + "/domains/"
	signedIn := time.Now()
	for every := time.NewTicker(700 * time.Millisecond); ; {
		select {
		case <-stop:
			every.Stop()
			return
		case <-every.C:
		}
		n := s.c.nodes[random.IntN(len(s.c.nodes))]
		if time.Since(signedIn) > 5*time.Minute && s.c.trySignIn(t.Context(), n) {
			signedIn = time.Now()
		}
		var got answer
		if added != "" {
			if got = s.c.console(t.Context(), n, "DELETE", domains+added, nil); got.status == 204 || got.status == 404 {
				added = "" // 404: it was done, and the answer lost
			}
		} else if got = s.c.addDomain(t.Context(), n, a, fmt.Sprintf("chaos-%d.example.com", random.Uint64())); got.status == 201 {
			added = got.text(t, "id")
		}
		if got.status >= 400 && got.status != 404 {
			if err := checkProblem(got); err != nil || got.status != 503 {
				t.Errorf("the console of node %d: %d %s", n.number, got.status, got.body)
			}
		}
		s.mu.Lock()
		s.wrote[got.status]++
		s.mu.Unlock()
	}
}

// settle waits until all is well, and looks at what must hold.
func (s *schedule) settle(t *testing.T) {
	t.Helper()
	s.load.phase.Store("after")
	begun := time.Now()
	for _, n := range s.c.nodes {
		require.Eventually(t, func() bool { return n.isReady(t.Context()) }, startPatience, 50*time.Millisecond, "node %d", n.number)
		for _, a := range append(append([]*app{}, s.c.warm...), s.c.cold...) {
			require.Eventually(t, func() bool { return s.c.ask(t.Context(), n, a, a.page).status == 200 }, 3*time.Minute, 200*time.Millisecond, "node %d, %s", n.number, a.page)
		}
	}
	t.Logf("every app is signed at every node %s after the end", time.Since(begun).Round(time.Millisecond))
	s.load.during("after", time.Second)
	s.load.stop(t)
	t.Logf("troubles %v; %d cold apps asked for; console wrote %v", s.seen, s.asked, s.wrote)
	failed := s.load.list(func(o outcome) bool { return o.status != 200 && !s.excused(o) })
	if len(failed) > 0 {
		o := failed[0]
		t.Fatalf("%d requests of warm apps failed, the first: %s at %s, node %d, status %d %s, after %s: %v",
			len(failed), o.phase, o.at.Format(time.StampMilli), o.node, o.status, o.code, o.took, o.wrong)
	}
}

// excused tells whether a warm app may not have been signed: its node was gone; or
// there was no ticket to be had, and the node had none, because it had just been
// started or because the one it had was over.
func (s *schedule) excused(o outcome) bool {
	without := s.weCom.Life != 0 || s.isColdAt(o)
	for _, i := range s.troubled {
		room := 2 * time.Second // until the balancer has noticed
		if !i.deaf {
			room = time.Minute // the longest pause of the breaker
		}
		if o.at.Add(o.took).Before(i.begin) || o.at.After(i.end.Add(room)) {
			continue
		}
		// Who waits for a ticket may wait longer than the load does.
		if i.deaf && i.befell(o.node) && o.status == 0 || !i.deaf && without && (o.status == 503 || o.status == 0) {
			return true
		}
	}
	return false
}

// isColdAt tells whether the node had not signed this app yet since it was started
// last.
func (s *schedule) isColdAt(o outcome) bool {
	var started time.Time
	for _, i := range s.troubled {
		if i.name == nodeKilled.name && i.befell(o.node) && i.begin.Before(o.at) {
			started = i.begin
		}
	}
	return !started.IsZero() && len(s.load.list(func(other outcome) bool {
		return other.node == o.node && other.app == o.app && other.status == 200 && other.at.After(started) && other.at.Before(o.at)
	})) == 0
}
