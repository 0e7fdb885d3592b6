package consoleapi

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABrowserThatComesBackFromWeComIsSentToTheConsoleAndNowhereElse(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		cookie, query string
		to            string
		sets          map[string]string // by the name of the cookie, how it begins
	}{
		"signed in": {goodBrowser, "?code=good&state=a", "/",
			map[string]string{refreshCookie: goodRefresh + ";", weComCookie: ";"}},
		"a second factor":        {goodBrowser, "?code=factor&state=a", "/#second_factor", map[string]string{weComCookie: "nextbrowser;"}},
		"bound":                  {goodBrowser, "?code=bind&state=a", "/#wecom=bound", map[string]string{weComCookie: ";"}},
		"refused at WeCom":       {goodBrowser, "?state=a", "/#error=wecom.cancelled", map[string]string{weComCookie: ";"}},
		"another browser":        {"x", "?code=good&state=a", "/#error=ceremony.over", map[string]string{weComCookie: ";"}},
		"a huge cookie":          {strings.Repeat("a", 65), "?code=good&state=a", "/#error=ceremony.over", map[string]string{weComCookie: ";"}},
		"an address to go on to": {goodBrowser, "?code=bind&state=a&redirect_uri=https://evil.example.net&to=//evil.example.net", "/#wecom=bound", map[string]string{weComCookie: ";"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			a := b.ask(t, "GET", apiPath+"/session/wecom/return"+row.query, "", "Cookie", weComCookie+"="+row.cookie, "Host", "evil.example.net", "Sec-Fetch-Site", "cross-site")
			require.Equal(t, 303, a.StatusCode, "%s", a.Text)
			require.Equal(t, "https://console.example.com"+row.to, a.Header.Get("Location"))
			require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
			require.Empty(t, a.Text)
			set := a.Header.Values("Set-Cookie")
			require.Len(t, set, len(row.sets), "%s", set)
			for _, text := range set {
				cookie, rest, _ := strings.Cut(text, "=")
				require.True(t, strings.HasPrefix(rest, row.sets[cookie]), text)
				require.Contains(t, text, "; HttpOnly; Secure; SameSite="+map[string]string{refreshCookie: "Strict", weComCookie: "Lax"}[cookie])
				require.Contains(t, text, "Path=/;")
			}
			require.NotContains(t, b.log.String(), "code=good")
		})
	}
}

func TestTheCookieOfARoundOutlivesItNot(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.ask(t, "POST", apiPath+"/session/wecom", `{"app":"app_examplekeyexamplekeyexampa"}`, "Content-Type", "application/json")
	require.Equal(t, 200, a.StatusCode, "%s", a.Text)
	require.Equal(t, weComCookie+"="+goodBrowser+"; Path=/; Max-Age=300; HttpOnly; Secure; SameSite=Lax", a.Header.Get("Set-Cookie"))
	require.NotContains(t, string(a.Text), goodBrowser)
	b.ask(t, "POST", apiPath+"/session/wecom/second-factor", "", "Cookie", weComCookie+"="+goodBrowser).requireProblem(t, 403, "request.foreign_origin")
}

func TestWeComIsAWayInForWhoNamesItsApp(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for query, want := range map[string]string{
		"":                                    `{"password":true,"passkey":true,"mail":true,"oidc":{"name":"公司账号"}}`,
		"?app=app_another":                    `{"password":true,"passkey":true,"mail":true,"oidc":{"name":"公司账号"}}`,
		"?app=app_examplekeyexamplekeyexampa": `{"password":true,"passkey":true,"mail":true,"oidc":{"name":"公司账号"},"wecom":{"app":"app_examplekeyexamplekeyexampa"}}`,
	} {
		a := b.ask(t, "GET", apiPath+"/session/ways"+query, "")
		require.Equal(t, 200, a.StatusCode)
		require.JSONEq(t, want, string(a.Text), "%s", query)
	}
}
