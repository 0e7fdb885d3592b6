package chaos_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/fault"
)

const (
	loadRate     = 120 // requests a second, over all nodes
	loadWorkers  = 48
	loadPatience = 10 * time.Second // for one answer

	// How often the balancer asks each node whether it is ready.
	balanceEvery = 100 * time.Millisecond
)

// outcome is one request of the load.
type outcome struct {
	at     time.Time // when it was sent
	took   time.Duration
	phase  string
	node   int
	app    *app
	status int    // 0: no answer
	code   string // of a problem
	wrong  error  // what is wrong with the answer, or why there is none
}

// load is a closed loop over all nodes that are ready, as a balancer in front of
// them sends requests: it asks /readyz and repeats nothing. Every answer is
// checked as it comes.
type load struct {
	c     *cluster
	book  *book
	pages atomic.Int64
	next  atomic.Int64 // whose turn it is among the nodes
	phase atomic.Value // string

	stopped func()

	mu      sync.Mutex // guards history
	history []outcome
}

// startLoad begins to sign pages of the warm apps until stop or the end of the
// test.
func (c *cluster) startLoad(t *testing.T) *load {
	t.Helper()
	return c.startLoadAt(t, loadRate)
}

// startLoadAt is startLoad with so many requests a second, if the machine can.
func (c *cluster) startLoadAt(t *testing.T, rate int) *load {
	t.Helper()
	l := &load{c: c, book: newBook(c)}
	l.phase.Store("start")
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	ticks := make(chan struct{})
	running.Go(func() { beat(ctx, rate, ticks) })
	for _, n := range c.nodes {
		running.Go(func() { balance(ctx, n) })
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: loadWorkers, IdleConnTimeout: 30 * time.Second}}
	for range loadWorkers {
		running.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-ticks:
					l.once(ctx, client)
				}
			}
		})
	}
	l.stopped = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		client.CloseIdleConnections()
	})
	t.Cleanup(l.stopped)
	return l
}

// beat gives the rate. Where all workers wait for answers a beat is left out.
func beat(ctx context.Context, rate int, ticks chan<- struct{}) {
	ticker := time.NewTicker(max(time.Second/time.Duration(rate), time.Millisecond))
	defer ticker.Stop()
	begun, beats := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			for due := int(now.Sub(begun).Seconds() * float64(rate)); beats < due; beats++ {
				select {
				case ticks <- struct{}{}:
				default:
				}
			}
		}
	}
}

