package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"signet/internal/wecom/wecomtest"
)

// badBodies are bodies that no route takes, whatever it is for.
func badBodies() map[string][]byte {
	return map[string][]byte{
		"nothing":             nil,
		"not JSON":            []byte("name=x&corpId=y"),
		"half an object":      []byte(`{"name":"a",`),
		"an array":            []byte(`[]`),
		"a string":            []byte(`"name"`),
		"null":                []byte(`null`),
		"an empty object":     []byte(`{}`),
		"wrong types":         []byte(`{"name":1,"corpId":{},"agentId":[],"secret":true,"host":7,"email":[],"password":{},"status":4,"tenantId":1,"appId":2,"allowHttp":"yes"}`),
		"unknown member":      []byte(`{"isPlatformAdmin":true}`),
		"case of a member":    []byte(`{"Name":"a","CorpID":"ww1111111111111111"}`),
		"duplicate member":    []byte(`{"name":"a","name":"b","corpId":"ww1111111111111111","agentId":"1","secret":"x","host":"a.example.com","host":"b.example.com"}`),
		"invalid UTF-8":       []byte("{\"name\":\"\xff\xfe\",\"host\":\"\xff\",\"secret\":\"\xff\",\"email\":\"\xff\",\"password\":\"\xff\"}"),
		"NULs":                []byte(`{"name":"a\u0000b","corpId":"ww\u00001111111111","agentId":"1\u0000","secret":"\u0000","host":"a\u0000.example.com"}`),
		"a lone surrogate":    []byte(`{"name":"\ud800"}`),
		"two objects":         []byte(`{}{}`),
		"ten thousand levels": []byte(strings.Repeat(`{"name":`, 10_000) + "1" + strings.Repeat("}", 10_000)),
		"two MiB":             append(append([]byte(`{"name":"`), bytes.Repeat([]byte("a"), 2<<20)...), `"}`...),
	}
}

// TestBadInputOnEveryRoute sends what is wrong to every route that the node's
// own document lists: each time a problem answer, nothing stored, no panic.
func TestBadInputOnEveryRoute(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	document := n.call(t, http.MethodGet, "/openapi.json", "").json(t)
	paths, ok := document["paths"].(map[string]any)
	require.True(t, ok)
	before := rowCounts(t, n.db)
	fill := strings.NewReplacer("{tenantId}", m.tenantID, "{appId}", m.id, "{domainId}", uuid.NewString(), "{secretVersion}", "2", "{linkId}", uuid.NewString(), "{memberId}", uuid.NewString(), "{sessionId}", uuid.NewString(), "{factorId}", uuid.NewString(), "{invitationId}", uuid.NewString(), "{keyId}", uuid.NewString(), "{host}", "bound.example.com")

	tried := 0
	for path, item := range paths {
		operations, ok := item.(map[string]any)
		require.True(t, ok)
		for method, operation := range operations {
			object, ok := operation.(map[string]any)
			if !ok || object["requestBody"] == nil {
				continue
			}
			for name, body := range badBodies() {
				address := n.console() + fill.Replace(strings.TrimPrefix(path, "/api/v1"))
				a := do(t, strings.ToUpper(method), address, bytes.NewReader(body),
					"Authorization", "Bearer "+n.token, "Content-Type", "application/json", "If-Match", `"1"`)
				where := fmt.Sprintf("%s %s with %s: %d %.300s", method, path, name, a.status, a.body)
				require.GreaterOrEqual(t, a.status, 400, where)
				require.Less(t, a.status, 500, where)
				require.Equal(t, "application/problem+json", a.header.Get("Content-Type"), where)
				require.NotEmpty(t, a.text(t, "code"), where)
				tried++
			}
		}
	}
	for name, body := range badBodies() {
		a := do(t, http.MethodPost, n.public()+"/v1/signatures", bytes.NewReader(body), "Content-Type", "application/json")
		require.GreaterOrEqual(t, a.status, 400, name)
		require.Less(t, a.status, 500, "%s: %s", name, a.body)
		require.Equal(t, "application/problem+json", a.header.Get("Content-Type"), name)
	}
	require.GreaterOrEqual(t, tried, 8*len(badBodies()), "every writing route was tried")
	after := rowCounts(t, n.db)
	for _, counts := range []map[string]int64{before, after} {
		delete(counts, "signet.platform_audit") // refused sign-ins leave a row there
	}
	require.Equal(t, before, after)
	require.NotContains(t, n.logs.String(), `"panic"`)
	n.verify(t, m, crmPage, n.sign(t, m.key, crmPage))
}

func TestTextsThatCannotBeStoredAreRefused(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	for _, name := range []string{`a\u0000b`, `a\u202eb`, `\u200b`, `   `, strings.Repeat("字", 81), `a\nb`} {
		a := n.call(t, http.MethodPost, "/tenants", `{"name":"`+name+`","corpId":"ww1111111111111111"}`)
		require.Equal(t, http.StatusBadRequest, a.status, name)
		require.Contains(t, string(a.body), `"/name"`)
	}
	for _, corp := range []string{"", "ww1", "ww 111111111111", "ww1111111111111111'--", strings.Repeat("w", 65), "ｗｗ11111111"} {
		a := n.call(t, http.MethodPost, "/tenants", fmt.Sprintf(`{"name":"甲","corpId":%q}`, corp))
		require.Equal(t, http.StatusBadRequest, a.status, corp)
		require.Contains(t, string(a.body), `"/corpId"`)
	}
	both := n.call(t, http.MethodPost, "/tenants", `{"name":"","corpId":""}`)
	require.Contains(t, string(both.body), `"/name"`)
	require.Contains(t, string(both.body), `"/corpId"`, "all that is wrong is told at once")
}
