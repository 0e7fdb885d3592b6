package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

const (
	insisting  = "max-age=31536000; includeSubDomains"
	nothing    = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	ownFiles   = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	requestIDs = "X-Request-Id"
)

// onEveryAnswer are the headers that each listener's answers have, whatever is answered.
// An empty value is a header that stands in none of them.
var onEveryAnswer = func() map[string]map[string]string {
	all := map[string]string{
		"Content-Security-Policy": nothing, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"Server": "", "X-Powered-By": "", "Via": "", "Access-Control-Allow-Credentials": "", "Refresh": "",
	}
	with := func(own map[string]string) map[string]string {
		both := maps.Clone(all)
		maps.Copy(both, own)
		return both
	}
	return map[string]map[string]string{
		"public": with(map[string]string{"Vary": "Origin", "Strict-Transport-Security": insisting, "Set-Cookie": ""}),
		"console": with(map[string]string{
			"Strict-Transport-Security": insisting, "X-Frame-Options": "DENY", "Access-Control-Allow-Origin": "",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			"Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
		}),
		"metrics": with(map[string]string{"Access-Control-Allow-Origin": "", "Set-Cookie": ""}),
	}
}()

// requireHeaders holds an answer of a listener to its headers, but for those that differ.
func requireHeaders(t *testing.T, listener, where string, a answer, differing ...string) {
	t.Helper()
	want := maps.Clone(onEveryAnswer[listener])
	for i := 0; i < len(differing); i += 2 {
		want[differing[i]] = differing[i+1]
	}
	for name, value := range want {
		if name == "Vary" { // more may be said after it
			require.Equal(t, value, a.header.Values(name)[0], where)
			continue
		}
		require.Equal(t, value, strings.Join(a.header.Values(name), "; then "), "%s, %s: %s", listener, where, name)
	}
	require.NotEmpty(t, a.header.Get(requestIDs), where)
	if a.status >= 300 && a.status < 400 {
		require.Equal(t, "https://console.test.example/", strings.SplitAfter(a.header.Get("Location"), ".example/")[0], where)
	} else {
		require.Empty(t, a.header.Get("Location"), where)
	}
	if len(a.body) > 0 {
		kind := a.header.Get("Content-Type")
		isText := strings.HasPrefix(kind, "text/") && strings.Contains(strings.ToLower(kind), "charset=utf-8")
		require.True(t, isText || kind == "application/json" || kind == "application/problem+json" || kind == "image/svg+xml" || kind == "application/jsonl", "%s, %s: %q", listener, where, kind)
	}
}

// secureNode is a node that the outside reaches by https.
func secureNode(t *testing.T) *node {
	t.Helper()
	n := startNodeWith(t, func(n *node) {
		n.cfg.PublicURL, n.cfg.ConsoleURL = "https://sign.test.example", "https://console.test.example"
	})
	n.signIn(t)
	return n
}

// filled is the path of a route with an id that nobody has in each of its places.
func filled(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ":") {
			parts[i] = stranger()["appId"]
		}
	}
	return strings.Join(parts, "/")
}

// TestEveryAnswerHasItsHeaders asks every route of a node that is reached by https, as
// nobody and as the platform's owner, and what is no route, and what is no request.
func TestEveryAnswerHasItsHeaders(t *testing.T) {
	t.Parallel()
	n := secureNode(t)
	public, console := n.server.Routes()
	asked := 0
	ask := func(listener, at, method, target string, headers ...string) answer {
		asked++
		a := do(t, method, "http://"+at+target, nil, headers...)
		where := fmt.Sprintf("%s %s: %d", method, target, a.status)
		requireHeaders(t, listener, where, a)
		return a
	}
	statuses := map[int]bool{}
	for _, name := range public {
		method, path, _ := strings.Cut(name, " ")
		ask("public", n.server.PublicAddr(), method, path)
		ask("public", n.server.PublicAddr(), method, path, "Origin", "https://evil.example.net")
	}
	for _, name := range slices.DeleteFunc(console, func(name string) bool { return name == "DELETE /api/v1/session" }) {
		method, path, _ := strings.Cut(name, " ")
		statuses[ask("console", n.server.ConsoleAddr(), method, filled(path)).status] = true
		statuses[ask("console", n.server.ConsoleAddr(), method, filled(path), "Authorization", "Bearer "+n.token).status] = true
	}
	for _, want := range []int{http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound} {
		require.True(t, statuses[want], "no route answered %d", want)
	}
	for listener, at := range map[string]string{"public": n.server.PublicAddr(), "console": n.server.ConsoleAddr(), "metrics": n.server.MetricsAddr()} {
		ask(listener, at, http.MethodGet, "/api/v1/nothing")
		ask(listener, at, http.MethodTrace, "/api/v1/nothing")
		ask(listener, at, "PROPFIND", "/api/v1/tenants")
		ask(listener, at, http.MethodGet, "/api/v1/tenants?"+strings.Repeat("a", 20<<10))
		for _, raw := range []string{"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\r\n\r\n"} {
			requireHeaders(t, listener, "what is no request", answersTo(t, at, raw)[0])
		}
	}
	for _, path := range []string{"/livez", "/readyz", "/metrics"} {
		ask("metrics", n.server.MetricsAddr(), http.MethodGet, path)
	}
	for _, path := range []string{"/", "/index.html", "/intake", "/tenants/7"} {
		a := do(t, http.MethodGet, "http://"+n.server.ConsoleAddr()+path, nil)
		requireHeaders(t, "console", path, a, "Content-Security-Policy", ownFiles, "Cache-Control", "no-cache")
		require.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"), path)
	}
	t.Logf("answers: %d", asked)
	require.Greater(t, asked, 2*len(consoleRoutes))
}

