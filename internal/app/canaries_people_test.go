package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/identity/identitytest"
	"signet/internal/wecom/wecomtest"
)

const canaryNextPassword = "CANARY-next-horse-for-the-Passw0rd"

// body gives an answer's body as JSON.
func (a answer) member(t *testing.T, name string) json.RawMessage {
	t.Helper()
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(a.body, &members))
	require.Contains(t, members, name)
	return members[name]
}

// liveThroughAccount gives the owner second factors and a passkey, comes in with each,
// and takes them away again.
func (n *node) liveThroughAccount(t *testing.T) {
	t.Helper()
	signIn := fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, canaryPassword)
	n.token = n.outside(t, http.StatusOK, "/session", signIn).text(t, "accessToken")
	totp := n.want(t, http.StatusCreated, http.MethodPost, "/factors/totp", `{"name":"手机"}`)
	seed, now := totp.text(t, "seed"), time.Now()
	code := func(steps int) string {
		return fmt.Sprintf("%q", identitytest.Code(t, seed, now.Add(time.Duration(steps)*30*time.Second)))
	}
	confirmation := "/factors/totp/" + totp.text(t, "id") + "/confirmation"
	n.want(t, http.StatusUnauthorized, http.MethodPost, confirmation, `{"code":"CANARY"}`)
	n.want(t, http.StatusOK, http.MethodPost, confirmation, `{"code":`+code(-1)+`}`)
	n.want(t, http.StatusOK, http.MethodPost, "/factors/recovery-codes", "")

	step := func(path, body string) answer { return n.outside(t, http.StatusAccepted, path, body) }
	token := step("/session", signIn).text(t, "token")
	n.outside(t, http.StatusUnauthorized, "/session/second-factor", fmt.Sprintf(`{"token":%q,"recoveryCode":%q}`, token, canaryWrong))
	n.token = n.outside(t, http.StatusOK, "/session/second-factor", fmt.Sprintf(`{"token":%q,"code":%s}`, token, code(0))).text(t, "accessToken")

	device := identitytest.NewAuthenticator(t, n.cfg.ConsoleURL)
	asked := n.want(t, http.StatusOK, http.MethodPost, "/factors/passkeys/options", "")
	passkey := n.want(t, http.StatusCreated, http.MethodPost, "/factors/passkeys",
		fmt.Sprintf(`{"token":%q,"name":"笔记本","passkey":%s}`, asked.text(t, "token"), device.Create(t, asked.member(t, "passkey"))))
	var factor struct{ ID string }
	require.NoError(t, json.Unmarshal(passkey.member(t, "factor"), &factor))

	asked = n.outside(t, http.StatusOK, "/session/passkey/options", "")
	n.token = n.outside(t, http.StatusOK, "/session/passkey", fmt.Sprintf(`{"token":%q,"passkey":%s}`, asked.text(t, "token"), device.Get(t, asked.member(t, "passkey")))).text(t, "accessToken")
	asked = n.want(t, http.StatusOK, http.MethodPost, "/session/step-up/options", "")
	n.want(t, http.StatusOK, http.MethodPost, "/session/step-up", fmt.Sprintf(`{"token":%q,"passkey":%s}`, asked.text(t, "token"), device.Get(t, asked.member(t, "passkey"))))

	n.want(t, http.StatusUnauthorized, http.MethodPost, "/password", fmt.Sprintf(`{"password":%q,"newPassword":%q}`, canaryPasswordOfNone, canaryNextPassword))
	n.want(t, http.StatusNoContent, http.MethodPost, "/password", fmt.Sprintf(`{"password":%q,"newPassword":%q}`, canaryPassword, canaryNextPassword))
	n.want(t, http.StatusNoContent, http.MethodPost, "/password", fmt.Sprintf(`{"password":%q,"newPassword":%q}`, canaryNextPassword, canaryPassword))
	for _, id := range []string{factor.ID, totp.text(t, "id")} {
		n.want(t, http.StatusNoContent, http.MethodDelete, "/factors/"+id, "")
	}

	other := n.outside(t, http.StatusOK, "/session", signIn)
	n.want(t, http.StatusOK, http.MethodDelete, "/sessions", "")
	n.token, other = other.text(t, "accessToken"), n.outside(t, http.StatusOK, "/session", signIn)
	n.token = other.text(t, "accessToken")
	var list struct {
		Items []struct {
			ID      string
			Current bool
		}
	}
	require.NoError(t, json.Unmarshal(n.want(t, http.StatusOK, http.MethodGet, "/sessions", "").body, &list))
	for _, s := range list.Items {
		if !s.Current {
			n.want(t, http.StatusNoContent, http.MethodDelete, "/sessions/"+s.ID, "")
		}
	}
	var who struct{ ID string }
	require.NoError(t, json.Unmarshal(n.want(t, http.StatusOK, http.MethodGet, "/session", "").body, &who))
	n.want(t, http.StatusOK, http.MethodDelete, "/platform/members/"+who.ID+"/sessions", "")
	n.token = n.outside(t, http.StatusOK, "/session", signIn).text(t, "accessToken")
}

