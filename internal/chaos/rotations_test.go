package chaos_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// rotating is what is rotated, and how fast.
type rotating struct {
	apps  int           // each of a tenant of its own; two tenants have entered the same corp and agent
	turns int           // so often each app is rotated
	span  time.Duration // over which the rotations begin
	rate  int           // of the load, in a second
}

// TestRotationsUnderLoad rotates the secrets of many apps in every way there is,
// through two nodes that are signing, and lets WeCom take secrets away when it is
// worst: before the new one is put, while it is between its trial and the commit,
// right after, and the new one instead of the old. Not one signature fails, a
// rotation costs the three calls of its trial, and what stands in Postgres is what
// was done.
func TestRotationsUnderLoad(t *testing.T) {
	if *figures {
		rotationFigure(t) // alone: its neighbour's figure is about time
		return
	}
	t.Parallel()
	rotateUnderLoad(t, rotating{apps: 5, turns: 2, span: 6 * time.Second, rate: loadRate})
}

// rotated is what a run of rotations has cost.
type rotated struct {
	rotations, fallBacks    int
	took                    time.Duration
	signed, meanwhile       int // in all, and from the first rotation to the last
	trialCalls, fallBackMax int // the most for one
}

func rotateUnderLoad(t *testing.T, p rotating) rotated {
	t.Helper()
	c, bare, turning := startRotating(t, p)
	l := c.startLoadAt(t, p.rate)
	l.during("before", 500*time.Millisecond)
	l.phase.Store("rotations")
	begun := time.Now()
	all := rotateAll(t, c, bare, l.book, turning, p)
	took := time.Since(begun)
	l.during("after", 500*time.Millisecond)
	ended := time.Now()
	l.stop(t)
	l.requireNoFailure(t)
	made := c.countCalls(t, all, ended)
	made.took, made.signed = took, len(l.list(nil))
	made.meanwhile = len(l.list(func(o outcome) bool { return o.phase == "rotations" }))
	requireStates(t, c, turning)
	requireAlerts(t, append(slices.Clone(c.nodes), bare), made.fallBacks)
	requireTrialsServe(t, c, bare, l.book, turning)
	return made
}

// startRotating brings two nodes to work that hold the tickets of every app, and
// one beside them, bare, that holds nothing and gets no load: whatever is asked of
// it, it needs a token for.
func startRotating(t *testing.T, p rotating) (c *cluster, bare *node, turning []*turningApp) {
	t.Helper()
	c = prepareCluster(t, plan{nodes: 3})
	for _, n := range c.nodes {
		n.start(t)
	}
	c.nodes, bare = c.nodes[:2], c.nodes[2]
	c.signIn(t)
	for i := range p.apps {
		corp := fmt.Sprintf("ww4%015d", i/2)
		a := c.makeApp(t, c.makeTenant(t, fmt.Sprintf("rotating %d", i), corp), corp, "1000002", "")
		for turn := range p.turns {
			a.secrets = append(a.secrets, secretOf(fmt.Sprintf("%sturn%d", a.tenantID[:8], turn)))
		}
		c.warm = append(c.warm, a)
		turning = append(turning, newTurningApp(t, c, a, ways[i%len(ways)]))
	}
	for _, a := range c.warm {
		for _, n := range c.nodes {
			c.awaitStatus(t, n, a, 200)
		}
		c.awaitKnown(t, bare, a)
	}
	// The nodes have the corp tickets in memory. Their rows are gone, so that the
	// bare node cannot do without a token.
	c.postgres.Exec(t, `DELETE FROM signet.tickets WHERE kind = 'corp_ticket'`)
	return c, bare, turning
}

// rotateAll begins a rotation at every beat, whatever the others are about, each
// through the node whose turn it is; those of one app wait for each other.
func rotateAll(t *testing.T, c *cluster, bare *node, b *book, turning []*turningApp, p rotating) (all []*rotation) {
	t.Helper()
	beat := time.NewTicker(p.span / time.Duration(p.apps*p.turns))
	defer beat.Stop()
	var running sync.WaitGroup
	for turn := range p.turns {
		for i, a := range turning {
			r := &rotation{
				cluster: c, bare: bare, book: b, turningApp: a, through: c.nodes[len(all)%len(c.nodes)],
				moment: moments[(i/len(ways)+i+2*turn)%len(moments)],
			}
			all = append(all, r)
			<-beat.C
			running.Go(func() { r.run(t) })
		}
	}
	running.Wait()
	for _, r := range all {
		require.NoError(t, r.wrong, r.name())
	}
	if t.Failed() {
		t.FailNow() // a rotation ended without a word
	}
	return all
}

