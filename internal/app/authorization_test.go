package app_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/httpapi/httpapitest"
	"signet/internal/httpapi/signapi"
)

// The signing path reads no access token: a page is signed alike whatever stands in
// Authorization, and nobody is asked about it. That it could not, the law of imports
// says: nothing that knows of tokens can be reached from the public listener.
func TestTheSigningPathReadsNoToken(t *testing.T) {
	t.Parallel()
	h := apptest.New(t, apptest.Config{})
	tenant := h.Tenant(t, "蓝湖科技", "ww1234567890abcdef")
	a := h.App(t, tenant, "1000247", apptest.Secret("first"), crmHost)
	address := httpapitest.Serve(t, signapi.New(signapi.Config{Signer: h.Signer, Log: slog.New(slog.DiscardHandler)}))
	ask := func(headers ...string) {
		t.Helper()
		got := httpapitest.Ask(t, address, http.MethodGet, "/v1/signatures?app="+a.Key.String()+"&url="+url.QueryEscape(crmPage), "", headers...)
		require.Equal(t, http.StatusOK, got.StatusCode, "%.60s: %s", headers, got.Text)
	}
	ask()
	statements, calls := h.Store.Statements(), len(h.WeCom.Calls())
	const signed = "Bearer eyJhbGciOiJFZERTQSIsInR5cCI6InNpZ25ldC1zZXNzaW9uK2p3dCIsImtpZCI6ImsifQ.e30."
	for _, authorization := range []string{
		signed + strings.Repeat("A", 86), signed, "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer a.b.c", "Bearer ", "bearer", "Basic YTpi", "",
		"Bearer " + strings.Repeat("a.", 2000), "Bearer " + core.NewAPIKeyToken(tenant.ID, core.NewAPIKeyID()).Text().Expose(),
	} {
		ask("Authorization", authorization)
		ask("Authorization", authorization, "Authorization", authorization)
	}
	require.Equal(t, statements, h.Store.Statements(), "Postgres was asked")
	require.Len(t, h.WeCom.Calls(), calls)
}
