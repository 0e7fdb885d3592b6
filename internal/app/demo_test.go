package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/devdb"
)

const (
	firstDemo  = "蓝湖科技（演示）"
	secondDemo = "北辰物流（演示）"
)

func (d *runningDev) tenant(i int) string {
	return d.console + "/tenants/" + d.notes.Tenants[i].TenantID
}

func (d *runningDev) app(i int) string {
	return d.tenant(i) + "/apps/" + d.notes.Tenants[i].AppID
}

// reset gives a demo app another secret in the fake WeCom, as somebody with its
// console would.
func (d *runningDev) reset(t *testing.T, i int, secret string) {
	t.Helper()
	demo := d.notes.Tenants[i]
	d.must(t, http.MethodPost, d.weCom+"/apps", map[string]any{
		"corp": demo.CorpID, "agent": demo.AgentID, "name": "app", "secret": secret, "domains": []string{"crm.example.com"}, "reset": true,
	})
}

func TestDevStartsAfterADemoTenantWasSuspendedRejectedOrDeletedAndSaysSo(t *testing.T) {
	t.Parallel()
	dir := devDir(t)
	d := startDev(t, dir, false)
	d.must(t, http.MethodPatch, d.app(0), map[string]any{"status": "suspended"})
	// Of the second no ticket was ever fetched, so its secret is needed for the first.
	d.reset(t, 1, madeUpSecret("b"))
	d.must(t, http.MethodPost, d.app(1)+"/domains", map[string]any{"host": "crm.example.com"})
	d.stop()

	d = startDev(t, dir, false)
	require.Contains(t, d.line(t, firstDemo), "does not sign: This app is suspended and signs nothing. An administrator of the tenant can resume it in the console.")
	require.Contains(t, d.line(t, secondDemo), "does not sign: WeCom rejects this app's secret.")
	require.Contains(t, d.line(t, secondDemo), "rotate it in the console")
	require.LessOrEqual(t, strings.Count(d.printed, "level=WARN"), 2, "a rejected secret is asked about once:\n%s", d.printed)
	require.Contains(t, d.printed, "once what is said above is mended:\n\n  curl -sG ")
	require.Contains(t, d.printed, d.key(t, firstDemo)+" --data-urlencode")
	d.must(t, http.MethodPatch, d.app(0), map[string]any{"status": "active"})
	d.must(t, http.MethodPatch, d.tenant(0), map[string]any{"status": "suspended", "name": "蓝湖"})
	d.must(t, http.MethodDelete, d.app(1), nil)
	d.stop()

	d = startDev(t, dir, false)
	require.Contains(t, d.line(t, "蓝湖"), "does not sign: This tenant is suspended and signs nothing. The platform's operator can resume it.")
	require.Contains(t, d.line(t, secondDemo), "has lost its app, which was deleted; `signet dev --fresh` begins anew")
	d.must(t, http.MethodPatch, d.tenant(0), map[string]any{"status": "active"})
	d.must(t, http.MethodDelete, d.tenant(1)+"?now=true", nil)
	d.stop()

	d = startDev(t, dir, false)
	require.Contains(t, d.line(t, "蓝湖"), "signs pages on crm.example.com")
	require.Contains(t, d.line(t, secondDemo), "was deleted; `signet dev --fresh` begins anew")
	tenants, _ := d.must(t, http.MethodGet, d.console+"/tenants", nil)["items"].([]any)
	require.Len(t, tenants, 1, "and does not come back")
	d.must(t, http.MethodDelete, d.tenant(0), nil)
	d.stop()

	d = startDev(t, dir, false)
	require.Contains(t, d.line(t, "蓝湖"), "does not sign: This tenant is suspended", "it is only leaving")
	d.must(t, http.MethodDelete, d.tenant(0)+"?now=true", nil)
	d.stop()

	d = startDev(t, dir, false)
	require.NotContains(t, d.printed, "curl")
}

