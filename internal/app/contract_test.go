package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

// These tests hold the whole node to the contract with the outside, through
// HTTP alone: names, shapes, statuses, codes.

func TestContractPublicListener(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000247", crmHost)
	get := func(query string, headers ...string) answer {
		return do(t, http.MethodGet, n.public()+"/v1/signatures?"+query, nil, headers...)
	}
	named := "app=" + m.key + "&url="

	t.Run("answers GET and POST with the same shape", func(t *testing.T) {
		t.Parallel()
		for _, a := range []answer{get(named + url.QueryEscape(crmPage)), n.sign(t, m.key, crmPage)} {
			n.verify(t, m, crmPage, a)
			require.Equal(t, "application/json", strings.Split(a.header.Get("Content-Type"), ";")[0])
			require.Equal(t, "no-store", a.header.Get("Cache-Control"))
			body := a.json(t)
			require.Equal(t, "ww1111111111111111", body["corpId"])
			require.Equal(t, "1000247", body["agentId"])
			require.Equal(t, crmPage, body["url"])
			require.Len(t, body, 5)
			for _, member := range []string{"config", "agentConfig"} {
				signed, ok := body[member].(map[string]any)
				require.True(t, ok)
				require.Len(t, signed, 3)
				require.Regexp(t, `^[0-9a-f]{40}$`, signed["signature"])
				require.IsType(t, float64(0), signed["timestamp"])
				require.Regexp(t, `^[A-Za-z0-9]{16,32}$`, signed["nonceStr"])
			}
		}
	})

	t.Run("takes nonce and time from nobody", func(t *testing.T) {
		t.Parallel()
		for _, extra := range []string{"noncestr=x", "nonceStr=x", "timestamp=1", "ticket=x", "jsapi_ticket=x", "type=x"} {
			a := get(named + url.QueryEscape(crmPage) + "&" + extra)
			n.verify(t, m, crmPage, a)
			require.NotEqual(t, "x", a.text(t, "config", "nonceStr"))
			name, value, _ := strings.Cut(extra, "=")
			body := fmt.Sprintf(`{"app":%q,"url":%q,%q:%q}`, m.key, crmPage, name, value)
			posted := do(t, http.MethodPost, n.public()+"/v1/signatures", strings.NewReader(body), "Content-Type", "application/json")
			require.Equal(t, http.StatusBadRequest, posted.status)
		}
	})

	t.Run("refuses by its codes", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			query, code string
			status      int
		}{
			{"app=" + m.key, "url.missing", 400},
			{"url=" + url.QueryEscape(crmPage), "app.missing", 400},
			{"app=" + core.NewAppKey().String() + "&url=" + url.QueryEscape(crmPage), "app.unknown", 404},
			{"app=nonsense&url=" + url.QueryEscape(crmPage), "app.unknown", 404},
			{named + url.QueryEscape("HTTPS://"+crmHost+"/"), "url.invalid", 400},
			{named + url.QueryEscape("http://"+crmHost+"/"), "url.invalid", 400},
			{named + url.QueryEscape("https://evil.example.net/"), "url.untrusted", 403},
		} {
			a := get(c.query, "Accept-Language", "en")
			require.Equal(t, c.status, a.status, string(a.body))
			require.Equal(t, c.code, a.text(t, "code"))
			require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
			require.Equal(t, "*", a.header.Get("Access-Control-Allow-Origin"))
			for _, member := range []string{"type", "title", "detail", "request_id"} {
				require.NotEmpty(t, a.text(t, member))
			}
			require.InDelta(t, c.status, a.json(t)["status"], 0)
			require.Equal(t, a.header.Get("X-Request-Id"), a.text(t, "request_id"))
			require.Contains(t, a.header.Get("Access-Control-Expose-Headers"), "Retry-After")
		}
		untrusted := get(named+url.QueryEscape("https://evil.example.net/"), "Accept-Language", "en")
		require.Contains(t, untrusted.text(t, "detail"), "evil.example.net")
		require.NotContains(t, string(untrusted.body), crmHost)
	})

	t.Run("says it in Chinese unless English is preferred", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct{ header, want string }{
			{"", "没有应用"}, {"zh-CN,zh;q=0.9,en;q=0.8", "没有应用"}, {"en-US,en;q=0.9", "No app"}, {"fr", "没有应用"},
		} {
			a := get("app=nonsense&url=x", "Accept-Language", c.header)
			require.Contains(t, a.text(t, "detail"), c.want, c.header)
		}
	})

	t.Run("gives a signature only to the page's own origin", func(t *testing.T) {
		t.Parallel()
		own := get(named+url.QueryEscape(crmPage), "Origin", "https://"+crmHost)
		n.verify(t, m, crmPage, own)
		require.Equal(t, "https://"+crmHost, own.header.Get("Access-Control-Allow-Origin"))
		require.Empty(t, own.header.Get("Access-Control-Allow-Credentials"))
		for _, origin := range []string{"null", "https://evil.example.net", "http://" + crmHost, "https://" + crmHost + ":8443"} {
			a := get(named+url.QueryEscape(crmPage), "Origin", origin)
			require.Equal(t, http.StatusForbidden, a.status, origin)
			require.Equal(t, "origin.untrusted", a.text(t, "code"))
			require.Equal(t, "*", a.header.Get("Access-Control-Allow-Origin"))
		}
	})

	t.Run("answers a preflight on every route", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/v1/signatures", "/wxapi/wxQyAuth", "/wxapi/wxAppAuth"} {
			a := do(t, http.MethodOptions, n.public()+path, nil, "Origin", "https://anywhere.example.net",
				"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
			require.Equal(t, http.StatusNoContent, a.status)
			require.Equal(t, "*", a.header.Get("Access-Control-Allow-Origin"))
			require.Equal(t, "600", a.header.Get("Access-Control-Max-Age"))
			require.Empty(t, a.header.Get("Access-Control-Allow-Credentials"))
		}
	})

	t.Run("keeps the plus sign and the percent signs of the page", func(t *testing.T) {
		t.Parallel()
		page := "https://" + crmHost + "/s?q=a+b%20c&n=%E5%BC%A0&x==y&&z"
		n.verify(t, m, page, get(named+url.QueryEscape(page)))
		n.verify(t, m, page, n.sign(t, m.key, page))
		n.checkLegacy(t, wecomtest.CheckConfig, m, page, do(t, http.MethodGet, legacy(n, "wxQyAuth", "app="+m.key+"&url="+page), nil))
		n.checkLegacy(t, wecomtest.CheckConfig, m, page, do(t, http.MethodGet, legacy(n, "wxQyAuth", "app="+m.key+"&url="+url.QueryEscape(page)), nil))
	})
}

