package app_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/wecom/wecomtest"
)

// publicRequest names an app and a page on a route of the public listener.
func publicRequest(name, key, page string) request {
	method, path, _ := strings.Cut(name, " ")
	if method == http.MethodPost {
		return request{method: method, target: path, body: fmt.Sprintf(`{"app":%q,"url":%q}`, key, page), headers: []string{"Content-Type", "application/json"}}
	}
	return request{method: method, target: path + "?app=" + url.QueryEscape(key) + "&url=" + url.QueryEscape(page)}
}

// TestPublicRoutesTellAppsThatAreGoneFromNone goes through the rows of the public
// listener. An app's key is public, so another tenant's may be named by anybody: it gets
// nothing for a page of the caller's own, and is told what it knew.
func TestPublicRoutesTellAppsThatAreGoneFromNone(t *testing.T) {
	t.Parallel()
	w := newWalls(t, startNode(t, wecomtest.Config{}))
	ask := func(r request) reply { return w.ask(t, w.server.PublicAddr(), noSession, r) }
	ownPage, foreignPage := "https://"+w.own.host+"/", "https://"+w.foreign.host+"/"
	w.awaitCode(t, w.destroyed.key, ownPage, "app.unknown")
	w.awaitCode(t, w.own.goneKey, ownPage, "app.unknown")
	w.await(t, func() bool {
		return ask(publicRequest("POST /v1/signatures", w.foreign.key, foreignPage)).status != http.StatusNotFound
	})
	cells, denied := 0, 0
	before := w.db.Contents(t)
	for name, r := range publicRoutes {
		if r.done == http.StatusNoContent {
			for _, key := range []string{w.own.key, w.foreign.key, w.own.goneKey, stranger()["app"], "nonsense"} {
				require.Equal(t, r.done, ask(publicRequest(name, key, ownPage)).status, "%s: a preflight is answered whatever will be asked", name)
			}
			continue
		}
		none := ask(publicRequest(name, stranger()["app"], ownPage))
		require.Contains(t, none.body, "app.unknown", name)
		for what, key := range map[string]string{
			"deleted": w.own.goneKey, "deleted, of another tenant": w.foreign.goneKey, "of a tenant that was destroyed": w.destroyed.key,
			"in upper case": strings.ToUpper(w.own.key), "without its mark": strings.TrimPrefix(w.own.key, "app_"), "longer": w.own.key + "a", "shorter": w.own.key[:len(w.own.key)-1],
			"with a blank": w.own.key + " ", "an id": w.own.own["appId"], "a tenant's id": w.own.own["tenantId"], "overlong": strings.Repeat("a", 2000), "a quote": "'",
		} {
			cells++
			got := ask(publicRequest(name, key, ownPage))
			require.Equal(t, none.without(""), got.without(key), "%s %s", name, what)
			denied++
		}
		for what, at := range map[string][2]string{"another's app, one's own page": {w.foreign.key, ownPage}, "one's own app, another's page": {w.own.key, foreignPage}} {
			cells++
			got := ask(publicRequest(name, at[0], at[1]))
			require.Equal(t, http.StatusForbidden, got.status, "%s %s: %s", name, what, got.body)
			require.Contains(t, got.body, "url.untrusted", name)
			host := strings.Trim(strings.TrimPrefix(at[1], "https:"), "/")
			require.Empty(t, slices.DeleteFunc(append(w.own.marksIn(got.text), w.foreign.marksIn(got.text)...), func(mark string) bool { return mark == host }), "%s %s: only the page's host is told again", name, what)
			denied++
		}
	}
	require.Equal(t, before, w.db.Contents(t))
	require.Equal(t, cells, denied)
	t.Logf("routes: %d, cells: %d, denied: %d", len(slices.Collect(maps.Keys(publicRoutes))), cells, denied)
}