// TestTheCookiesOfANodeAreItsOwn looks at the cookies of a sign-in: no other host, no
// script and no other site gets hold of them.
func TestTheCookiesOfANodeAreItsOwn(t *testing.T) {
	t.Parallel()
	n := secureNode(t)
	a := n.call(t, http.MethodPost, "/session", fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, ownerPassword))
	require.Equal(t, http.StatusOK, a.status)
	cookies := (&http.Response{Header: a.header}).Cookies()
	require.Len(t, cookies, 2)
	for _, c := range cookies {
		require.True(t, strings.HasPrefix(c.Name, "__Host-signet_"), c.Name)
		require.True(t, c.Secure && c.HttpOnly && c.Path == "/" && c.Domain == "", c.Raw)
		require.Equal(t, http.SameSiteStrictMode, c.SameSite, c.Raw)
		require.Less(t, len(c.Raw), 4096)
		require.NotContains(t, string(a.body), c.Value, "scripts do not see it")
	}
}

// TestASignInEndsTheSessionThatTheBrowserWasIn signs in twice in one browser: of the
// first session nothing is left, and a sign-in that is refused ends none.
func TestASignInEndsTheSessionThatTheBrowserWasIn(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	token := n.token
	n.token = ""
	enter := func(password, cookie string) (a answer, refresh string) {
		a = n.call(t, http.MethodPost, "/session", fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, password), "Cookie", "__Host-signet_refresh="+cookie, "Origin", n.cfg.ConsoleURL)
		for _, c := range (&http.Response{Header: a.header}).Cookies() {
			if c.Name == "__Host-signet_refresh" {
				refresh = c.Value
			}
		}
		return a, refresh
	}
	lives := func(a answer) int {
		return do(t, http.MethodGet, n.console()+"/session", nil, "Authorization", "Bearer "+a.text(t, "accessToken")).status
	}
	first, cookie := enter(ownerPassword, "")
	refused, _ := enter("not the password of the owner", cookie)
	require.Equal(t, http.StatusUnauthorized, refused.status)
	require.Equal(t, http.StatusOK, lives(first))

	second, next := enter(ownerPassword, cookie)
	require.Equal(t, http.StatusUnauthorized, lives(first))
	require.Equal(t, http.StatusUnauthorized, n.call(t, http.MethodPost, "/session/refresh", "", "Cookie", "__Host-signet_refresh="+cookie, "Origin", n.cfg.ConsoleURL).status)
	require.Equal(t, http.StatusOK, lives(second))

	again := n.call(t, http.MethodPost, "/session/refresh", "", "Cookie", "__Host-signet_refresh="+next, "Origin", n.cfg.ConsoleURL)
	require.Equal(t, http.StatusOK, again.status, "a refresh ends nothing")
	require.Equal(t, http.StatusOK, lives(second))
	require.Equal(t, http.StatusOK, do(t, http.MethodGet, n.console()+"/session", nil, "Authorization", "Bearer "+token).status, "another browser's session")
}

