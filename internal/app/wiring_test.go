package app_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

// What the environment says must arrive where it counts: these tests set a key
// and look for what it changes outside.

// startNodeWith starts a node with an owner, after the configuration was changed.
func startNodeWith(t *testing.T, change func(n *node)) *node {
	t.Helper()
	n := newNode(t, wecomtest.Config{})
	change(n)
	require.NoError(t, createOwner(t, n.cfg, ownerPassword))
	n.start(t)
	return n
}

// Two clients behind one proxy: the one who guesses is braked, and not the other.
func TestClientsBehindATrustedProxyAreToldApart(t *testing.T) {
	t.Parallel()
	const guesser, member = "203.0.113.1", "203.0.113.2"
	signIn := func(n *node, client, password string) answer {
		return n.call(t, http.MethodPost, "/session", fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, password), "X-Forwarded-For", client)
	}
	guess := func(n *node) {
		for range 50 {
			a := signIn(n, guesser, "not the password of the owner")
			if a.status == http.StatusTooManyRequests {
				require.NotEmpty(t, a.header.Get("Retry-After"))
				return
			}
			require.Equal(t, http.StatusUnauthorized, a.status, string(a.body))
		}
		t.Fatal("the guesser is not braked")
	}

	n := startNodeWith(t, func(n *node) { n.cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	guess(n)
	require.Equal(t, http.StatusTooManyRequests, signIn(n, guesser, ownerPassword).status)
	right := signIn(n, member, ownerPassword)
	require.Equal(t, http.StatusOK, right.status, string(right.body))

	// The public listener believes the proxy as well.
	for _, client := range []string{guesser, member} {
		n.sign(t, "nonsense", crmPage, "X-Forwarded-For", client, "X-Request-Id", "signing-for-"+strings.ReplaceAll(client, ".", "-"))
		line := regexp.MustCompile(`"listener":"public","request_id":"signing-for-` + strings.ReplaceAll(client, ".", "-") + `".*"client":"` + client + `"`)
		n.await(t, func() bool { return line.MatchString(n.logs.String()) })
	}

	// Where nobody is trusted, what a client writes of itself counts for nothing.
	plain := startNodeWith(t, func(*node) {})
	guess(plain)
	require.Equal(t, http.StatusTooManyRequests, signIn(plain, member, ownerPassword).status)
}

func TestTheConsoleIsWhereItsAddressSays(t *testing.T) {
	t.Parallel()
	const console = "https://console.test.example"
	n := startNodeWith(t, func(n *node) { n.cfg.ConsoleURL = console })
	signIn := func(origin string) answer {
		return n.call(t, http.MethodPost, "/session", fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, ownerPassword), "Origin", origin)
	}
	own := signIn(console)
	require.Equal(t, http.StatusOK, own.status, string(own.body))
	require.NotEmpty(t, own.header.Get("Strict-Transport-Security"), "it is reached by https")
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(own.text(t, "accessToken"), ".")[1])
	require.NoError(t, err)
	require.Contains(t, string(claims), `"iss":"`+console+`"`, "its access tokens are its own")
	for _, other := range []string{"http://console.test.example", console + ":8443", "https://test.example", "https://console.test.example.net", "null", n.cfg.PublicURL} {
		foreign := signIn(other)
		require.Equal(t, http.StatusForbidden, foreign.status, other)
		require.Equal(t, "request.foreign_origin", foreign.text(t, "code"))
	}
}

// scrape gives the value of each series of the metrics listener, by its line.
func (n *node) scrape(t *testing.T) map[string]string {
	t.Helper()
	return scrapeAt(t, n.server.MetricsAddr())
}

func scrapeAt(t *testing.T, address string) map[string]string {
	t.Helper()
	a := do(t, http.MethodGet, "http://"+address+"/metrics", nil)
	require.Equal(t, http.StatusOK, a.status)
	series := map[string]string{}
	for line := range strings.Lines(string(a.body)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			if end := strings.LastIndex(line, "}"); end >= 0 { // label values may hold blanks
				name, value = line[:end+1], strings.TrimSpace(line[end+1:])
			}
			series[name] = value
		}
	}
	return series
}

func TestRequestsAreCountedByWhatCameOfThem(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	const (
		signed  = `signet_requests_total{code="",listener="public",operation="signatures.get",status="200"}`
		refused = `signet_requests_total{code="url.untrusted",listener="public",operation="signatures.get",status="403"}`
		timed   = `signet_request_seconds_count{listener="public",operation="signatures.get"}`
		console = `signet_requests_total{code="",listener="console",operation="GetTenant",status="200"}`
	)
	require.NotContains(t, n.scrape(t), signed)
	ask := func(page string) int {
		return do(t, http.MethodGet, n.public()+"/v1/signatures?app="+m.key+"&url="+page, nil).status
	}
	for range 3 {
		require.Equal(t, http.StatusOK, ask("https://"+crmHost+"/"))
	}
	for range 2 {
		require.Equal(t, http.StatusForbidden, ask("https://evil.example.net/"))
	}
	require.Equal(t, http.StatusOK, n.call(t, http.MethodGet, "/tenants/"+m.tenantID, "").status)
	var got map[string]string
	n.await(t, func() bool { // an answer is on its way before it is counted
		got = n.scrape(t)
		return got[signed] == "3" && got[refused] == "2" && got[timed] == "5" && got[console] == "1"
	})
	require.Equal(t, "1", got["signet_apps"])
	require.NotEqual(t, "0", got["signet_statements_total"])
	for name := range got {
		require.NotContains(t, name, m.tenantID, "no label names a tenant")
		require.NotContains(t, name, m.key)
		require.NotContains(t, name, "evil.example.net")
	}
}

// While Postgres is away the node says so, and signs on.
func TestTheMetricsTellWhetherTheChangeFeedIsRead(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	feed := func() string { return n.scrape(t)["signet_change_feed_up"] }
	require.Equal(t, "1", feed())
	cut(t, n.db)
	n.await(t, func() bool { return feed() == "0" })
	n.verify(t, m, crmPage, n.sign(t, m.key, crmPage))
	require.Contains(t, n.logs.String(), `"alert":"feed_stopped"`)
	unknown := core.NewAppKey().String()
	n.awaitCode(t, unknown, crmPage, "store.unavailable") // another node may have made it
	heal(t, n.db)
	n.await(t, func() bool { return feed() == "1" })
	n.awaitCode(t, unknown, crmPage, "app.unknown")
	require.Equal(t, 1, strings.Count(n.logs.String(), `"alert":"feed_stopped"`), "it is said once")
}