func TestDevKeepsWhatItsFakeWeComWasTold(t *testing.T) {
	t.Parallel()
	dir := devDir(t)
	d := startDev(t, dir, false)
	const corp = "ww2222222222222222"
	d.must(t, http.MethodPost, d.weCom+"/apps", map[string]any{"corp": corp, "agent": "1000007", "name": "app", "secret": madeUpSecret("c")})
	tenant := d.must(t, http.MethodPost, d.console+"/tenants", map[string]any{"name": "自建企业", "corpId": corp})
	own := fmt.Sprintf("/tenants/%s/apps", tenant["id"])
	app := d.must(t, http.MethodPost, d.console+own, map[string]any{"name": "侧边栏", "agentId": "1000007", "secret": madeUpSecret("c")})
	own = fmt.Sprintf("%s/%s/secrets", own, app["id"])
	d.reset(t, 0, madeUpSecret("d"))
	d.must(t, http.MethodPost, d.app(0)+"/secrets", map[string]any{"secret": madeUpSecret("d")})
	d.stop()

	// A secret that is put in place, or tried again, is tried at the fake WeCom first.
	d = startDev(t, dir, false)
	d.must(t, http.MethodPost, d.console+own+"/1/try", nil)
	status, refusal := d.ask(t, http.MethodPost, d.app(0)+"/secrets/1/activate", nil)
	require.Equal(t, http.StatusUnprocessableEntity, status, "the secret of before the reset is dead: %v", refusal)
	d.must(t, http.MethodPost, d.app(0)+"/secrets/2/try", nil)
	require.Contains(t, d.line(t, firstDemo), "signs pages on")
}

func TestDevKnowsItsDemoTenantsAmongManyAndByOldNotesToo(t *testing.T) {
	t.Parallel()
	dir := devDir(t)
	d := startDev(t, dir, false)
	first, second := d.line(t, firstDemo), d.line(t, secondDemo)
	for i := range 200 {
		d.must(t, http.MethodPost, d.console+"/tenants", map[string]any{"name": "企业", "corpId": fmt.Sprintf("ww%016d", i)})
	}
	d.must(t, http.MethodPost, d.console+"/tenants", map[string]any{"name": "同一企业", "corpId": d.notes.Tenants[0].CorpID})
	d.stop()

	again := func(how string) {
		d = startDev(t, dir, false)
		require.Equal(t, first, d.line(t, firstDemo), how)
		require.Equal(t, second, d.line(t, secondDemo), how)
		page := d.must(t, http.MethodGet, d.console+"/tenants?limit=200", nil)
		rest := d.must(t, http.MethodGet, fmt.Sprintf("%s/tenants?limit=200&cursor=%s", d.console, page["nextCursor"]), nil)
		items, _ := rest["items"].([]any)
		require.Len(t, items, 3, "%s: nothing was made anew", how)
		d.stop()
	}
	again("by the ids of the notes")

	path := filepath.Join(dir, "dev.json")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var old map[string]any
	require.NoError(t, json.Unmarshal(content, &old))
	demos, _ := old["tenants"].([]any)
	for _, demo := range demos {
		note, _ := demo.(map[string]any)
		delete(note, "tenantId")
		delete(note, "appId")
	}
	content, err = json.Marshal(old)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	again("by notes without ids")
	require.NotEmpty(t, readDevNotes(t, dir).Tenants[1].AppID, "which are there now")
}

func TestDevMakesItsDemoTenantsInADatabaseThatIsNew(t *testing.T) {
	t.Parallel()
	dir := devDir(t)
	d := startDev(t, dir, false)
	former := d.notes.Tenants[0].TenantID
	d.stop()
	// As after a new container was put round the old folder.
	require.NoError(t, devdb.Drop(t.Context(), filepath.Join(dir, "postgres")))

	d = startDev(t, dir, false)
	require.Contains(t, d.line(t, firstDemo), "signs pages on crm.example.com")
	require.NotEqual(t, former, d.notes.Tenants[0].TenantID)
}
