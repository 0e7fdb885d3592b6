package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/identity/identitytest"
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
