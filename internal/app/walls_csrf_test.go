package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

// foreignPages are requests as pages of other sites make a browser send them, and as
// programs would that leave out what browsers say.
var foreignPages = map[string][]string{
	"a foreign origin":                  {"Origin", "https://evil.example.net"},
	"the public listener's origin":      {"Origin", "http://localhost:8880"},
	"an origin that is not told":        {"Origin", "null"},
	"an origin that begins like ours":   {"Origin", "http://localhost:8881.evil.example.net"},
	"a page of another site":            {"Sec-Fetch-Site", "cross-site"},
	"a page of the same site":           {"Sec-Fetch-Site", "same-site"},
	"no page, with a foreign origin":    {"Sec-Fetch-Site", "same-origin", "Origin", "https://evil.example.net"},
	"another site, with our own origin": {"Sec-Fetch-Site", "cross-site", "Origin", "http://localhost:8881"},
}

// formBodies are what a form can send without asking first.
var formBodies = map[string]string{
	"application/x-www-form-urlencoded": "name=a&corpId=wwabcdefgh&host=evil.example.net&secret=a&tenantId=a&appId=a&status=active",
	"multipart/form-data; boundary=b":   "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\na\r\n--b--\r\n",
	"text/plain":                        `{"name":"a"}`,
	"text/plain; charset=utf-8":         `{"host":"evil.example.net"}`,
	"":                                  `{"host":"evil.example.net"}`,
}

// TestNoOtherSiteCanChangeAnything tries every route that changes something as a page of
// another site could: with what a browser adds by itself, the cookie, and then with an
// access token as well, which no browser adds.
func TestNoOtherSiteCanChangeAnything(t *testing.T) {
	t.Parallel()
	skipUnderRace(t)
	w := newWalls(t, startNode(t, wecomtest.Config{}))
	cookie := "__Host-signet_refresh=" + newCookie(t, w.node)
	before, cells := w.db.Contents(t), 0
	refuse := func(what string, role core.Role, r request, headers ...string) reply {
		a := w.ask(t, w.server.ConsoleAddr(), role, r, headers...)
		require.GreaterOrEqual(t, a.status, 400, "%s %s: %s: %s", r.method, r.target, what, a.body)
		require.Less(t, a.status, 500, "%s %s: %s: %s", r.method, r.target, what, a.body)
		require.NotContains(t, a.text, "Access-Control-Allow", "%s %s", r.method, r.target)
		cells++
		return a
	}
	for name, r := range consoleRoutes {
		if !r.write {
			continue
		}
		own := w.mine(core.PlatformOwner).own.over(w.own.own).with("host", "new.example.com")
		made := r.request(name, own, w.own, "")
		made.headers = []string{"Content-Type", "application/json", "If-Match", "*"}
		for what, page := range foreignPages {
			for _, role := range []core.Role{noSession, core.PlatformOwner} {
				a := refuse(what, role, made, append(page, "Cookie", cookie)...)
				if role == core.PlatformOwner || r.needs == nobodys {
					require.Equal(t, "request.foreign_origin", a.code(), "%s: %s: %s", name, what, a.body)
				}
			}
		}
		for kind, text := range formBodies {
			if r.needs == nobodys && r.body == nil && r.with == nil {
				break // it is a question that brings nothing, and whoever asks gets an answer for themselves
			}
			form := made
			form.body, form.headers = text, []string{"Cookie", cookie, "If-Match", "*"}
			if kind != "" {
				form.headers = append(form.headers, "Content-Type", kind)
			}
			refuse("a form of "+kind, noSession, form)
			refuse("a form of "+kind, noSession, form, "Origin", "https://evil.example.net", "Sec-Fetch-Site", "cross-site")
			if r.body != nil {
				a := refuse("a form with a token", core.PlatformOwner, form, "Sec-Fetch-Site", "same-origin")
				require.Equal(t, "request.not_json", a.code(), "%s: %s", name, kind)
			}
		}
		if r.with != nil {
			refuse("a cookie, and nobody says from where", noSession, made, "Cookie", cookie)
		}
		// The method is the request's own.
		for _, header := range []string{"X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"} {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodTrace, "PROPFIND"} {
				if _, exists := ofHead(consoleRoutes)[method+name[strings.Index(name, " "):]]; exists {
					continue // TestATenantIsNamedByThePathAlone
				}
				disguised := made
				disguised.method = method
				a := refuse("another method in "+header, core.PlatformOwner, disguised, header, made.method)
				require.Contains(t, []string{"method.refused", "route.unknown"}, a.code(), "%s by %s", name, method)
			}
		}
		preflight := request{method: http.MethodOptions, target: made.target}
		refuse("a preflight", noSession, preflight, "Origin", "https://evil.example.net", "Access-Control-Request-Method", made.method, "Access-Control-Request-Headers", "authorization,content-type")
	}
	require.Equal(t, before, w.db.Contents(t), "nothing is changed")
	require.Empty(t, w.weCom.Calls())
	t.Logf("cells: %d", cells)
}
