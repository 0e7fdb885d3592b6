package consoleapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

const newTenantBody = `{"name":"示例企业","corpId":"wwexamplecorp00001"}`

// onceOtherwise lists what makes something once, or harmlessly, without a key.
var onceOtherwise = map[string]string{
	"AddPasskey": "its step is good once",
	"BeginTOTP":  "what is not confirmed counts for nothing",
}

// Whatever makes something takes the key, and says what may come of it.
func TestEveryCallThatMakesSomethingTakesAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	for _, o := range operationsOf(t) {
		status, _ := o.success(t)
		makes := o.method == http.MethodPost && status == http.StatusCreated && o.Security == nil && onceOtherwise[o.OperationID] == ""
		require.Equal(t, makes, o.Parameters.GetByInAndName("header", "Idempotency-Key") != nil, o.OperationID)
		codes, _ := o.Extensions["x-problem-codes"].([]any)
		for _, code := range []fault.Code{fault.IdempotencyMismatch, fault.IdempotencyRunning, fault.IdempotencyUnknown} {
			require.Equal(t, makes, slices.Contains(codes, any(string(code))), "%s: %s", o.OperationID, code)
		}
	}
}

func TestARepeatedCallGetsItsFirstAnswer(t *testing.T) {
	t.Parallel()
	held := newCalls()
	b := setup(t, func(cfg *Config) { cfg.Answers = held })
	paths := map[string]string{
		"/tenants": newTenantBody,
		"/tenants/" + tenantID.String() + "/api-keys": `{"name":"夜间同步","scopes":["tenant.read"]}`,
	}
	for path, body := range paths {
		made := b.admin.count()
		first := b.act(t, "POST", path, body, "Idempotency-Key", "key-1")
		require.Equal(t, 201, first.StatusCode, "%s", first.Text)
		require.Empty(t, first.Header.Get("Idempotent-Replayed"))
		second := b.act(t, "POST", path, body, "Idempotency-Key", "key-1")
		require.Equal(t, "true", second.Header.Get("Idempotent-Replayed"))
		require.Equal(t, 201, second.StatusCode)
		require.Equal(t, string(first.Text), string(second.Text))
		for _, name := range []string{"ETag", "Location", "Content-Type"} {
			require.Equal(t, first.Header.Get(name), second.Header.Get(name), name)
		}
		require.NotEqual(t, first.Header.Get("X-Request-Id"), second.Header.Get("X-Request-Id"))
		require.Equal(t, made+1, b.admin.count())
	}
	require.Equal(t, memberID, held.begun[0].Actor.MemberID)
}

// An answer that was kept may hold a token. Who lacks the second factor that is asked
// for now is not given it, though they have had it before.
func TestNoAnswerIsGivenAgainWithoutTheSecondFactor(t *testing.T) {
	t.Parallel()
	held := newCalls()
	b := setup(t, func(cfg *Config) { cfg.Answers = held })
	for path, body := range map[string]string{
		"/tenants": newTenantBody,
		"/tenants/" + tenantID.String() + "/api-keys": `{"name":"夜间同步","scopes":["tenant.read"]}`,
	} {
		b.identity.grants = nil
		require.Equal(t, 201, b.act(t, "POST", path, body, "Idempotency-Key", "key-1").StatusCode)
		begun := len(held.begun)
		b.identity.grants = &core.Grants{Withheld: core.PlatformOwner,
			Tenants: map[core.TenantID]core.Role{tenantID: core.TenantAdmin}, Unproved: map[core.TenantID]bool{tenantID: true}}
		again := b.act(t, "POST", path, body, "Idempotency-Key", "key-1")
		require.Empty(t, again.Header.Get("Idempotent-Replayed"), path)
		require.Len(t, held.begun, begun, "it is left to the action, which refuses it")
	}
}

func TestAnotherRequestIsAnotherHash(t *testing.T) {
	t.Parallel()
	held := newCalls()
	b := setup(t, func(cfg *Config) { cfg.Answers = held })
	app := "/tenants/" + tenantID.String() + "/apps"
	for n, r := range []struct{ path, body string }{
		{"/tenants", newTenantBody},
		{"/tenants", strings.Replace(newTenantBody, "示例", "另外", 1)},
		{app, `{"name":"a","secret":"s","agentId":1}`},
		{app + "?check=skip", `{"name":"a","secret":"s","agentId":1}`},
		{app + "/" + appID.String() + "/intake-links", ""},
	} {
		b.act(t, "POST", r.path, r.body, "Idempotency-Key", "key-"+string(rune('a'+n)))
	}
	seen := map[[32]byte]bool{}
	for _, c := range held.begun {
		require.False(t, seen[c.Request])
		seen[c.Request] = true
	}
	require.Len(t, seen, 5)
}

