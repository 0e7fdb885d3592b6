package chaos_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// What WeCom is like from outside while it does not work: the console needs it
// for trials only.
var weComAway = want{
	cold: "wecom.unavailable", within: 3 * time.Second,
	answer: 3 * time.Second,
	soon:   10 * time.Second, // the breaker's pauses pass first
}

// TestWeComDays brings each trouble that WeCom and the way to it can have, one
// after the other, to a cluster that is signing.
func TestWeComDays(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{cold: len(weComTroubles) + 1})
	l := c.startLoad(t)
	for i, d := range weComTroubles {
		t.Run(d.name, func(t *testing.T) { d.bring(t, c, l, c.cold[i], weComAway, 2*time.Second) })
	}
	t.Run(weComSlow.name, func(t *testing.T) {
		w := weComAway
		w.cold, w.within = "", 5*time.Second
		weComSlow.bring(t, c, l, c.cold[len(weComTroubles)], w, 2*time.Second)
	})
	l.stop(t)
	l.requireNoFailure(t)
}

// TestWeComRefusals has WeCom refuse one corp, for each reason that a person or
// time has to mend: that corp's warm pages and everybody else's go on, and the
// nodes do not ask again and again.
func TestWeComRefusals(t *testing.T) {
	t.Parallel()
	refusals := []struct {
		errcode int
		code    string
	}{{45009, "wecom.quota"}, {40001, "wecom.secret_rejected"}, {40013, "wecom.secret_rejected"}, {40091, "wecom.secret_rejected"}, {60020, "wecom.ip_refused"}}
	c := startCluster(t, plan{cold: len(refusals) + 1})
	healthy := c.cold[len(refusals)]
	l := c.startLoad(t)
	for i, r := range refusals {
		sick := c.cold[i]
		l.during(r.code+": before", 300*time.Millisecond)
		l.phase.Store(r.code + ": during")
		c.weCom.Inject(wecomtest.Fault{Errcode: r.errcode, Corp: sick.corp})
		for range 10 {
			for _, n := range c.nodes {
				requireCode(t, r.code, 200, c.ask(t.Context(), n, sick, sick.page), "the sick corp")
			}
		}
		calls := c.weCom.Count(wecomtest.Filter{Corp: sick.corp})
		t.Logf("%d: %d calls for 20 asked of %d nodes", r.errcode, calls, len(c.nodes))
		require.LessOrEqual(t, calls, len(c.nodes), "one call of each node, and a pause")
		var read answer
		require.Eventually(t, func() bool {
			read = c.console(t.Context(), c.nodes[1], "GET", "/tenants/"+sick.tenantID+"/apps/"+sick.id, nil)
			return read.status == 200
		}, 10*time.Second, 50*time.Millisecond, "the console reads")
		if r.code != "wecom.quota" { // that passes by itself; the rest a person must hear of
			require.Contains(t, string(read.body), `"problem":"`+r.code+`"`, "the console names what is wrong")
		}
		l.during(r.code+": after", 300*time.Millisecond)
	}
	c.awaitStatus(t, c.nodes[0], healthy, 200) // another corp is fetched as ever
	l.stop(t)
	l.requireNoFailure(t)
}

// TestSecretRevoked resets one corp's secret in WeCom's console: its tickets sign
// on, and its neighbours notice nothing.
func TestSecretRevoked(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{cold: 1})
	l := c.startLoad(t)
	revoked := c.warm[3]
	l.during("before", time.Second)
	c.weCom.ResetSecret(revoked.corp, revoked.agent, secretOf("another"))
	l.during("revoked", 2*time.Second)
	again := c.nodes[0]
	again.kill()
	again.start(t) // reads the tickets from their rows, not from WeCom
	l.during("a node restarted", time.Second)
	c.awaitStatus(t, again, revoked, 200)   // a ticket outlives the secret that fetched it
	c.awaitStatus(t, again, c.cold[0], 200) // neighbours are fetched as ever
	l.stop(t)
	l.requireNoFailure(t, again.number)
}

// TestTokenVoided lets an access token die before its end, as WeCom may: however
// many ask at once, it is fetched anew once.
func TestTokenVoided(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 3, cold: 2})
	l := c.startLoad(t)
	l.during("before", 500*time.Millisecond)
	for i, errcode := range []int{40014, 42001} {
		a := c.cold[i]
		c.weCom.Inject(wecomtest.Fault{Errcode: errcode, Corp: a.corp, API: wecom.GetCorpTicket, Times: 1})
		c.crowd(t, a, 30, 200)
		require.Equal(t, 2, c.weCom.Count(wecomtest.Filter{Corp: a.corp, API: wecom.GetToken}), "one forced refresh in the whole cluster")
		require.Equal(t, 2, c.weCom.Count(wecomtest.Filter{Corp: a.corp, API: wecom.GetCorpTicket}))
		require.Equal(t, 1, c.weCom.Count(wecomtest.Filter{Corp: a.corp, API: wecom.GetAgentTicket}))
	}
	l.during("after", 500*time.Millisecond)
	l.stop(t)
	l.requireNoFailure(t)
}

// TestCrowdBeforeSilentWeCom has many callers ask every node for one cold app
// while WeCom takes calls and says nothing.
func TestCrowdBeforeSilentWeCom(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 3, cold: 1})
	l := c.startLoad(t)
	l.during("before", 500*time.Millisecond)
	quiet := c.metric(t, c.nodes[0], "go_goroutines")
	l.phase.Store("during")
	from := time.Now()
	c.weCom.Inject(wecomtest.Fault{Behaviour: wecomtest.Hang})
	var asking sync.WaitGroup
	asking.Go(func() { c.crowd(t, c.cold[0], 30, 503) })
	<-time.After(time.Second) // they all wait now
	during := c.metric(t, c.nodes[0], "go_goroutines")
	asking.Wait()
	calls := c.weCom.Count(wecomtest.Filter{Corp: c.cold[0].corp})
	t.Logf("%d goroutines of a node, %d with 30 callers waiting; %d calls of 3 nodes in %s", quiet, during, calls, time.Since(from).Round(time.Millisecond))
	require.LessOrEqual(t, calls, 2*len(c.nodes), "calls that got no answer")
	require.Less(t, during, quiet+150, "goroutines")
	for _, n := range c.nodes {
		opened, _ := n.weCom.accepted.since(from)
		require.LessOrEqual(t, opened, 2, "connections of node %d to WeCom for one corp", n.number)
	}
	c.weCom.ClearFaults()
	c.weCom.Release()
	l.during("after", 500*time.Millisecond)
	l.stop(t)
	l.requireNoFailure(t)
}

// crowd has many callers ask every node at once; each must get the status.
func (c *cluster) crowd(t *testing.T, a *app, callers, want int) {
	t.Helper()
	got := make(chan answer, callers*len(c.nodes))
	for _, n := range c.nodes {
		for range callers {
			go func() { got <- c.ask(t.Context(), n, a, a.page) }()
		}
	}
	for range cap(got) {
		if one := <-got; one.status != want {
			t.Errorf("a caller got %d %s, not %d", one.status, one.body, want)
		}
	}
}