// balance keeps a node among those that get requests while it says it is ready.
func balance(ctx context.Context, n *node) {
	ticker := time.NewTicker(balanceEvery)
	defer ticker.Stop()
	for {
		ready := n.isReady(ctx)
		if ctx.Err() != nil {
			return
		}
		n.in.Store(ready)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// once signs a page of one app at one node, by GET and by POST in turn.
func (l *load) once(ctx context.Context, client *http.Client) {
	i := l.pages.Add(1)
	a := l.c.warm[int(i)%len(l.c.warm)]
	n := l.pick()
	if n == nil {
		return // no node takes requests; whether that may be is the test's to say
	}
	page := fmt.Sprintf("%s&n=%d", a.page, i)
	o := outcome{at: time.Now(), phase: l.phase.Load().(string), node: n.number, app: a}
	got, err := l.send(ctx, client, n, a, page, i%2 == 0)
	if ctx.Err() != nil {
		return
	}
	o.took, o.status, o.code, o.wrong = time.Since(o.at), got.status, got.code(), err
	switch {
	case err != nil:
		o.status = 0
	case got.status == http.StatusOK:
		o.wrong = l.book.check(a, page, got.body)
	default:
		o.wrong = checkProblem(got)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.history = append(l.history, o)
}

func (l *load) send(ctx context.Context, client *http.Client, n *node, a *app, page string, post bool) (answer, error) {
	at := n.at.Load()
	if at == nil {
		return answer{}, fmt.Errorf("node %d has no address", n.number)
	}
	ctx, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	if post {
		return sendBy(ctx, client, "POST", at.public+"/v1/signatures", map[string]any{"app": a.key, "url": page})
	}
	return sendBy(ctx, client, "GET", at.public+"/v1/signatures?app="+a.key+"&url="+url.QueryEscape(page), nil)
}

// pick gives the next node that is in.
func (l *load) pick() *node {
	first := int(l.next.Add(1))
	for i := range l.c.nodes {
		if n := l.c.nodes[(first+i)%len(l.c.nodes)]; n.in.Load() {
			return n
		}
	}
	return nil
}

// checkProblem looks whether a refusal is one that the contract promises.
func checkProblem(a answer) error {
	code := fault.Code(a.code())
	if !slices.Contains(fault.Codes(), code) || code == fault.InternalError {
		return fmt.Errorf("%d with the code %q: %s", a.status, code, a.body)
	}
	if (a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests) && a.header.Get("Retry-After") == "" {
		return fmt.Errorf("%d %s without Retry-After", a.status, code)
	}
	return nil
}

// during names the phase that begins now and lets it last.
func (l *load) during(phase string, lasts time.Duration) {
	l.phase.Store(phase)
	<-time.After(lasts)
}

// stop ends the load and looks at what must hold whatever happened: no answer was
// wrong, no ticket was used too late, no budget was overdrawn, all is audited.
func (l *load) stop(t *testing.T) {
	t.Helper()
	l.stopped()
	for _, o := range l.list(nil) {
		if o.status != 0 {
			require.NoError(t, o.wrong, "%s: node %d answered %d", o.phase, o.node, o.status)
		}
	}
	l.book.requireInTime(t)
	l.book.requireBudget(t)
	l.c.requireAudited(t)
	t.Log(l.summary())
}

// list gives the outcomes that are wanted, nil for all, in the order of their
// ends.
func (l *load) list(wanted func(outcome) bool) []outcome {
	l.mu.Lock()
	history := l.history // it only grows
	l.mu.Unlock()
	var list []outcome
	for _, o := range history {
		if wanted == nil || wanted(o) {
			list = append(list, o)
		}
	}
	return list
}

// requireNoFailure is the promise to warm apps: every request was signed, but
// those to the nodes that are named. The load has stopped.
func (l *load) requireNoFailure(t *testing.T, butNodes ...int) {
	t.Helper()
	for _, phase := range l.phases() {
		require.NotEmpty(t, l.list(func(o outcome) bool { return o.phase == phase && o.status == 200 }), "nothing was signed: %s", phase)
	}
	failed := l.list(func(o outcome) bool { return o.status != 200 && !slices.Contains(butNodes, o.node) })
	if len(failed) > 0 {
		o := failed[0]
		t.Fatalf("%d requests failed, the first: %s, node %d, status %d %s, after %s: %v", len(failed), o.phase, o.node, o.status, o.code, o.took, o.wrong)
	}
}

func (l *load) phases() (phases []string) {
	for _, o := range l.list(nil) {
		if !slices.Contains(phases, o.phase) {
			phases = append(phases, o.phase)
		}
	}
	return phases
}

// summary says for each phase how many were signed, how many failed, and how long
// they took. The load shares the machine with the nodes.
func (l *load) summary() string {
	var s strings.Builder
	for _, phase := range l.phases() {
		var took []time.Duration
		failed := map[string]int{}
		for _, o := range l.list(func(o outcome) bool { return o.phase == phase }) {
			took = append(took, o.took)
			if o.status != 200 {
				failed[fmt.Sprintf("%d %s", o.status, o.code)]++
			}
		}
		slices.Sort(took)
		fmt.Fprintf(&s, "%s: %d requests, failed %v, p50 %s, p99 %s, longest %s\n", phase, len(took), failed,
			quantile(took, 50), quantile(took, 99), quantile(took, 100))
	}
	return s.String()
}

// quantile gives a percentile of sorted durations, for people.
func quantile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)].Round(10 * time.Microsecond)
}