// countCalls holds the log of the fake against the rotations: each made the calls
// of one trial and no other, but those after which WeCom took the new secret away.
func (c *cluster) countCalls(t *testing.T, all []*rotation, ended time.Time) rotated {
	t.Helper()
	made := rotated{rotations: len(all)}
	for i, r := range all {
		until := ended
		for _, later := range all[i+1:] {
			if later.turningApp == r.turningApp {
				until = later.begun
			}
		}
		trial, others := r.calls(until)
		require.Equal(t, []string{"agent/get", "gettoken", "ticket/get"}, trial, "the trial of %s", r.name())
		made.trialCalls = max(made.trialCalls, len(trial))
		if r.moment != newKilled {
			require.Empty(t, others, "%s has cost more than its trial", r.name())
			continue
		}
		made.fallBacks++
		// With the token of the trial for the corp ticket, with the new secret for a
		// token, both in vain; with the former secret for a token, and again for the ticket.
		require.Equal(t, []string{"get_jsapi_ticket 0 former", "get_jsapi_ticket 40014 new", "gettoken 0 former"}, others, "the fall-back of %s", r.name())
		made.fallBackMax = max(made.fallBackMax, len(others)+1)
	}
	refused := c.refusedSecrets(all[0].begun, ended)
	require.Equal(t, made.fallBacks, refused, "each dead secret is tried once")
	return made
}

// requireStates looks at what stands in Postgres: each app has the one current
// version that it should have, and its audit tells of every move and of no other.
func requireStates(t *testing.T, c *cluster, turning []*turningApp) {
	t.Helper()
	for _, a := range turning {
		current := c.postgres.List(t, `SELECT version || ' ' || activation FROM signet.app_secrets WHERE app_id = $1 AND state = 'current'`, a.id)
		require.Equal(t, []string{fmt.Sprintf("%d %d", a.versions[a.current], a.activations)}, current, "the current version of an app that is rotated by %s", a.way)
		moves := c.postgres.List(t, `SELECT action FROM signet.audit WHERE subject = $1 AND (action LIKE 'secret.%' OR action LIKE 'intake.%') ORDER BY seq`, a.id)
		require.Equal(t, a.moves, moves, "the audit of an app that is rotated by %s", a.way)
		counted := c.postgres.List(t, `SELECT activation::text FROM signet.apps WHERE app_id = $1`, a.id)
		require.Equal(t, []string{fmt.Sprint(a.activations)}, counted)
	}
}

// requireAlerts reads the nodes' logs: every fall-back has raised its two alerts,
// and nothing else has raised any.
func requireAlerts(t *testing.T, nodes []*node, fallBacks int) {
	t.Helper()
	told := map[string]int{}
	for _, n := range nodes {
		text, err := os.ReadFile(n.logFile)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if _, rest, found := strings.Cut(line, `"alert":"`); found {
				name, _, _ := strings.Cut(rest, `"`)
				told[name]++
			}
		}
	}
	for _, name := range []string{"secret_fell_back", "secret_rejected"} {
		require.Equal(t, fallBacks, told[name], "%s", name)
		delete(told, name)
	}
	require.Empty(t, told, "alerts that nothing was the matter for")
}

// requireTrialsServe asks the bare node for every app: what the trials brought is
// in its rows, so that each app costs the corp ticket and no more.
func requireTrialsServe(t *testing.T, c *cluster, bare *node, b *book, turning []*turningApp) {
	t.Helper()
	for _, a := range turning {
		begun := time.Now()
		got := c.ask(t.Context(), bare, a.app, a.page)
		require.Equal(t, 200, got.status, "%s: %s", a.way, got.body)
		require.NoError(t, b.check(a.app, a.page, got.body))
		var calls []string
		for _, call := range c.weCom.Calls() {
			if !call.Time.Before(begun) {
				calls = append(calls, fmt.Sprintf("%s %d", call.API, call.Errcode))
			}
		}
		if !a.fellBack {
			require.Equal(t, []string{"get_jsapi_ticket 0"}, calls, a.way)
		} else {
			require.Empty(t, calls, "it has signed there already: %s", a.way)
		}
	}
}
