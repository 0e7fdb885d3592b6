package consoleapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const goodSignIn = `{"email":"` + goodEmail + `","password":"` + goodPassword + `"}`

func (b bundle) signIn(t *testing.T, body string, headers ...string) answer {
	t.Helper()
	return b.ask(t, "POST", apiPath+"/session", body, append(headers, "Content-Type", "application/json")...)
}

func requireCookie(t *testing.T, a answer, value string, age int) {
	t.Helper()
	require.Len(t, a.Cookies(), 1)
	c := a.Cookies()[0]
	require.Equal(t, refreshCookie, c.Name)
	require.Equal(t, value, c.Value)
	require.Equal(t, age, c.MaxAge)
	require.Equal(t, "/", c.Path)
	require.Empty(t, c.Domain)
	require.True(t, c.Secure)
	require.True(t, c.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, c.SameSite)
}

func TestASignInGivesATokenInTheBodyAndTheRefreshInACookie(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a := b.signIn(t, goodSignIn, "X-Request-Id", "request-0001")
	require.Equal(t, 200, a.StatusCode)
	require.JSONEq(t, `{"accessToken":"`+goodToken+`","expiresIn":600,"member":{"id":"`+memberID.String()+`","email":"`+goodEmail+
		`","platformRole":"platform_owner","tenantRoles":[{"tenantId":"`+tenantID.String()+`","role":"tenant_admin"}]}}`, string(a.Text))
	requireCookie(t, a, goodRefresh, 24*60*60)
	require.Equal(t, "request-0001", b.identity.requestID)

	wrong := b.signIn(t, `{"email":"`+goodEmail+`","password":"`+goodPassword+`x"}`)
	wrong.requireProblem(t, 401, "session.refused")
	require.Empty(t, wrong.Cookies())
}

// Whoever signs in, in whichever way, leaves the session that their browser was in.
func TestASignInEndsTheSessionOfTheSameBrowser(t *testing.T) {
	t.Parallel()
	for path, body := range map[string]string{
		"/session":               goodSignIn,
		"/session/second-factor": `{"token":"` + goodCeremony + `","code":"123456"}`,
		"/session/passkey":       `{"token":"` + goodCeremony + `","passkey":{"id":"x"}}`,
		"/session/oidc/return":   `{"state":"` + goodState + `","code":"` + goodCode + `"}`,
	} {
		b := setup(t, nil)
		cookies := oidcCookie + "=" + goodLeaving
		in := func(cookies string) answer {
			return b.ask(t, "POST", apiPath+path, body, "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin", "Cookie", cookies)
		}
		require.Equal(t, 200, in(cookies).StatusCode, path)
		require.Empty(t, b.identity.signedOut, path)
		require.Equal(t, 200, in(cookies+"; "+refreshCookie+"="+goodRefresh).StatusCode, path)
		require.Equal(t, []string{goodRefresh}, b.identity.signedOut, path)
		require.Equal(t, 200, in(cookies+"; "+refreshCookie+"=over").StatusCode, "%s: whatever became of that session", path)
	}
	b := setup(t, nil)
	b.signIn(t, `{"email":"`+goodEmail+`","password":"another long password"}`, "Cookie", refreshCookie+"="+goodRefresh).requireProblem(t, 401, "session.refused")
	require.Empty(t, b.identity.signedOut, "who does not come in leaves nothing")
}

func TestARefreshNeedsTheCookieAndReplacesIt(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	refresh := func(cookie string) answer {
		headers := []string{"Sec-Fetch-Site", "same-origin"}
		if cookie != "" {
			headers = append(headers, "Cookie", cookie)
		}
		return b.ask(t, "POST", apiPath+"/session/refresh", "", headers...)
	}
	a := refresh(refreshCookie + "=" + goodRefresh)
	require.Equal(t, 200, a.StatusCode, "%s", a.Text)
	requireSchema(t, "Session", a.Text)
	requireCookie(t, a, nextRefresh, 24*60*60)
	for _, cookie := range []string{"", refreshCookie + "=", refreshCookie + "=wrong", "signet_refresh=" + goodRefresh, refreshCookie + "=" + strings.Repeat("a", 1000)} {
		refresh(cookie).requireProblem(t, 401, "session.required")
	}
	b.ask(t, "POST", apiPath+"/session/refresh", "", "Sec-Fetch-Site", "same-origin", "Authorization", "Bearer "+goodToken).
		requireProblem(t, 401, "session.required")
}

func TestASignOutEndsTheSessionAndIsNeverRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, cookie := range []string{refreshCookie + "=" + goodRefresh, refreshCookie + "=over", ""} {
		a := b.ask(t, "DELETE", apiPath+"/session", "", "Origin", consoleURL, "Cookie", cookie)
		require.Equal(t, 204, a.StatusCode)
		requireCookie(t, a, "", -1)
	}
	require.Equal(t, []string{goodRefresh, "over"}, b.identity.signedOut)
}