func TestContractLegacyHosts(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	first := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	second := n.makeApp(t, "北辰物流", "ww2222222222222222", "1000003", crmHost)
	page := "https://" + crmHost + "/a?app=" + second.key // within the page's own address, after url=
	ask := func() answer { return do(t, http.MethodGet, legacy(n, "wxQyAuth", "url="+page), nil) }
	require.Equal(t, "app.missing", ask().text(t, "code"))

	binding := fmt.Sprintf(`{"tenantId":%q,"appId":%q}`, first.tenantID, first.id)
	bound := n.call(t, http.MethodPut, "/legacy-hosts/"+crmHost, binding)
	require.Contains(t, []int{http.StatusOK, http.StatusCreated}, bound.status, string(bound.body))
	n.await(t, func() bool { return ask().status == http.StatusOK })
	n.checkLegacy(t, wecomtest.CheckConfig, first, page, ask())

	taken := n.call(t, http.MethodPut, "/legacy-hosts/"+crmHost, fmt.Sprintf(`{"tenantId":%q,"appId":%q}`, second.tenantID, second.id))
	require.Equal(t, http.StatusConflict, taken.status)
	require.Contains(t, string(n.call(t, http.MethodGet, "/legacy-hosts", "").body), crmHost)
	require.Equal(t, http.StatusNoContent, n.call(t, http.MethodDelete, "/legacy-hosts/"+crmHost, "").status)
	n.await(t, func() bool { return ask().status == http.StatusBadRequest })
	// Both writings of the other route, with the app named before url=.
	n.checkLegacy(t, wecomtest.CheckAgentConfig, second, page,
		do(t, http.MethodGet, legacy(n, "wxAppAuth", "app="+second.key+"&url="+page), nil))
}