func TestAnIdempotencyKeyIsVisibleASCII(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, key := range []string{"", "a b", "键", strings.Repeat("k", 256), "a\tb"} {
		b.act(t, "POST", "/tenants", newTenantBody, "Idempotency-Key", key).requirePlace(t, "?Idempotency-Key", "idempotency_key")
	}
	b.act(t, "POST", "/tenants", newTenantBody, "Idempotency-Key", "a", "Idempotency-Key", "b").requirePlace(t, "?Idempotency-Key", "idempotency_key")
	require.Zero(t, b.admin.count())
	for _, key := range []string{"!", strings.Repeat("k", 255), `"8e03978e-40d5-43dd-bc93-6894a57f9324"`} {
		require.Equal(t, 201, b.act(t, "POST", "/tenants", newTenantBody, "Idempotency-Key", key).StatusCode)
	}
}

// A failure is told to whoever keeps the answers, and no stranger to a tenant writes
// anything in it.
func TestACallThatFailsIsNotKept(t *testing.T) {
	t.Parallel()
	held := newCalls()
	b := setup(t, func(cfg *Config) { cfg.Answers = held })
	b.admin.fail = fault.New(fault.CorpUnknown, nil)
	b.act(t, "POST", "/tenants", newTenantBody, "Idempotency-Key", "key-1").requireProblem(t, 404, "corp.unknown")
	require.Len(t, held.failed, 1)
	b.admin.fail = nil
	require.Equal(t, 201, b.act(t, "POST", "/tenants", newTenantBody, "Idempotency-Key", "key-1").StatusCode)
	begun := len(held.begun)
	as := []string{"Authorization", "Bearer " + goodKey.Text().Expose(), "Content-Type", "application/json", "Idempotency-Key", "key-1"}
	foreign := apiPath + "/tenants/" + core.NewTenantID().String() + "/apps"
	b.ask(t, "POST", foreign, `{"name":"a","secret":"s","agentId":1}`, as...).requireProblem(t, 404, "tenant.unknown")
	require.Len(t, held.begun, begun)
}

func TestAnAPIKeyIsLetIn(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	path := apiPath + "/tenants/" + tenantID.String()
	require.Equal(t, 200, b.ask(t, "GET", path, "", "Authorization", "Bearer "+goodKey.Text().Expose()).StatusCode)
	text := goodKey.Text().Expose()
	wrong := core.NewAPIKeyToken(tenantID, keyID).Text().Expose()
	looked := b.identity.keys
	for _, mistyped := range []string{"signet_", text + "a", text[:len(text)-1], strings.ToUpper(text), text[:20] + "a" + text[20:], swapped(text, 30)} {
		b.ask(t, "GET", path, "", "Authorization", "Bearer "+mistyped).requireProblem(t, 401, "session.required")
	}
	require.Equal(t, looked, b.identity.keys, "what is mistyped asks nobody")
	b.ask(t, "GET", path, "", "Authorization", "Bearer "+wrong).requireProblem(t, 401, "session.required")
	require.Equal(t, looked+1, b.identity.keys)
	b.ask(t, "GET", apiPath+"/session", "", "Authorization", "Bearer "+text).requireProblem(t, 403, "permission.denied")
	for _, line := range strings.Split(b.log.String(), "\n") {
		require.NotContains(t, line, text)
	}
	require.Contains(t, b.log.String(), keyID.String())
}

func swapped(text string, at int) string {
	c := byte('a')
	if text[at] == c {
		c = 'b'
	}
	return text[:at] + string(c) + text[at+1:]
}

// Ten thousand requests with keys that nobody has ask as often as one client may.
func TestAClientThatGuessesKeysIsBraked(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	path := apiPath + "/tenants/" + tenantID.String()
	wrong := core.NewAPIKeyToken(tenantID, keyID).Text().Expose()
	refused := 0
	for range 10_000 {
		if a := b.ask(t, "GET", path, "", "Authorization", "Bearer "+wrong, "X-Forwarded-For", "203.0.113.9"); a.StatusCode == 429 {
			refused++
			require.NotEmpty(t, a.Header.Get("Retry-After"))
		}
	}
	t.Logf("10,000 requests with a wrong key looked %d times", b.identity.keys)
	require.Equal(t, 600, b.identity.keys)
	require.Equal(t, 9_400, refused)
	other := b.ask(t, "GET", path, "", "Authorization", "Bearer "+goodKey.Text().Expose(), "X-Forwarded-For", "203.0.113.10")
	require.Equal(t, 200, other.StatusCode)
}

func TestAKeyIsRotatedWithAnOverlap(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	path := "/tenants/" + tenantID.String() + "/api-keys/" + keyID.String() + "/rotations"
	for query, hours := range map[string]float64{"": 24, "?overlapHours=0": 0, "?overlapHours=168": 168} {
		require.Equal(t, 201, b.act(t, "POST", path+query, "").StatusCode)
		require.InDelta(t, hours, b.admin.last.(interface{ Hours() float64 }).Hours(), 0)
	}
	for _, hours := range []string{"169", "-1", "1.5", "", "01"} {
		b.act(t, "POST", path+"?overlapHours="+hours, "").requirePlace(t, "?overlapHours", "overlap")
	}
}
