package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// liveThroughAPIKeys makes, repeats, shows, rotates and revokes API keys, and has a page
// of an app for servers signed with one.
func (n *node) liveThroughAPIKeys(t *testing.T, m madeApp) {
	t.Helper()
	keys := "/tenants/" + m.tenantID + "/api-keys"
	body := `{"name":"夜间同步","scopes":["tenant.read","domains.write","pages.sign"]}`
	made := n.want(t, http.StatusCreated, http.MethodPost, keys, body, "Idempotency-Key", "key-of-a-call-1")
	again := n.want(t, http.StatusCreated, http.MethodPost, keys, body, "Idempotency-Key", "key-of-a-call-1")
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	require.Equal(t, made.text(t, "key"), again.text(t, "key"), "it is shown again, and there is one")
	require.Equal(t, http.StatusUnprocessableEntity, n.call(t, http.MethodPost, keys, `{"name":"b","scopes":["tenant.read"]}`, "Idempotency-Key", "key-of-a-call-1").status)
	path := made.header.Get("Location")[len("/api/v1"):]
	tenant := fmt.Sprintf(`{"name":"两次","corpId":%q}`, "ww6666666666666666")
	for range 2 {
		n.want(t, http.StatusCreated, http.MethodPost, "/tenants", tenant, "Idempotency-Key", "key-of-a-call-2")
	}
	require.Equal(t, []string{"1"}, n.db.List(t, `SELECT count(*)::text FROM signet.tenants WHERE name = '两次'`))

	// It is let in, and sees and does no more than it may.
	member := n.token
	n.token = made.text(t, "key")
	n.want(t, http.StatusOK, http.MethodGet, "/tenants/"+m.tenantID, "")
	n.want(t, http.StatusCreated, http.MethodPost, m.path()+"/domains", `{"host":"by-key.example.com"}`)
	n.want(t, http.StatusForbidden, http.MethodPost, keys, body)
	n.want(t, http.StatusForbidden, http.MethodGet, keys, "")
	n.want(t, http.StatusForbidden, http.MethodGet, "/session", "")
	n.want(t, http.StatusForbidden, http.MethodPost, "/tenants", tenant)
	n.token = member

	// A page of an app for servers is signed for who shows it.
	etag := n.want(t, http.StatusOK, http.MethodGet, m.path(), "").header.Get("ETag")
	n.want(t, http.StatusOK, http.MethodPatch, m.path(), `{"serverOnly":true}`, "If-Match", etag)
	query := "/v1/signatures?app=" + m.key + "&url=" + url.QueryEscape(crmPage)
	sign := func(bearer string) answer {
		a := do(t, http.MethodGet, n.public()+query, nil, "Authorization", "Bearer "+bearer)
		n.record.note(http.MethodGet, query, a)
		return a
	}
	require.Eventually(t, func() bool { return n.get(t, query).status == http.StatusUnauthorized }, 10*time.Second, 50*time.Millisecond)
	require.Equal(t, http.StatusOK, sign(made.text(t, "key")).status)
	require.Equal(t, http.StatusUnauthorized, sign("signet_"+canaryWrong).status)

	next := n.want(t, http.StatusCreated, http.MethodPost, path+"/rotations?overlapHours=0", "").text(t, "key")
	require.Eventually(t, func() bool {
		return sign(next).status == http.StatusOK && sign(made.text(t, "key")).status == http.StatusUnauthorized
	}, 10*time.Second, 50*time.Millisecond)
	n.want(t, http.StatusOK, http.MethodGet, path, "")
	n.want(t, http.StatusOK, http.MethodGet, keys, "")
	n.want(t, http.StatusNoContent, http.MethodDelete, path, "")
	etag = n.want(t, http.StatusOK, http.MethodGet, m.path(), "").header.Get("ETag")
	n.want(t, http.StatusOK, http.MethodPatch, m.path(), `{"serverOnly":false}`, "If-Match", etag)
	n.awaitSigned(t, m, crmPage)
}
