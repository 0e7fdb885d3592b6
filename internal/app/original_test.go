package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

// The defects of the program that Signet grew out of, one test each. They are
// listed in the order in which that program was found to have them.

func legacy(n *node, route, query string) string { return n.public() + "/wxapi/" + route + "?" + query }

// checkLegacy checks one answer of the original routes as the client would.
func (n *node) checkLegacy(t *testing.T, kind wecomtest.CheckKind, m madeApp, page string, a answer) {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, string(a.body))
	require.Equal(t, "0", a.text(t, "code"))
	require.Equal(t, "success", a.text(t, "message"))
	data, ok := a.json(t)["data"].(map[string]any)
	require.True(t, ok)
	require.Equal(t, m.corp, data["corpid"])
	require.Equal(t, m.agent, data["agentid"])
	stamp, ok := data["timestamp"].(float64)
	require.True(t, ok)
	require.NoError(t, n.weCom.CheckSignature(wecomtest.Check{
		Kind: kind, Corp: core.CorpID(m.corp), Agent: core.AgentID(m.agent), PageURL: page, Secret: m.secret,
		Timestamp: int64(stamp), Nonce: fmt.Sprint(data["nonceStr"]), Signature: fmt.Sprint(data["signature"]),
	}))
}

func TestOriginalDefects(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	first := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	second := n.makeApp(t, "北辰物流", "ww2222222222222222", "1000003", "crm.example.org")
	page := "https://" + crmHost + "/a?x=1&y=2"

	t.Run("one corp and one secret for everybody", func(t *testing.T) {
		t.Parallel()
		n.verify(t, first, crmPage, n.sign(t, first.key, crmPage))
		n.verify(t, second, "https://crm.example.org/", n.sign(t, second.key, "https://crm.example.org/"))
	})

	t.Run("the nonce and the time are constants, and not in the answer", func(t *testing.T) {
		t.Parallel()
		query := "app=" + first.key + "&url=" + page
		a, b := do(t, http.MethodGet, legacy(n, "wxQyAuth", query), nil), do(t, http.MethodGet, legacy(n, "wxQyAuth", query), nil)
		n.checkLegacy(t, wecomtest.CheckConfig, first, page, a)
		require.NotEqual(t, a.text(t, "data", "nonceStr"), b.text(t, "data", "nonceStr"))
	})

	t.Run("any address from anyone is signed", func(t *testing.T) {
		t.Parallel()
		for _, foreign := range []string{"https://evil.example.net/", "https://" + crmHost + ".evil.example.net/", "https://crm.example.org/"} {
			a := do(t, http.MethodGet, legacy(n, "wxQyAuth", "app="+first.key+"&url="+foreign), nil)
			require.Equal(t, http.StatusForbidden, a.status)
			require.Equal(t, "url.untrusted", a.text(t, "code"))
		}
		a := do(t, http.MethodGet, legacy(n, "wxQyAuth", "url="+page), nil)
		require.Equal(t, http.StatusBadRequest, a.status)
		require.Equal(t, "app.missing", a.text(t, "code"))
	})

	t.Run("an ampersand that is not encoded cuts the address", func(t *testing.T) {
		t.Parallel()
		for _, query := range []string{
			"app=" + first.key + "&url=" + page,
			"app=" + first.key + "&url=" + url.QueryEscape(page),
		} {
			n.checkLegacy(t, wecomtest.CheckConfig, first, page, do(t, http.MethodGet, legacy(n, "wxQyAuth", query), nil))
			n.checkLegacy(t, wecomtest.CheckAgentConfig, first, page, do(t, http.MethodGet, legacy(n, "wxAppAuth", query), nil))
		}
	})

	t.Run("the part after the hash is not cut", func(t *testing.T) {
		t.Parallel()
		a := n.sign(t, first.key, page+"#/route?z=3")
		require.Equal(t, page, a.text(t, "url"))
		n.verify(t, first, page, a)
		encoded := do(t, http.MethodGet, legacy(n, "wxQyAuth", "app="+first.key+"&url="+url.QueryEscape(page+"#top")), nil)
		n.checkLegacy(t, wecomtest.CheckConfig, first, page, encoded)
	})

	t.Run("no log, no health", func(t *testing.T) {
		t.Parallel()
		a := n.sign(t, first.key, page, "X-Request-Id", "request-of-this-test")
		require.Equal(t, "request-of-this-test", a.header.Get("X-Request-Id"))
		n.await(t, func() bool { return strings.Contains(n.logs.String(), "request-of-this-test") })
		require.NotContains(t, n.logs.String(), "x=1&y=2")
		for path, want := range map[string]string{"/livez": "alive", "/readyz": "ready", "/metrics": "signet_apps 2"} {
			probe := do(t, http.MethodGet, "http://"+n.server.MetricsAddr()+path, nil)
			require.Equal(t, http.StatusOK, probe.status)
			require.Contains(t, string(probe.body), want)
		}
	})
}

