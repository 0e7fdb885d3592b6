package ticket_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/httpapi/httpapitest"
	"signet/internal/signing"
	"signet/internal/store/storetest"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

const (
	host  = "crm.example.com"
	corp  = "ww1234567890abcdef"
	agent = "1000247"
	life  = wecomtest.DefaultLife
)

var page = apptest.Page(host, "客户 42")

// node is a House with a clock and a log, and one app that nothing was fetched
// for yet.
type node struct {
	*apptest.House
	clock  *apptest.Clock
	log    *httpapitest.LogBook
	tenant core.Tenant
	app    apptest.App
}

func newNode(t *testing.T, change ...func(*apptest.Config)) node {
	t.Helper()
	n := node{clock: apptest.NewClock(time.Date(2026, 3, 1, 8, 0, 0, 250e6, time.UTC)), log: &httpapitest.LogBook{}}
	cfg := apptest.Config{
		Now: n.clock.Now, After: n.clock.After, Log: n.log, WeCom: wecomtest.Config{Clock: n.clock.Now},
		CallTime: time.Minute, FlightTime: time.Minute, // a busy machine is no fault of WeCom's
	}
	for _, c := range change {
		c(&cfg)
	}
	n.House = apptest.New(t, cfg)
	n.Ages(n.clock)
	n.tenant = n.Tenant(t, "蓝湖科技", corp)
	n.app = n.ColdApp(t, n.tenant, agent, apptest.Secret("first"), host)
	return n
}

func withMode(m wecomtest.Mode) func(*apptest.Config) {
	return func(c *apptest.Config) { c.WeCom.Mode = m }
}

// restart is Restart with the test's own fields.
func (n node) restart(t *testing.T) node {
	t.Helper()
	n.House = n.Restart(t)
	return n
}

// logged tells how often something stands in the log.
func (n node) logged(part string) int { return strings.Count(n.log.String(), part) }

// mustSign signs the page and checks both signatures as the client would.
func (n node) mustSign(t *testing.T) signing.Answer {
	t.Helper()
	answer, err := n.Sign(t.Context(), n.app, page)
	require.NoError(t, err)
	require.NoError(t, n.Verify(n.app, page, answer))
	return answer
}

// mustRefuse signs in vain and gives the fault.
func (n node) mustRefuse(t *testing.T, code fault.Code) *fault.Error {
	t.Helper()
	_, err := n.Sign(t.Context(), n.app, page)
	require.True(t, fault.Has(err, code), "want %s, got %v", code, err)
	require.Positive(t, fault.Find(err).RetryAfter, err)
	return fault.Find(err)
}

func (n node) signConfig(ctx context.Context, app apptest.App) (signing.Answer, error) {
	return n.Signer.SignConfig(ctx, signing.Request{AppKey: app.Key.String(), Page: page})
}

func (n node) signAgentConfig(ctx context.Context, app apptest.App) (signing.Answer, error) {
	return n.Signer.SignAgentConfig(ctx, signing.Request{AppKey: app.Key.String(), Page: page})
}

// made is how many calls of each kind the fake has answered.
type made struct{ tokens, corpTickets, agentTickets int }

func (m made) sum() int { return m.tokens + m.corpTickets + m.agentTickets }

func (n node) made() made {
	return made{
		n.WeCom.Count(wecomtest.Filter{API: wecom.GetToken}),
		n.WeCom.Count(wecomtest.Filter{API: wecom.GetCorpTicket}),
		n.WeCom.Count(wecomtest.Filter{API: wecom.GetAgentTicket}),
	}
}

// since gives the calls that work makes.
func (n node) since(work func()) made {
	before := n.made()
	work()
	after := n.made()
	return made{after.tokens - before.tokens, after.corpTickets - before.corpTickets, after.agentTickets - before.agentTickets}
}

// cutOff takes Postgres away from the node, and gives the function that brings
// it back: the database takes no connection, and those it has are ended.
func (n node) cutOff(t *testing.T) (back func()) {
	t.Helper()
	server := storetest.DB{Name: "postgres", Cluster: n.DB.Cluster}
	server.Exec(t, "ALTER DATABASE "+n.DB.Name+" ALLOW_CONNECTIONS false")
	server.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", n.DB.Name)
	return func() {
		server.Exec(t, "ALTER DATABASE "+n.DB.Name+" ALLOW_CONNECTIONS true")
		require.Eventually(t, func() bool { return n.Store.Ping(t.Context()) == nil }, 10*time.Second, 20*time.Millisecond)
	}
}

// awaitHanging waits until so many calls hang at the fake, and not for ever.
func (n node) awaitHanging(t *testing.T, calls int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, n.WeCom.AwaitHanging(ctx, calls))
}

// awaitRows waits until a query gives one value, and not for ever.
func (n node) awaitRows(t *testing.T, want, query string) {
	t.Helper()
	require.Eventually(t, func() bool {
		rows := n.DB.List(t, query)
		return len(rows) == 1 && rows[0] == want
	}, 20*time.Second, 10*time.Millisecond)
}
