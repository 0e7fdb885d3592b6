package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

// Whether an app is strict is said when it is made or later, shown wherever the
// app is, and stands in the audit.
func TestAnAppIsMadeStrictAndItsAuditTells(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	const corp = "ww3333333333333333"
	tenant := "/tenants/" + n.call(t, http.MethodPost, "/tenants", fmt.Sprintf(`{"name":"蓝湖科技","corpId":%q}`, corp)).text(t, "id")
	apps := tenant + "/apps"
	create := func(agent, more string) string {
		secret := apptest.Secret("strict" + agent)
		n.weCom.AddApp(wecomtest.App{Corp: corp, Agent: core.AgentID(agent), Secret: secret, Domains: []string{crmHost}})
		a := n.call(t, http.MethodPost, apps, fmt.Sprintf(`{"name":"侧边栏","agentId":%q,"secret":%q%s}`, agent, secret, more))
		require.Equal(t, http.StatusCreated, a.status, string(a.body))
		return a.text(t, "id")
	}
	requireStrict := func(app string, want bool) {
		t.Helper()
		require.Equal(t, want, n.call(t, http.MethodGet, apps+"/"+app, "").json(t)["strict"])
		listed, ok := n.call(t, http.MethodGet, apps, "").json(t)["items"].([]any)
		require.True(t, ok)
		for _, item := range listed {
			if one, ok := item.(map[string]any); ok && one["id"] == app {
				require.Equal(t, want, one["strict"])
				return
			}
		}
		t.Fatal("it is not listed")
	}
	// told gives what the audit's newest row says of it, and how many rows there are.
	told := func() (detail map[string]any, rows int) {
		items, ok := n.call(t, http.MethodGet, tenant+"/audit", "").json(t)["items"].([]any)
		require.True(t, ok)
		items = slices.DeleteFunc(items, func(row any) bool { return row.(map[string]any)["action"] == "audit.read" }) // our own reading
		newest, ok := items[0].(map[string]any)
		require.True(t, ok)
		detail, _ = newest["detail"].(map[string]any)
		return detail, len(items)
	}
	change := func(app, body string, status int) {
		t.Helper()
		etag := n.call(t, http.MethodGet, apps+"/"+app, "").header.Get("ETag")
		a := n.call(t, http.MethodPatch, apps+"/"+app, body, "If-Match", etag)
		require.Equal(t, status, a.status, string(a.body))
	}

	usual := create("1000002", "")
	requireStrict(usual, false)
	detail, _ := told()
	require.NotContains(t, detail, "strict")
	said := create("1000003", `,"strict":false`)
	requireStrict(said, false)
	detail, _ = told()
	require.NotContains(t, detail, "strict")
	strict := create("1000004", `,"strict":true`)
	requireStrict(strict, true)
	detail, _ = told()
	require.Equal(t, "true", detail["strict"])

	change(strict, `{"strict":false}`, http.StatusOK)
	requireStrict(strict, false)
	detail, rows := told()
	require.Equal(t, map[string]any{"strict.before": "true", "strict.after": "false"}, detail)
	change(strict, `{"strict":false}`, http.StatusOK)
	_, still := told()
	require.Equal(t, rows, still, "nothing has changed")
	change(strict, `{"strict":true,"name":"again"}`, http.StatusOK)
	requireStrict(strict, true)
	detail, _ = told()
	require.Equal(t, map[string]any{"strict.before": "false", "strict.after": "true", "name.before": "侧边栏", "name.after": "again"}, detail)
	change(strict, `{"name":"once more"}`, http.StatusOK)
	requireStrict(strict, true)
	change(strict, `{"strict":"yes"}`, http.StatusBadRequest)
	change(strict, `{}`, http.StatusBadRequest)
	requireStrict(usual, false)
}
