package chaos_test

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

const (
	leaseTime = 4 * time.Second  // how long a turn to fetch lasts (ADR 23)
	drainTime = 30 * time.Second // how long a node may take to end
)

// TestRollingRestart restarts every node in turn, under load that goes to the
// nodes that say they are ready.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 3})
	l := c.startLoad(t)
	l.during("before", time.Second)
	l.phase.Store("during")
	for _, n := range c.nodes {
		begun := time.Now()
		require.Zero(t, n.stop(t, drainTime*slack), "exit status after SIGTERM")
		t.Logf("node %d ended %s after SIGTERM", n.number, time.Since(begun).Round(time.Millisecond))
		n.start(t)
		l.during("during", 500*time.Millisecond)
	}
	l.during("after", time.Second)
	l.stop(t)
	l.requireNoFailure(t)
}

// TestNodeDrains tells a node to end while one of its calls hangs at WeCom: it is
// not ready from then on, signs until it is left alone, answers what is under
// way, gives its turn back, and ends in time with 0.
func TestNodeDrains(t *testing.T) {
	t.Parallel()
	c := prepareCluster(t, plan{nodes: 2})
	n, other := c.nodes[0], c.nodes[1]
	n.env = append(n.env, "SIGNET_DRAIN_DELAY=1s") // shorter than the call hangs
	n.start(t)
	other.start(t)
	c.settle(t, 1)
	warm, cold := c.warm[0], c.cold[0]
	answered := c.holdTurn(t, cold)
	held := func() string {
		return c.postgres.List(t, `SELECT count(*)::text FROM signet.ticket_leases WHERE tenant_id = $1 AND ends_at > clock_timestamp()`, cold.tenantID)[0]
	}
	// It would not end by itself while the test runs.
	c.postgres.Exec(t, `UPDATE signet.ticket_leases SET ends_at = now() + interval '1 hour' WHERE tenant_id = $1 AND ends_at > now()`, cold.tenantID)
	require.NotEqual(t, "0", held())
	begun := time.Now()
	n.signal(syscall.SIGTERM)
	n.awaitDraining(t)
	got := c.ask(t.Context(), n, warm, warm.page)
	require.Equal(t, 200, got.status, "whoever has not seen it yet is served: %s", got.body)
	require.Zero(t, n.awaitEnd(t, drainTime).ExitCode())
	took := time.Since(begun)
	require.LessOrEqual(t, took, 20*time.Second)
	require.NotZero(t, (<-answered).status, "what was under way has got an answer")
	require.Equal(t, "0", held(), "a turn was not given back")
	got = c.ask(t.Context(), other, cold, cold.page)
	require.Equal(t, 200, got.status, "another node takes the turn: %s", got.body)
	c.weCom.Release()
	t.Logf("it ended %s after SIGTERM", took.Round(time.Millisecond))
}

// TestNodeToldTwice sends a second signal while a node drains: somebody does not
// want to wait.
func TestNodeToldTwice(t *testing.T) {
	t.Parallel()
	c := prepareCluster(t, plan{nodes: 1})
	n := c.nodes[0]
	n.env = append(n.env, "SIGNET_DRAIN_DELAY=15s")
	for _, signals := range [][2]syscall.Signal{{syscall.SIGTERM, syscall.SIGTERM}, {syscall.SIGINT, syscall.SIGINT}, {syscall.SIGTERM, syscall.SIGINT}} {
		n.start(t)
		n.signal(signals[0])
		n.awaitDraining(t)
		begun := time.Now()
		n.signal(signals[1])
		state := n.awaitEnd(t, drainTime)
		require.Less(t, time.Since(begun), time.Second*slack, "%s, then %s", signals[0], signals[1])
		status, ok := state.Sys().(syscall.WaitStatus)
		require.True(t, ok)
		require.Equal(t, signals[1], status.Signal(), "the signal has ended it: %s", state)
	}
}

// holdTurn lets node 0 ask for a cold app, and returns when its call hangs at
// WeCom: now it has the turn. The others' calls do not hang.
func (c *cluster) holdTurn(t *testing.T, a *app) (answered <-chan answer) {
	t.Helper()
	c.weCom.Inject(wecomtest.Fault{Behaviour: wecomtest.Hang, Corp: a.corp, Times: 1})
	got := make(chan answer, 1)
	go func() { got <- c.ask(t.Context(), c.nodes[0], a, a.page) }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, c.weCom.AwaitHanging(ctx, 1))
	return got
}

// epochs gives the epoch of every turn of an app, by what it fetches.
func (c *cluster) epochs(t *testing.T, a *app) []string {
	t.Helper()
	return c.postgres.List(t, `SELECT kind || ' ' || epoch FROM signet.ticket_leases WHERE tenant_id = $1 ORDER BY kind`, a.tenantID)
}