// liveThroughWeCom binds the owner to a person of the corp, comes in as them, and takes
// the binding away.
func (n *node) liveThroughWeCom(t *testing.T, m madeApp) {
	t.Helper()
	at, err := url.Parse(n.cfg.ConsoleURL)
	require.NoError(t, err)
	for _, app := range n.weCom.Apps() {
		if app.Corp == core.CorpID(m.corp) {
			app.RedirectDomain, app.People = at.Host, []string{"zhangsan"}
			n.weCom.AddApp(app)
		}
	}
	n.want(t, http.StatusOK, http.MethodPatch, m.path(), `{"signIn":true}`, "If-Match", "*")
	owner := n.db.List(t, `SELECT member_id::text FROM signet.members WHERE email = $1`, ownerEmail)[0]
	n.db.Exec(t, `INSERT INTO signet.memberships (tenant_id, member_id, role) VALUES ($1, $2, 'tenant_owner')`, m.tenantID, owner)

	goRound := func(begun answer, user string) answer {
		back, err := wecomtest.Confirm(t.Context(), begun.text(t, "url"), user)
		require.NoError(t, err)
		to, err := url.Parse(back)
		require.NoError(t, err)
		if code := to.Query().Get("code"); code != "" {
			n.record.given[fmt.Sprint("code of a sign-in ", len(n.record.given))] = code
		}
		cookie, _, _ := strings.Cut(begun.header.Get("Set-Cookie"), ";")
		return n.want(t, http.StatusSeeOther, http.MethodGet, strings.TrimPrefix(to.RequestURI(), "/api/v1"), "", "Cookie", cookie)
	}
	key := fmt.Sprintf(`{"app":%q}`, m.key)
	came := goRound(n.want(t, http.StatusOK, http.MethodPost, "/account/wecom", key), "zhangsan")
	require.Equal(t, n.cfg.ConsoleURL+"/#wecom=bound", came.header.Get("Location"))
	require.Contains(t, string(n.want(t, http.StatusOK, http.MethodGet, "/account/wecom", "").body), "zhangsan")

	for user, location := range map[string]string{"zhangsan": "/", "": "/#error=wecom.cancelled", wecomtest.Outsider: "/#error=wecom.unbound"} {
		came := goRound(n.outside(t, http.StatusOK, "/session/wecom", key), user)
		require.Equal(t, n.cfg.ConsoleURL+location, came.header.Get("Location"))
		if user != "zhangsan" {
			continue
		}
		for _, line := range came.header.Values("Set-Cookie") {
			if cookie, _, _ := strings.Cut(line, ";"); strings.HasPrefix(cookie, "__Host-signet_refresh=") {
				again := n.want(t, http.StatusOK, http.MethodPost, "/session/refresh", "", "Cookie", cookie, "Sec-Fetch-Site", "same-origin")
				require.Contains(t, string(again.member(t, "member")), `"platformRole":null`, "it holds in the tenant alone")
			}
		}
	}
	step := newStep(t, n)
	n.record.given[givenStep+" after WeCom"] = step
	n.want(t, http.StatusOK, http.MethodPost, "/session/wecom/second-factor", "", "Cookie", "__Host-signet_wecom="+step, "Sec-Fetch-Site", "same-origin")

	n.want(t, http.StatusNoContent, http.MethodDelete, "/tenants/"+m.tenantID+"/members/"+owner+"/wecom", "")
	n.bindToWeCom(t, m.tenantID, owner)
	n.want(t, http.StatusNoContent, http.MethodDelete, "/account/wecom/"+m.tenantID, "")
	n.token = n.outside(t, http.StatusOK, "/session", fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, canaryPassword)).text(t, "accessToken")
}
