package app_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// What a node does all the time, whether anybody asks or not: each of these would
// hold in its own package also where Run did not begin it.

// longest is how long a node may take to come round to what it does now and then:
// the longest of its intervals, twice.
const longest = time.Minute

// A node renews a ticket ahead of need though no page asks.
func TestANodeRenewsByItself(t *testing.T) {
	t.Parallel()
	n := newNode(t, wecomtest.Config{Mode: wecomtest.NewValue})
	require.NoError(t, createOwner(t, n.cfg, ownerPassword))
	n.start(t)
	n.signIn(t)
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	require.NoError(t, n.stop())
	// As if they had been fetched a day ago: what is left of such a life is little,
	// and it is time to renew them, while they can still be used for an hour.
	n.db.Exec(t, `UPDATE signet.tickets SET fetched_at = fetched_at - interval '1 day'`)
	fetched := func() (corp, agent int) {
		return n.weCom.Count(wecomtest.Filter{API: wecom.GetCorpTicket}), n.weCom.Count(wecomtest.Filter{API: wecom.GetAgentTicket})
	}
	corpBefore, agentBefore := fetched()
	n.start(t)
	require.Eventually(t, func() bool {
		corp, agent := fetched()
		return corp == corpBefore+1 && agent == agentBefore+1
	}, longest, 20*time.Millisecond)
	calls := len(n.weCom.Calls())
	n.verify(t, m, crmPage, n.sign(t, m.key, crmPage))
	require.Len(t, n.weCom.Calls(), calls, "no page waits for it")
}

// A node compares its clock with Postgres's while it runs, not only when it starts.
func TestANodeKeepsItsClock(t *testing.T) {
	t.Parallel()
	n := newNode(t, wecomtest.Config{})
	server, err := app.NewServer(t.Context(), n.cfg, n.log)
	require.NoError(t, err)
	const off = time.Hour
	server.PretendClockWrong(off)
	n.run(t, server)
	n.await(t, func() bool { return n.readiness() == http.StatusOK })
	ahead := func() float64 {
		seconds, err := strconv.ParseFloat(n.scrape(t)["signet_clock_ahead_seconds"], 64)
		require.NoError(t, err)
		return seconds
	}
	require.InDelta(t, off.Seconds(), ahead(), 1)
	require.Eventually(t, func() bool { return ahead() < 10 }, longest, 100*time.Millisecond)
	require.Equal(t, 1, strings.Count(n.logs.String(), "this node's clock is right again"))
}