// TestNodeKilledInItsTurn kills a node whose call to WeCom is under way, starts
// it again, and looks who is served meanwhile.
func TestNodeKilledInItsTurn(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 3, cold: 1})
	cold, holder, other := c.cold[0], c.nodes[0], c.nodes[1]
	l := c.startLoad(t)
	l.during("before", time.Second)
	answered := c.holdTurn(t, cold)
	l.phase.Store("during")
	holder.kill()
	<-answered
	got := c.ask(t.Context(), other, cold, cold.page)
	require.Equal(t, 200, got.status, "another node takes the turn: %s", got.body)
	require.Less(t, got.took, leaseTime*slack)
	require.NoError(t, l.book.check(cold, cold.page, got.body))
	require.Equal(t, 2, c.weCom.Count(wecomtest.Filter{Corp: cold.corp, API: wecom.GetToken}), "one call is lost with the node")
	require.Equal(t, 1, c.weCom.Count(wecomtest.Filter{Corp: cold.corp, API: wecom.GetCorpTicket}))
	require.Equal(t, 1, c.weCom.Count(wecomtest.Filter{Corp: cold.corp, API: wecom.GetAgentTicket}))
	begun := time.Now()
	holder.start(t)
	ready := time.Since(begun)
	c.weCom.Release()
	l.during("after", time.Second)
	c.awaitStatus(t, holder, cold, 200)
	t.Logf("the turn of the killed node was another's after %s; restarted, it was ready after %s", got.took.Round(time.Millisecond), ready.Round(time.Millisecond))
	l.stop(t)
	l.requireNoFailure(t, holder.number)
}

// TestNodePausedInItsTurn lets a node stand still while its call is under way,
// until another has done the work; then it wakes up with an answer in hand that
// is no longer wanted.
func TestNodePausedInItsTurn(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 3, cold: 1})
	cold, sleeper, other := c.cold[0], c.nodes[0], c.nodes[1]
	l := c.startLoad(t)
	l.during("before", time.Second)
	answered := c.holdTurn(t, cold)
	before := c.epochs(t, cold)
	l.phase.Store("during")
	sleeper.signal(syscall.SIGSTOP)
	got := c.ask(t.Context(), other, cold, cold.page)
	require.Equal(t, 200, got.status, "another node takes the turn: %s", got.body)
	rows := c.ticketRows(t, cold)
	c.weCom.Release() // what it brings waits in the socket of the sleeper
	sleeper.signal(syscall.SIGCONT)
	late := <-answered
	t.Logf("the sleeper woke after %s and answered its caller %d", got.took.Round(time.Millisecond), late.status)
	after := c.epochs(t, cold)
	require.NotEqual(t, before, after, "the turn has changed hands")
	l.during("after", time.Second)
	again := c.ask(t.Context(), sleeper, cold, cold.page)
	require.Equal(t, 200, again.status, string(again.body))
	require.NoError(t, l.book.check(cold, cold.page, again.body))
	require.Equal(t, rows, c.ticketRows(t, cold), "the sleeper has written nothing")
	l.stop(t)
	l.requireNoFailure(t, sleeper.number)
}

// ticketRows gives what the rows of a tenant's values say of themselves.
func (c *cluster) ticketRows(t *testing.T, a *app) []string {
	t.Helper()
	return c.postgres.List(t, `SELECT kind || ' ' || generation || ' ' || md5(sealed) FROM signet.tickets WHERE tenant_id = $1 ORDER BY kind`, a.tenantID)
}

// TestOneNodeCutOff takes from one node of three its way to Postgres, then that
// to WeCom. The others do not notice, and it signs on with what it knows.
func TestOneNodeCutOff(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 3, cold: 4})
	alone := c.nodes[:1]
	l := c.startLoad(t)
	for i, d := range []trouble{poisoned("cut off from Postgres", toPostgres, silence...), poisoned("cut off from WeCom", toWeCom, silence...)} {
		code := []string{storeUnavailable, "wecom.unavailable"}[i]
		l.during(d.name+": before", 500*time.Millisecond)
		l.phase.Store(d.name + ": during")
		d.start(t, c, alone)
		inside, outside := c.cold[2*i], c.cold[2*i+1]
		requireCode(t, code, 200, c.ask(t.Context(), c.nodes[0], inside, inside.page), "a cold app at the node that is cut off")
		c.awaitStatus(t, c.nodes[1], outside, 200) // elsewhere all is well
		if i == 1 {                                // Postgres has it now, so the node needs no WeCom
			c.awaitStatus(t, c.nodes[0], outside, 200)
		}
		l.during(d.name+": during", time.Second)
		l.phase.Store(d.name + ": after")
		d.heal(t, c, alone)
		c.awaitStatus(t, c.nodes[0], inside, 200)
		l.during(d.name+": after", 500*time.Millisecond)
	}
	l.stop(t)
	l.requireNoFailure(t)
}

// TestColdCrowd has a crowd ask every node for one cold app: three calls in the
// whole cluster, and after a restart of every node none (G13).
func TestColdCrowd(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 3, cold: 1})
	c.crowd(t, c.cold[0], 200, 200)
	for _, api := range []wecom.API{wecom.GetToken, wecom.GetCorpTicket, wecom.GetAgentTicket} {
		require.Equal(t, 1, c.weCom.Count(wecomtest.Filter{Corp: c.cold[0].corp, API: api}), api)
	}
	var restarting sync.WaitGroup
	for _, n := range c.nodes {
		restarting.Go(func() { n.kill() })
	}
	restarting.Wait()
	before := len(c.weCom.Calls())
	for _, n := range c.nodes {
		n.start(t)
	}
	l := c.startLoad(t)
	l.during("restarted", time.Second)
	l.stop(t)
	l.requireNoFailure(t)
	require.Len(t, c.weCom.Calls(), before, "a restart costs no call")
}