// T-CSR-1.
func TestNoOtherSiteCanUseTheCookieOrSignSomebodyIn(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	own := "http://" + b.address
	for _, row := range []struct {
		name            string
		headers         []string
		cookie, anybody bool // whether the cookie's routes and the sign-in let it in
	}{
		{"the console's page", []string{"Sec-Fetch-Site", "same-origin", "Origin", consoleURL}, true, true},
		{"the console by the name in the address bar", []string{"Origin", own}, true, true},
		{"an older browser", []string{"Origin", consoleURL}, true, true},
		{"a browser without Origin", []string{"Sec-Fetch-Site", "same-origin"}, true, true},
		{"a script outside of browsers", nil, false, true},
		{"another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example.net"}, false, false},
		{"another site in an older browser", []string{"Origin", "https://evil.example.net"}, false, false},
		{"a site beside it", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://other.example.com"}, false, false},
		{"the address bar", []string{"Sec-Fetch-Site", "none"}, false, false},
		{"a name that begins so", []string{"Origin", consoleURL + ".evil.net"}, false, false},
		{"another port", []string{"Origin", consoleURL + ":8443"}, false, false},
		{"no origin of its own", []string{"Origin", "null"}, false, false},
		{"an empty one", []string{"Origin", ""}, false, false},
		{"two origins", []string{"Origin", consoleURL, "Origin", consoleURL}, false, false},
		{"two sites", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "cross-site"}, false, false},
		{"a foreign origin that says same", []string{"Sec-Fetch-Site", "same-origin", "Origin", "https://evil.example.net"}, false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			withCookie := append([]string{"Cookie", refreshCookie + "=" + goodRefresh}, row.headers...)
			refresh := b.ask(t, "POST", apiPath+"/session/refresh", "", withCookie...)
			signOut := b.ask(t, "DELETE", apiPath+"/session", "", withCookie...)
			signIn := b.signIn(t, goodSignIn, row.headers...)
			if row.cookie {
				require.Equal(t, 200, refresh.StatusCode)
				require.Equal(t, 204, signOut.StatusCode)
			} else {
				refresh.requireProblem(t, 403, "request.foreign_origin")
				signOut.requireProblem(t, 403, "request.foreign_origin")
			}
			if row.anybody {
				require.Equal(t, 200, signIn.StatusCode)
			} else {
				signIn.requireProblem(t, 403, "request.foreign_origin")
			}
		})
	}
	form := "email=" + goodEmail + "&password=" + goodPassword
	b.ask(t, "POST", apiPath+"/session", form, "Content-Type", "application/x-www-form-urlencoded", "Origin", consoleURL).requireProblem(t, 415, "request.not_json")
	b.ask(t, "POST", apiPath+"/session", goodSignIn, "Content-Type", "text/plain").requireProblem(t, 415, "request.not_json")
	override := b.ask(t, "POST", apiPath+"/tenants/"+tenantID.String(), "", "X-HTTP-Method-Override", "DELETE", "Authorization", "Bearer "+goodToken)
	override.requireProblem(t, 405, "method.refused")
	require.Zero(t, b.admin.count())
}

func TestNoSecretThatPassesThroughIsLoggedOrAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.signIn(t, goodSignIn)
	b.signIn(t, `{"email":"x","password":"`+goodPassword+`","x":"`+goodPassword+`"}`)
	b.signIn(t, `{"email":{"a":"`+goodPassword+`"},"password":"`+goodPassword+`"}`)
	b.signIn(t, `{"email":"x","password":"`+goodPassword)
	b.ask(t, "POST", apiPath+"/session/refresh", "", "Sec-Fetch-Site", "same-origin", "Cookie", refreshCookie+"="+goodRefresh)
	newApp := `{"name":"a","agentId":1000247,"secret":"` + agentSecret + `"}`
	for _, a := range []answer{
		b.act(t, "POST", "/tenants/"+tenantID.String()+"/apps", newApp),
		b.act(t, "POST", "/tenants/"+tenantID.String()+"/apps?check=x"+agentSecret, newApp),
		b.act(t, "POST", "/tenants/"+tenantID.String()+"/apps/"+appID.String()+"/secrets", `{"secret":"`+agentSecret+`"}`),
		b.act(t, "POST", "/tenants/"+tenantID.String()+"/apps/"+appID.String()+"/secrets", `{"secret":["`+agentSecret+`"]}`),
		b.act(t, "POST", "/tenants/"+agentSecret+"/apps", newApp),
	} {
		require.NotContains(t, string(a.Text), agentSecret)
	}
	log := b.log.Wait(t, 10)
	require.NotContains(t, log, "CANARY")
	require.Contains(t, log, `"tenant_id":"`+tenantID.String())
	require.Contains(t, log, `"member_id":"`+memberID.String())
	text, err := json.Marshal(NewSession{Email: "a", Password: SecretText{}})
	require.NoError(t, err)
	require.Contains(t, string(text), "[redacted]")
}
