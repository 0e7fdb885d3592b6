package consoleapi

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheWayToTheProviderIsBoundToABrowser(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	left := b.ask(t, "POST", apiPath+"/session/oidc", "", "Sec-Fetch-Site", "same-origin")
	require.Equal(t, 200, left.StatusCode, "%s", left.Text)
	require.NotContains(t, string(left.Text), goodLeaving)
	require.Len(t, left.Cookies(), 1)
	c := left.Cookies()[0]
	require.Equal(t, oidcCookie, c.Name)
	require.Equal(t, goodLeaving, c.Value)
	require.Equal(t, 300, c.MaxAge)
	require.True(t, c.Secure && c.HttpOnly && c.SameSite == http.SameSiteStrictMode && c.Path == "/" && c.Domain == "")

	const body = `{"state":"` + goodState + `","code":"` + goodCode + `"}`
	back := func(cookie string, headers ...string) answer {
		if cookie != "" {
			headers = append(headers, "Cookie", oidcCookie+"="+cookie)
		}
		return b.ask(t, "POST", apiPath+"/session/oidc/return", body, append(headers, "Content-Type", "application/json")...)
	}
	back(goodLeaving).requireProblem(t, 403, "request.foreign_origin")
	back(goodLeaving, "Sec-Fetch-Site", "cross-site").requireProblem(t, 403, "request.foreign_origin")
	back("", "Sec-Fetch-Site", "same-origin").requireProblem(t, 401, "ceremony.over")
	back(goodLeaving+"x", "Sec-Fetch-Site", "same-origin").requireProblem(t, 401, "ceremony.over")
	in := back(goodLeaving, "Sec-Fetch-Site", "same-origin")
	require.Equal(t, 200, in.StatusCode, "%s", in.Text)
	cookies := map[string]*http.Cookie{}
	for _, c := range in.Cookies() {
		cookies[c.Name] = c
	}
	require.Equal(t, goodRefresh, cookies[refreshCookie].Value)
	require.Negative(t, cookies[oidcCookie].MaxAge, "it is of no more use")
}

func TestALetterThatWasNotSentIsToldWithTheReason(t *testing.T) {
	t.Parallel()
	require.Nil(t, mailProblemOf(""))
	require.Equal(t, "refused", string(*mailProblemOf("refused")))
}