// TestWhoIsRefusedIsInTheLog tries what a viewer may not do, and what nobody may without
// a session: the line of the log says what was tried, when, by whom and from where.
func TestWhoIsRefusedIsInTheLog(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	w := newWalls(t, n)
	tenant, viewer := w.own.own["tenantId"], w.people.of[core.TenantViewer]
	lineOf := func(id string) (line map[string]any) {
		n.await(t, func() bool {
			for text := range strings.Lines(n.logs.String()) {
				var members map[string]any
				require.NoError(t, json.Unmarshal([]byte(text), &members), text)
				if members["request_id"] == id && members["msg"] == "request" {
					line = members
				}
			}
			return line != nil
		})
		return line
	}
	token := n.token
	n.token = viewer.token
	refused := n.call(t, http.MethodDelete, "/tenants/"+tenant, "", "X-Request-Id", "a-viewer-who-deletes", "If-Match", "*")
	require.Equal(t, http.StatusForbidden, refused.status, string(refused.body))
	line := lineOf("a-viewer-who-deletes")
	require.Equal(t, "permission.denied", line["code"])
	require.Equal(t, "DeleteTenant", line["operation"])
	require.Equal(t, tenant, line["tenant_id"])
	require.NotEmpty(t, line["member_id"])
	require.Equal(t, "127.0.0.1", line["client"])
	at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(line["time"]))
	require.NoError(t, err, "a time with its offset")
	require.WithinDuration(t, time.Now(), at, time.Minute)

	n.token = "x"
	require.Equal(t, http.StatusUnauthorized, n.call(t, http.MethodGet, "/tenants/"+tenant, "", "X-Request-Id", "somebody-at-the-door").status)
	require.Equal(t, "session.required", lineOf("somebody-at-the-door")["code"])
	n.token = token
	a := n.call(t, http.MethodPost, "/session", `{"email":"`+ownerEmail+`","password":"not the password of anybody"}`, "X-Request-Id", "somebody-who-guesses")
	require.Equal(t, http.StatusUnauthorized, a.status)
	require.Equal(t, "session.refused", lineOf("somebody-who-guesses")["code"])
}

// TestANodeThatWaitsHasTheSameHeaders asks a node that has no database yet.
func TestANodeThatWaitsHasTheSameHeaders(t *testing.T) {
	t.Parallel()
	n := newNode(t, wecomtest.Config{})
	n.cfg.PublicURL, n.cfg.ConsoleURL = "https://sign.test.example", "https://console.test.example"
	nobody := core.NewSecret("postgres://signet_app@127.0.0.1:1/signet?sslmode=disable")
	n.cfg.DatabaseURL, n.cfg.SystemDatabaseURL = nobody, nobody
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ctx, n.cfg, n.log) }()
	defer func() {
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
	}()
	var at []string
	n.await(t, func() bool { at = waitsAt.FindStringSubmatch(n.logs.String()); return at != nil })
	for i, listener := range []string{"public", "console", "metrics"} {
		for _, path := range []string{"/", "/v1/signatures?app=" + stranger()["app"] + "&url=" + url.QueryEscape(crmPage), "/api/v1/tenants", "/readyz"} {
			requireHeaders(t, listener, path, do(t, http.MethodGet, "http://"+at[i+1]+path, nil))
		}
	}
}

// methodsAt lists the methods of those routes whose patterns fit a path.
func methodsAt(routes []string, path string) (methods []string) {
	for _, name := range routes {
		method, pattern, _ := strings.Cut(name, " ")
		wanted, parts := strings.Split(pattern, "/"), strings.Split(path, "/")
		if slices.EqualFunc(wanted, parts, func(a, b string) bool { return a == b || strings.HasPrefix(a, ":") }) {
			methods = append(methods, method)
		}
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// TestARouteTakesItsMethodsAndNoOther tries every method on every path of both listeners:
// those that a path does not list are refused, with the list, and nothing that was sent
// comes back.
func TestARouteTakesItsMethodsAndNoOther(t *testing.T) {
	t.Parallel()
	n := secureNode(t)
	public, console := n.server.Routes()
	methods := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace,
		"PROPFIND", "TRACK", "DEBUG", "LINK", "get",
	}
	tried := 0
	for at, routes := range map[string][]string{n.server.PublicAddr(): public, n.server.ConsoleAddr(): console} {
		paths := map[string]bool{}
		for _, name := range routes {
			_, path, _ := strings.Cut(name, " ")
			paths[path] = true
		}
		for path := range paths {
			known := methodsAt(routes, filled(path))
			for _, method := range methods {
				if slices.Contains(known, method) {
					continue
				}
				a := do(t, method, "http://"+at+filled(path), strings.NewReader("CANARY"), "X-Canary", "CANARY")
				where := fmt.Sprintf("%s %s: %d %s", method, path, a.status, a.body)
				require.Equal(t, http.StatusMethodNotAllowed, a.status, where)
				allowed := strings.Split(a.header.Get("Allow"), ", ")
				slices.Sort(allowed)
				require.Equal(t, known, allowed, where)
				require.NotContains(t, string(a.body), "CANARY", where)
				tried++
			}
		}
	}
	t.Logf("tried: %d", tried)
	require.Greater(t, tried, len(consoleRoutes))
}
