package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/identity/identitytest"
)

// withProvider gives a node that was not started yet a sign-in provider, at which its
// owner has an account.
func (n *node) withProvider(t *testing.T) *identitytest.Provider {
	t.Helper()
	p := identitytest.NewProvider(t, time.Now, map[string]any{"sub": "subject-of-the-owner", "email": ownerEmail, "email_verified": true})
	n.cfg.OIDC = config.OIDC{Issuer: p.URL, ClientID: identitytest.ClientID, ClientSecret: core.NewSecret(identitytest.ClientSecret), Name: "公司账号"}
	return p
}

// leaveFor goes to the provider and comes back with what is posted, and the cookie.
func (n *node) leaveFor(t *testing.T, p *identitytest.Provider, path string) (body string, cookie []string) {
	t.Helper()
	left := n.want(t, http.StatusOK, http.MethodPost, path, "")
	state, code, asked := p.Visit(t, left.text(t, "url"))
	require.Equal(t, n.cfg.ConsoleURL+"/oidc", asked.Get("redirect_uri"))
	line, err := http.ParseSetCookie(left.header.Get("Set-Cookie"))
	require.NoError(t, err)
	require.True(t, line.Secure && line.HttpOnly && line.SameSite == http.SameSiteStrictMode, line)
	text, err := json.Marshal(map[string]string{"state": state, "code": code})
	require.NoError(t, err)
	return string(text), []string{"Cookie", line.Name + "=" + line.Value, "Sec-Fetch-Site", "same-origin"}
}

// liveThroughProvider comes in from the provider, proves itself there, and is forgotten.
func (n *node) liveThroughProvider(t *testing.T, p *identitytest.Provider) {
	t.Helper()
	n.want(t, http.StatusOK, http.MethodGet, "/session/ways", "")
	body, cookie := n.leaveFor(t, p, "/session/oidc")
	n.want(t, http.StatusForbidden, http.MethodPost, "/session/oidc/return", body, cookie[0], cookie[1], "Sec-Fetch-Site", "cross-site")
	n.want(t, http.StatusUnauthorized, http.MethodPost, "/session/oidc/return", body, cookie[2], cookie[3])
	in := n.want(t, http.StatusOK, http.MethodPost, "/session/oidc/return", body, cookie...)
	n.want(t, http.StatusUnauthorized, http.MethodPost, "/session/oidc/return", body, cookie...)
	before := n.token
	n.token = in.text(t, "accessToken")
	var who struct{ ID string }
	require.NoError(t, json.Unmarshal(n.want(t, http.StatusOK, http.MethodGet, "/session", "").body, &who))

	p.SignWith(identitytest.Unsigned)
	body, cookie = n.leaveFor(t, p, "/session/oidc")
	n.want(t, http.StatusUnauthorized, http.MethodPost, "/session/oidc/return", body, cookie...)
	p.SignWith(nil)

	body, cookie = n.leaveFor(t, p, "/session/step-up/oidc/options")
	n.want(t, http.StatusOK, http.MethodPost, "/session/step-up/oidc", body, cookie...)
	n.want(t, http.StatusNoContent, http.MethodDelete, fmt.Sprint("/platform/members/", who.ID, "/oidc"), "")
	n.token = before
}