func TestContractConsoleListener(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})

	t.Run("session", func(t *testing.T) {
		t.Parallel()
		right := do(t, http.MethodPost, n.console()+"/session", strings.NewReader(fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, ownerPassword)), "Content-Type", "application/json")
		require.Equal(t, http.StatusOK, right.status)
		require.NotEmpty(t, right.text(t, "accessToken"))
		require.InDelta(t, 600, right.json(t)["expiresIn"], 0)
		require.Contains(t, right.json(t), "member")
		require.Contains(t, right.header.Get("Set-Cookie"), "__Host-")
		for _, body := range []string{
			fmt.Sprintf(`{"email":%q,"password":"not the password at all"}`, ownerEmail),
			`{"email":"nobody@test.example","password":"not the password at all"}`,
		} {
			wrong := do(t, http.MethodPost, n.console()+"/session", strings.NewReader(body), "Content-Type", "application/json")
			require.Equal(t, http.StatusUnauthorized, wrong.status)
			require.Equal(t, "session.refused", wrong.text(t, "code"))
			require.Empty(t, wrong.header.Get("Set-Cookie"))
		}
		none := do(t, http.MethodGet, n.console()+"/tenants", nil)
		require.Equal(t, http.StatusUnauthorized, none.status)
	})

	t.Run("a tenant's life", func(t *testing.T) {
		t.Parallel()
		created := n.call(t, http.MethodPost, "/tenants", `{"name":"北辰物流","corpId":"wwAbCdEf1234567890"}`)
		require.Equal(t, http.StatusCreated, created.status, string(created.body))
		id := created.text(t, "id")
		require.Equal(t, "active", created.text(t, "status"))
		require.Contains(t, string(created.body), `"corps":[{"corpId":"wwAbCdEf1234567890"`)
		path := "/tenants/" + id
		got := n.call(t, http.MethodGet, path, "")
		require.Equal(t, http.StatusOK, got.status)
		etag := got.header.Get("ETag")
		require.NotEmpty(t, etag)
		require.Contains(t, string(n.call(t, http.MethodGet, "/tenants", "").body), id)
		require.Contains(t, n.call(t, http.MethodGet, "/tenants", "").json(t), "nextCursor")

		require.Equal(t, http.StatusPreconditionRequired, n.call(t, http.MethodPatch, path, `{"status":"suspended"}`).status)
		require.Equal(t, http.StatusPreconditionFailed, n.call(t, http.MethodPatch, path, `{"status":"suspended"}`, "If-Match", `"999"`).status)
		changed := n.call(t, http.MethodPatch, path, `{"status":"suspended"}`, "If-Match", etag)
		require.Equal(t, http.StatusOK, changed.status, string(changed.body))
		require.Equal(t, "suspended", changed.text(t, "status"))
		require.Equal(t, http.StatusPreconditionFailed, n.call(t, http.MethodPatch, path, `{"status":"active"}`, "If-Match", etag).status)
		require.Equal(t, http.StatusPreconditionFailed, n.call(t, http.MethodDelete, path, "", "If-Match", etag).status)

		audit := n.call(t, http.MethodGet, path+"/audit", "")
		require.Equal(t, http.StatusOK, audit.status)
		items, ok := audit.json(t)["items"].([]any)
		require.True(t, ok)
		require.Len(t, items, 2, "one row for each change, newest first")

		for range 2 { // asked for again, it changes nothing
			require.Equal(t, http.StatusNoContent, n.call(t, http.MethodDelete, path, "").status)
		}
		leaving := n.call(t, http.MethodGet, path, "")
		require.Equal(t, http.StatusOK, leaving.status)
		require.Equal(t, "suspended", leaving.text(t, "status"))
		deletion, ok := leaving.json(t)["deletion"].(map[string]any)
		require.True(t, ok, string(leaving.body))
		require.Equal(t, ownerEmail, deletion["requestedBy"])
		requested, err := time.Parse(time.RFC3339Nano, fmt.Sprint(deletion["requestedAt"]))
		require.NoError(t, err)
		due, err := time.Parse(time.RFC3339Nano, fmt.Sprint(deletion["dueAt"]))
		require.NoError(t, err)
		require.Equal(t, apptest.DeletionGrace, due.Sub(requested))
		for status, listed := range map[string]bool{"leaving": true, "suspended": true, "active": false} {
			require.Equal(t, listed, strings.Contains(string(n.call(t, http.MethodGet, "/tenants?status="+status, "").body), id), status)
		}
		refused := n.call(t, http.MethodPatch, path, `{"name":"a"}`, "If-Match", leaving.header.Get("ETag"))
		require.Equal(t, http.StatusConflict, refused.status)
		require.Equal(t, "tenant.leaving", refused.text(t, "code"))
		restored := n.call(t, http.MethodPatch, path, `{"status":"active"}`, "If-Match", leaving.header.Get("ETag"))
		require.Equal(t, http.StatusOK, restored.status, string(restored.body))
		require.NotContains(t, restored.json(t), "deletion")

		require.Equal(t, http.StatusBadRequest, n.call(t, http.MethodDelete, path+"?now=yes", "").status)
		require.Equal(t, http.StatusNoContent, n.call(t, http.MethodDelete, path+"?now=true", "").status)
		require.Equal(t, http.StatusNotFound, n.call(t, http.MethodGet, path, "").status)
	})

	t.Run("an app's life", func(t *testing.T) {
		t.Parallel()
		n := startNode(t, wecomtest.Config{}) // of its own, because rows are counted
		corp := "ww3333333333333333"
		tenant := n.call(t, http.MethodPost, "/tenants", fmt.Sprintf(`{"name":"蓝湖科技","corpId":%q}`, corp)).text(t, "id")
		path := "/tenants/" + tenant + "/apps"
		secret := apptest.Secret("an-apps-life")
		n.weCom.AddApp(wecomtest.App{Corp: core.CorpID(corp), Agent: "1000002", Secret: secret, Domains: []string{crmHost}})

		before := rowCounts(t, n.db)
		refused := n.call(t, http.MethodPost, path, fmt.Sprintf(`{"name":"侧边栏","agentId":"1000002","secret":%q}`, apptest.Secret("wrong")))
		require.Equal(t, http.StatusUnprocessableEntity, refused.status, string(refused.body))
		require.Equal(t, "secret.refused", refused.text(t, "code"))
		upstream, ok := refused.json(t)["upstream"].(map[string]any)
		require.True(t, ok, string(refused.body))
		require.InDelta(t, 40001, upstream["errcode"], 0)
		after := rowCounts(t, n.db)
		for _, counted := range []string{"signet.calls", "signet.refused_calls"} {
			delete(before, counted)
			delete(after, counted)
		}
		require.Equal(t, before, after, "nothing is stored")

		created := n.call(t, http.MethodPost, path, fmt.Sprintf(`{"name":"侧边栏","agentId":"1000002","secret":%q}`, secret))
		require.Equal(t, http.StatusCreated, created.status, string(created.body))
		app := created.json(t)
		require.Regexp(t, `^app_`, app["key"])
		require.Equal(t, corp, app["corpId"])
		require.Equal(t, "1000002", app["agentId"])
		require.Equal(t, "active", app["status"])
		require.Equal(t, false, app["allowHttp"])
		require.Equal(t, false, app["strict"])
		version, ok := app["secret"].(map[string]any)
		require.True(t, ok)
		require.InDelta(t, 1, version["version"], 0)
		require.Equal(t, "current", version["state"])
		require.NotEmpty(t, version["fingerprint"])
		require.NotEmpty(t, version["checkedAt"])
		require.NotContains(t, version, "problem")
		require.NotContains(t, string(created.body), secret)
		require.NotContains(t, string(created.body), secret[len(secret)-6:])
		require.Equal(t, http.StatusConflict, n.call(t, http.MethodPost, path, fmt.Sprintf(`{"name":"again","agentId":"1000002","secret":%q}`, secret)).status)

		one := path + "/" + created.text(t, "id")
		domains := map[string]string{"crm.example.com": "crm.example.com", "crm.example.com:8443": "crm.example.com:8443",
			"*.pages.example.com": "*.pages.example.com", "例子.example.com": "xn--fsqu00a.example.com"}
		for entered, stored := range domains {
			added := n.call(t, http.MethodPost, one+"/domains", fmt.Sprintf(`{"host":%q}`, entered))
			require.Equal(t, http.StatusCreated, added.status, string(added.body))
			require.Equal(t, stored, added.text(t, "host"))
			require.NotEmpty(t, added.text(t, "id"))
			require.NotEmpty(t, added.text(t, "unicode"))
		}
		listed := n.call(t, http.MethodGet, one+"/domains", "")
		items, ok := listed.json(t)["items"].([]any)
		require.True(t, ok)
		require.Len(t, items, len(domains))
		first, ok := items[0].(map[string]any)
		require.True(t, ok)
		require.Equal(t, http.StatusNoContent, n.call(t, http.MethodDelete, one+"/domains/"+fmt.Sprint(first["id"]), "").status)

		same := n.call(t, http.MethodPost, one+"/secrets", fmt.Sprintf(`{"secret":%q}`, secret))
		require.Equal(t, http.StatusConflict, same.status, "it is there already: %s", same.body)
		secret = apptest.Secret("next")
		n.weCom.ResetSecret(core.CorpID(created.text(t, "corpId")), core.AgentID(created.text(t, "agentId")), secret)
		rotated := n.call(t, http.MethodPost, one+"/secrets", fmt.Sprintf(`{"secret":%q}`, secret))
		require.Equal(t, http.StatusCreated, rotated.status, string(rotated.body))
		require.InDelta(t, 2, rotated.json(t)["version"], 0)
		secrets := string(n.call(t, http.MethodGet, one+"/secrets", "").body)
		require.Contains(t, secrets, `"previous"`)
		require.NotContains(t, secrets, secret)

		etag := n.call(t, http.MethodGet, one, "").header.Get("ETag")
		changed := n.call(t, http.MethodPatch, one, `{"allowHttp":true,"strict":true,"status":"suspended"}`, "If-Match", etag)
		require.Equal(t, http.StatusOK, changed.status, string(changed.body))
		require.Equal(t, true, changed.json(t)["allowHttp"])
		require.Equal(t, true, changed.json(t)["strict"])
		n.awaitCode(t, created.text(t, "key"), crmPage, "app.suspended")
		require.Equal(t, http.StatusNoContent, n.call(t, http.MethodDelete, one, "").status)
		n.awaitCode(t, created.text(t, "key"), crmPage, "app.unknown")
	})

	t.Run("WeCom away", func(t *testing.T) {
		t.Parallel()
		corp := "ww4444444444444444"
		tenant := n.call(t, http.MethodPost, "/tenants", fmt.Sprintf(`{"name":"甲","corpId":%q}`, corp)).text(t, "id")
		path := "/tenants/" + tenant + "/apps"
		n.weCom.Inject(wecomtest.Fault{Corp: core.CorpID(corp), Status: 502})
		body := fmt.Sprintf(`{"name":"侧边栏","agentId":"1000002","secret":%q}`, apptest.Secret("away"))
		away := n.call(t, http.MethodPost, path, body)
		require.Equal(t, http.StatusServiceUnavailable, away.status, string(away.body))
		require.NotEmpty(t, away.header.Get("Retry-After"))
		skipped := n.call(t, http.MethodPost, path+"?check=skip", body)
		require.Equal(t, http.StatusCreated, skipped.status, string(skipped.body))
		version, ok := skipped.json(t)["secret"].(map[string]any)
		require.True(t, ok)
		require.Nil(t, version["checkedAt"], "it says that it was not tried")
	})

	t.Run("the document", func(t *testing.T) {
		t.Parallel()
		a := do(t, http.MethodGet, n.console()+"/openapi.json", nil)
		require.Equal(t, http.StatusOK, a.status)
		require.Regexp(t, `^3\.1`, a.text(t, "openapi"))
	})
}