func TestOriginalDefectErrcodeIsNeverLookedAt(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002")
	path := "/tenants/" + m.tenantID + "/apps/" + m.id + "/domains"
	for _, errcode := range []int{40001, 40014, 42001, 45009, 60020, -1, 99999} {
		n.weCom.Inject(wecomtest.Fault{Errcode: errcode})
		host := fmt.Sprintf("e%d.example.com", errcode&0xffff)
		require.Equal(t, http.StatusCreated, n.call(t, http.MethodPost, path, fmt.Sprintf(`{"host":%q}`, host)).status)
		var a answer
		n.await(t, func() bool {
			a = do(t, http.MethodGet, legacy(n, "wxQyAuth", "app="+m.key+"&url=https://"+host+"/"), nil)
			code := a.text(t, "code") // until the feed has brought the app and the host
			return code != "url.untrusted" && code != "app.unknown"
		})
		require.Equal(t, http.StatusServiceUnavailable, a.status, string(a.body))
		require.Contains(t, a.text(t, "code"), "wecom.")
		require.NotEmpty(t, a.header.Get("Retry-After"))
		require.NotContains(t, string(a.body), "signature")
		n.weCom.ClearFaults()
	}
}

func TestOriginalDefectNoSingleFlight(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	// Cold again: no memory, and no rows.
	require.NoError(t, n.stop())
	n.db.Exec(t, `DELETE FROM signet.tickets`)
	n.start(t)
	n.weCom.ForgetCalls()

	var wg sync.WaitGroup
	refused := make(chan string, 500)
	for range 500 {
		wg.Go(func() {
			a, err := send(context.WithoutCancel(t.Context()), http.MethodGet,
				n.public()+"/v1/signatures?app="+m.key+"&url="+url.QueryEscape(crmPage), nil)
			if err != nil || a.status != http.StatusOK {
				refused <- fmt.Sprint(err, string(a.body))
			}
		})
	}
	wg.Wait()
	close(refused)
	for problem := range refused {
		t.Error(problem)
	}
	require.Len(t, n.weCom.Calls(), 3, "one access token, one corp ticket, one agent ticket")
}

func TestOriginalDefectAFailedFetchIsNeverAnswered(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	require.NoError(t, n.stop())
	n.db.Exec(t, `DELETE FROM signet.tickets`)
	n.start(t)
	n.weCom.Inject(wecomtest.Fault{Behaviour: wecomtest.Hang})
	t.Cleanup(n.weCom.Release)
	a := n.sign(t, m.key, crmPage)
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Equal(t, "wecom.unavailable", a.text(t, "code"))
	require.NotEmpty(t, a.header.Get("Retry-After"))
}

func TestOriginalDefectTheSecretIsTheCacheKey(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	n.verify(t, m, crmPage, n.sign(t, m.key, crmPage))
	// A new secret: the tickets in use do not depend on it.
	n.weCom.AddApp(wecomtest.App{Corp: core.CorpID(m.corp), Agent: core.AgentID(m.agent), Secret: apptest.Secret("second"), Domains: []string{crmHost}})
	rotated := n.call(t, http.MethodPost, "/tenants/"+m.tenantID+"/apps/"+m.id+"/secrets", fmt.Sprintf(`{"secret":%q}`, apptest.Secret("second")))
	require.Equal(t, http.StatusCreated, rotated.status, string(rotated.body))
	n.weCom.ForgetCalls()
	n.verify(t, m, crmPage, n.sign(t, m.key, crmPage))
	require.Empty(t, n.weCom.Calls())
}
