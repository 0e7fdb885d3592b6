package chaos_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// slack is how much longer something may take here than it should: the machine is
// shared with everything else.
const slack = 3

// patience is how long anything at all is waited for.
const patience = time.Minute

// A want says what a trouble must look like from outside to who is not warm. An
// empty code is a 200 (of POST: 201).
type want struct {
	cold   string        // a known app of which this cluster holds no ticket
	within time.Duration // in which the cold app is answered
	get    string        // the console, reading
	post   string        // the console, writing
	answer time.Duration // in which the console answers
	soon   time.Duration // after the end: the cold app is signed and the console writes
}

// newHost names a host that a console adds, another one for each trouble.
func newHost(trouble, when string) string {
	return strings.ToLower(strings.ReplaceAll(trouble, " ", "-")) + "-" + when + ".example.com"
}

// bring brings a trouble to all nodes, with the load on, looks from outside, ends
// it, and waits until all is well again. The cold app is one that nobody has asked
// for yet.
func (d trouble) bring(t *testing.T, c *cluster, l *load, cold *app, w want, lasts time.Duration) {
	t.Helper()
	l.during(d.name+": before", 700*time.Millisecond)
	l.phase.Store(d.name + ": during")
	begun := time.Now()
	d.start(t, c, c.nodes)
	healed := false
	defer func() {
		if !healed {
			d.heal(t, c, c.nodes)
		}
	}()

	first, second := c.nodes[0], c.nodes[1]
	asked := c.ask(t.Context(), first, cold, cold.page)
	requireCode(t, w.cold, 200, asked, "a cold app")
	require.Less(t, asked.took, w.within*slack, "a cold app waits")
	read := c.console(t.Context(), second, "GET", "/tenants", nil)
	if w.get == "" && read.code() == storeUnavailable { // a connection that was new, on a machine that has no time
		read = c.console(t.Context(), second, "GET", "/tenants", nil)
	}
	requireCode(t, w.get, 200, read, "the console reads")
	require.Less(t, read.took, w.answer*slack, "the console reads")
	written := c.addDomain(t.Context(), second, c.warm[0], newHost(d.name, "during"))
	requireCode(t, w.post, 201, written, "the console writes")
	require.Less(t, written.took, w.answer*slack, "the console writes")
	if left := lasts - time.Since(begun); left > 0 {
		<-time.After(left)
	}

	l.phase.Store(d.name + ": after")
	d.heal(t, c, c.nodes)
	healed = true
	end := time.Now()
	signs := c.awaitStatus(t, first, cold, 200)
	writes := c.awaitWritten(t.Context(), t, second, newHost(d.name, "after"))
	t.Logf("%s: cold app answered after %s, console read %s, wrote %s; %s after its end cold app signed, console writes after %s",
		d.name, asked.took.Round(time.Millisecond), read.took.Round(time.Millisecond), written.took.Round(time.Millisecond),
		signs.Round(time.Millisecond), writes.Round(time.Millisecond))
	require.Less(t, time.Since(end), w.soon*slack, "all is well again")
	l.during(d.name+": after", 300*time.Millisecond)
}

func requireCode(t *testing.T, code string, good int, a answer, what string) {
	t.Helper()
	if code == "" {
		require.Equal(t, good, a.status, "%s: %s", what, a.body)
		return
	}
	require.Equal(t, code, a.code(), "%s: %d %s", what, a.status, a.body)
	require.Equal(t, 503, a.status, what)
	require.NotEmpty(t, a.header.Get("Retry-After"), what)
}

// awaitWritten waits until the console of a node writes again.
func (c *cluster) awaitWritten(ctx context.Context, t *testing.T, n *node, host string) time.Duration {
	t.Helper()
	begun := time.Now()
	var last answer
	require.Eventually(t, func() bool {
		last = c.addDomain(ctx, n, c.warm[0], host)
		return last.status == 201
	}, patience, 50*time.Millisecond, "node %d, last %d %s", n.number, last.status, last.body)
	return time.Since(begun)
}
