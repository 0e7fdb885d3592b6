package app_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

// receiver is where spans are sent, by OTLP over HTTP.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex // guards both
	sent  int        // requests
	spans []*otlp.Span
	text  strings.Builder // everything that came, as text and as it was
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sent++
		var batch collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &batch) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.text.Write(body)
		r.text.WriteString(protojson.Format(&batch))
		fmt.Fprint(&r.text, request.URL, request.Header)
		for _, resource := range batch.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				r.spans = append(r.spans, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// received gives what has come so far.
func (r *receiver) received() (sent int, spans []*otlp.Span, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent, r.spans, r.text.String()
}

// trace gives the spans of the request with an id, the root first.
func traceOf(spans []*otlp.Span, requestID string) (found []*otlp.Span) {
	var root *otlp.Span
	for _, s := range spans {
		if noted(s, "signet.request_id") == requestID {
			root = s
		}
	}
	if root == nil {
		return nil
	}
	found = append(found, root)
	for _, s := range spans {
		if s != root && string(s.GetTraceId()) == string(root.GetTraceId()) {
			found = append(found, s)
		}
	}
	return found
}

func noted(s *otlp.Span, key string) string {
	for _, a := range s.GetAttributes() {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// Not parallel: where spans go is said by the environment, which is the process's.
func TestOneColdSignatureIsOneTreeOfSpans(t *testing.T) {
	r := newReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	n := newNode(t, wecomtest.Config{})
	n.cfg.Traces = config.Traces{On: true}
	require.NoError(t, createOwner(t, n.cfg, canaryPassword))
	n.start(t)
	signIn := n.call(t, http.MethodPost, "/session", fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, canaryPassword))
	require.Equal(t, http.StatusOK, signIn.status)
	n.token = signIn.text(t, "accessToken")
	corp, agent := "ww1111111111111111", "1000002"
	tenant := n.call(t, http.MethodPost, "/tenants", fmt.Sprintf(`{"name":"CANARY-name-of-a-tenant","corpId":%q}`, corp))
	m := n.addApp(t, tenant.text(t, "id"), corp, agent, canarySecret, crmHost)
	n.restartCold(t)

	page := "https://" + crmHost + "/sidebar?customer=CANARY-page-query"
	const strangers = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00" // says that its trace is not kept
	cold := n.sign(t, m.key, page, "X-Request-Id", "cold-signature", "traceparent", strangers)
	n.verify(t, m, page, cold)
	warm := n.sign(t, m.key, page, "X-Request-Id", "warm-signature")
	require.Equal(t, http.StatusOK, warm.status)
	refused := n.sign(t, m.key, "https://evil.example.net/CANARY-page-query", "X-Request-Id", "refused-signature")
	require.Equal(t, http.StatusForbidden, refused.status)
	require.NoError(t, n.stop(), "it sends what is left")
	_, spans, text := r.received()

	tree := traceOf(spans, "cold-signature")
	require.NotEmpty(t, tree)
	names, ids := map[string]int{}, map[string]bool{}
	for _, s := range tree {
		names[s.GetName()]++
		ids[string(s.GetSpanId())] = true
	}
	for i, s := range tree {
		if i == 0 {
			require.Empty(t, s.GetParentSpanId(), "a stranger's trace is not gone on with")
			require.NotContains(t, strangers, hex.EncodeToString(s.GetTraceId()))
			require.Equal(t, otlp.Span_SPAN_KIND_SERVER, s.GetKind())
			continue
		}
		require.True(t, ids[string(s.GetParentSpanId())], "%s hangs in no tree", s.GetName())
		if strings.HasPrefix(s.GetName(), "wecom ") || strings.HasPrefix(s.GetName(), "postgres ") {
			require.Equal(t, otlp.Span_SPAN_KIND_CLIENT, s.GetKind(), s.GetName())
		}
		if strings.HasPrefix(s.GetName(), "wecom ") || s.GetName() == "postgres tenant" {
			require.Equal(t, m.tenantID, noted(s, "signet.tenant_id"), s.GetName())
		}
	}
	require.Equal(t, "public signatures.post", tree[0].GetName())
	for name, times := range map[string]int{
		"ticket access_token": 1, "ticket corp_ticket": 1, "ticket agent_ticket": 1,
		"wecom gettoken": 1, "wecom get_jsapi_ticket": 1, "wecom ticket/get": 1,
	} {
		require.Equal(t, times, names[name], "%s in %v", name, names)
	}
	require.Positive(t, names["postgres tenant"])

	require.Len(t, traceOf(spans, "warm-signature"), 1, "it asks nobody")
	no := traceOf(spans, "refused-signature")
	require.Len(t, no, 1)
	require.Equal(t, "url.untrusted", noted(no[0], "signet.code"))
	require.Contains(t, n.logs.String(), `"trace_id":"`+hex.EncodeToString(tree[0].GetTraceId())+`"`)

	canaries := map[string]string{
		"app secret": canarySecret, "password": canaryPassword, "access token": n.token, "page": "CANARY-page-query", "name": "CANARY-name-of-a-tenant",
		"e-mail": ownerEmail, "WeCom's address": strings.TrimPrefix(n.weCom.URL(), "http://"),
		"identity": identityOf(t, n.cfg.IdentityFile), "database password": "signet_app_of_a_test",
	}
	for _, kind := range []core.TicketKind{core.AccessToken, core.CorpTicket, core.AgentTicket} {
		for i, value := range n.weCom.Issued(core.CorpID(corp), core.AgentID(agent), kind) {
			canaries[fmt.Sprint(kind, " ", i)] = value
		}
	}
	require.Empty(t, search("the traces", []byte(text), canaries))
	require.NotEmpty(t, search("the traces", []byte(text), map[string]string{"tenant": m.tenantID}), "the search itself can find")
}

// Not parallel, as above.
func TestNothingIsSentWhereTracesAreOff(t *testing.T) {
	r := newReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	n := startNode(t, wecomtest.Config{}) // its configuration says nothing of traces
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	require.Equal(t, http.StatusOK, n.sign(t, m.key, crmPage).status)
	require.NoError(t, n.stop())
	sent, _, _ := r.received()
	require.Zero(t, sent)
	require.NotContains(t, n.logs.String(), "trace_id")
}

// Not parallel, as above.
func TestAReceiverThatIsAwayHoldsNobodyUp(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://name:CANARY-of-a-password@127.0.0.1:1/CANARY-of-a-path")
	n := newNode(t, wecomtest.Config{})
	n.cfg.Traces = config.Traces{On: true}
	require.NoError(t, createOwner(t, n.cfg, ownerPassword))
	n.start(t)
	n.signIn(t)
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	require.Equal(t, http.StatusOK, n.sign(t, m.key, crmPage).status)
	require.NoError(t, n.stop())
	require.Contains(t, n.logs.String(), "traces cannot be sent")
	require.NotContains(t, n.logs.String(), "CANARY-of-a")
}
