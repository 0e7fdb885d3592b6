package chaos_test

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

var long = flag.Bool("long", false, "stop Postgres for the whole ten minutes (make chaos LONG=1)")

const storeUnavailable = "store.unavailable"

// What Postgres is like from outside while it does not work: whoever is warm does
// not notice, whoever is not is told soon.
var postgresAway = want{
	cold: storeUnavailable, within: 3 * time.Second,
	get: storeUnavailable, post: storeUnavailable, answer: 3 * time.Second,
	soon: 5 * time.Second,
}

// TestPostgresDays brings each trouble that the ways to Postgres can have, one
// after the other, to a cluster that is signing.
func TestPostgresDays(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{cold: len(postgresTroubles) + 1})
	l := c.startLoad(t)
	for i, d := range postgresTroubles {
		t.Run(d.name, func(t *testing.T) { d.bring(t, c, l, c.cold[i], postgresAway, 4*time.Second) })
	}
	t.Run(postgresReadOnly.name, func(t *testing.T) {
		w := postgresAway
		w.get = "" // reading goes on
		postgresReadOnly.bring(t, c, l, c.cold[len(postgresTroubles)], w, 4*time.Second)
	})
	l.stop(t)
	l.requireNoFailure(t)
}

// TestPostgresStopped takes Postgres away for a while: ten minutes with -long,
// else some seconds.
func TestPostgresStopped(t *testing.T) {
	t.Parallel()
	lasts := 15 * time.Second
	if *long {
		lasts = 10 * time.Minute
	}
	c := startCluster(t, plan{ownPostgres: true, cold: 2})
	l := c.startLoad(t)
	t.Run(postgresPaused.name, func(t *testing.T) { postgresPaused.bring(t, c, l, c.cold[0], postgresAway, 5*time.Second) })

	l.during("stopped: before", time.Second)
	l.phase.Store("stopped: during")
	postgresStopped.start(t, c, nil)
	begun := time.Now()
	for _, n := range c.nodes {
		fast := c.console(t.Context(), n, "GET", "/tenants", nil)
		requireCode(t, storeUnavailable, 200, fast, "the console reads")
		require.Less(t, fast.took, slack*time.Second)
		fast = c.addDomain(t.Context(), n, c.warm[0], "stopped.example.com")
		requireCode(t, storeUnavailable, 201, fast, "the console writes")
		require.Less(t, fast.took, slack*time.Second)
		c.awaitCode(t, n, &app{key: nobodys, page: c.warm[0].page}, storeUnavailable)
		requireCode(t, storeUnavailable, 200, c.ask(t.Context(), n, c.cold[1], c.cold[1].page), "a cold app")
	}
	<-time.After(lasts - time.Since(begun))

	l.phase.Store("stopped: after")
	back := time.Now()
	postgresStopped.heal(t, c, nil)
	up := time.Now()
	for _, n := range c.nodes {
		c.awaitCode(t, n, &app{key: nobodys, page: c.warm[0].page}, "app.unknown")
		c.awaitStatus(t, n, c.cold[1], 200)
	}
	recovered := time.Since(up)
	require.Less(t, recovered, slack*5*time.Second, "from the return of Postgres until every node is as before")
	l.during("stopped: after", 2*time.Second)
	if *long { // the owner's token is older than it may be
		c.signIn(t)
	}
	c.awaitWritten(t.Context(), t, c.nodes[0], "returned.example.com")
	for _, n := range c.nodes {
		all, inASecond := n.postgres.accepted.since(back)
		t.Logf("node %d: %d connections since Postgres is back, at most %d in a second", n.number, all, inASecond)
		require.LessOrEqual(t, inASecond, 2*poolSize, "a rush of connections")
	}
	t.Logf("Postgres was away for %s; recovered %s after its return", time.Since(begun).Round(time.Second), recovered.Round(time.Millisecond))
	l.stop(t)
	l.requireNoFailure(t)
}

// poolSize is how many connections a node holds at most: tenants, system, and the
// one that listens (store.Config).
const poolSize = 16 + 4 + 1 + 8 + 2

// nobodys is an app key that was never given.
var nobodys = core.AppKey{1, 2, 3}.String()

func (c *cluster) awaitCode(t *testing.T, n *node, a *app, want string) {
	t.Helper()
	var last answer
	require.Eventually(t, func() bool {
		last = c.ask(t.Context(), n, a, a.page)
		return last.code() == want
	}, patience, 50*time.Millisecond, "node %d, last %d %s", n.number, last.status, last.body)
}
