package signapi

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/fault"
	"signet/internal/httpapi"
	"signet/internal/signing"
)

const wholeAnswer = `{"corpId":"wwexamplecorp00001","agentId":"1000247","url":"https://crm.example.com/sidebar?x=1",` +
	`"config":{"timestamp":1763787600,"nonceStr":"` + nonceText + `","signature":"` + configHex + `"},` +
	`"agentConfig":{"timestamp":1763787600,"nonceStr":"` + nonceText + `","signature":"` + agentHex + `"}}`

func TestBothFormsGiveBothSignatures(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, a := range []answer{
		b.ask(t, "GET", signaturesPath+"?app="+knownKey+"&url="+url.QueryEscape(page), ""),
		b.post(t, `{"app":"`+knownKey+`","url":"`+page+`"}`),
	} {
		require.Equal(t, 200, a.StatusCode, "%s", a.Text)
		require.Equal(t, wholeAnswer, string(a.Text))
		require.Equal(t, "application/json", a.Header.Get("Content-Type"))
		require.Equal(t, signing.Request{AppKey: knownKey, Page: page}, b.signer.last(t))
	}
}

func TestTheQueryIsDecodedOnceAndAPlusStaysAPlus(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for encoded, want := range map[string]string{
		"https%3A%2F%2Fcrm.example.com%2Fa%2Bb":                 "https://crm.example.com/a+b",
		"https%3A%2F%2Fcrm.example.com%2Fa+b":                   "https://crm.example.com/a+b",
		"https%3a%2f%2fcrm.example.com%2fa%252Bb":               "https://crm.example.com/a%2Bb",
		"https://crm.example.com/plain":                         "https://crm.example.com/plain",
		"https%3A%2F%2Fcrm.example.com%2Fa%3Fb%3D1%26c%3D2%23d": "https://crm.example.com/a?b=1&c=2#d",
		"https://crm.example.com/a=b=c":                         "https://crm.example.com/a=b=c",
	} {
		b.ask(t, "GET", signaturesPath+"?url="+encoded+"&app="+knownKey, "")
		require.Equal(t, want, b.signer.last(t).Page)
	}
}

func TestChecksRunInTheOrderOfTheContract(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const foreign = "https://other.example.com"
	for _, row := range []struct {
		name, query, origin, code string
		status                    int
	}{
		{"nothing", "", "", "url.missing", 400},
		{"no url", "app=" + knownKey, "", "url.missing", 400},
		{"an empty url and an unknown app", "app=x&url=", foreign, "url.missing", 400},
		{"no app, whatever the host is bound to", "url=" + page, "", "app.missing", 400},
		{"an empty app", "app=&url=" + page, "", "app.missing", 400},
		{"no app and no page", "url=%zz", "", "app.missing", 400},
		{"an unknown app and no page", "app=x&url=nothing", foreign, "app.unknown", 404},
		{"an unknown app and a broken escape", "app=x&url=%zz", "", "app.unknown", 404},
		{"no page", "app=" + knownKey + "&url=nothing", foreign, "url.invalid", 400},
		{"a broken escape", "app=" + knownKey + "&url=https%3A%2F%2Fcrm.example.com%2", foreign, "url.invalid", 400},
		{"another host", "app=" + knownKey + "&url=https://other.example.com/", foreign, "url.untrusted", 403},
		{"another origin", "app=" + knownKey + "&url=" + page, foreign, "origin.untrusted", 403},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var headers []string
			if row.origin != "" {
				headers = []string{"Origin", row.origin}
			}
			b.ask(t, "GET", signaturesPath+"?"+row.query, "", headers...).requireProblem(t, row.status, row.code)
		})
	}
}

func TestABrokenEscapeIsToldAsSuch(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, broken := range []string{"%", "%2", "%zz", "https%3A%2F%2Fcrm.example.com%2F%4", "https%3A%2F%2Fcrm.example.com%2F%g0", "https://crm.example.com/%zz"} {
		p := b.ask(t, "GET", signaturesPath+"?app="+knownKey+"&url="+broken, "", "Accept-Language", "en").requireProblem(t, 400, "url.invalid")
		require.Contains(t, p["detail"], fault.ReasonURLEscape.Text(fault.English, nil))
	}
}

func TestAParameterThatStandsTwiceIsRefusedAndNotPicked(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, query := range []string{
		"app=" + knownKey + "&app=" + knownKey + "&url=" + page,
		"app=" + knownKey + "&url=" + page + "&url=https://other.example.com/",
		"app=" + knownKey + "&url=" + page + "&%75rl=" + page,
		"app=&app=" + knownKey + "&url=" + page,
	} {
		for _, path := range []string{signaturesPath, configPath, agentConfigPath} {
			if path != signaturesPath && strings.Contains(query, "&url=https://crm") {
				continue // there an address that is not encoded runs to the end
			}
			b.ask(t, "GET", path+"?"+query, "").requireProblem(t, 400, "request.invalid")
		}
	}
	require.Zero(t, b.signer.calls())
}

// T-SIG-1.
func TestNothingThatACallerAddsHasInfluence(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, name := range []string{"noncestr", "nonceStr", "NONCESTR", "timestamp", "Timestamp", "ticket", "jsapi_ticket", "type", "corpId", "agentId", "APP", "Url"} {
		for _, extra := range []string{name + "=x", name + "=x&" + name + "=y", name + "[]=x"} {
			a := b.ask(t, "GET", signaturesPath+"?"+extra+"&app="+knownKey+"&url="+url.QueryEscape(page)+"&"+extra, "")
			require.Equal(t, 200, a.StatusCode)
			require.Equal(t, wholeAnswer, string(a.Text))
			require.Equal(t, signing.Request{AppKey: knownKey, Page: page}, b.signer.last(t))
		}
		calls := b.signer.calls()
		for _, value := range []string{`"x"`, `1`, `["x"]`, `{}`} {
			b.post(t, `{"app":"`+knownKey+`","url":"`+page+`","`+name+`":`+value+`}`).requireProblem(t, 400, "request.invalid")
		}
		require.Equal(t, calls, b.signer.calls())
	}
}

func TestABadBodyIsAProblemAndNothingIsSigned(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	good := `{"app":"` + knownKey + `","url":"` + page + `"}`
	for _, row := range []struct {
		name, body, code string
		status           int
	}{
		{"nothing", "", "request.invalid", 400},
		{"no JSON", "app=x", "request.invalid", 400},
		{"a number", `{"app":1,"url":"x"}`, "request.invalid", 400},
		{"a list", `{"app":"x","url":["` + page + `"]}`, "request.invalid", 400},
		{"null", `{"app":"x","url":null}`, "request.invalid", 400},
		{"twice", `{"app":"x","url":"a","url":"b"}`, "request.invalid", 400},
		{"another case", `{"App":"x","url":"a"}`, "request.invalid", 400},
		{"more behind it", good + good, "request.invalid", 400},
		{"invalid UTF-8", "{\"app\":\"x\",\"url\":\"\xff\"}", "request.invalid", 400},
		{"deep", strings.Repeat("[", 20_000), "request.invalid", 400},
		{"huge", `{"app":"x","url":"` + strings.Repeat("a", 40<<10) + `"}`, "request.too_large", 413},
		{"very huge", strings.Repeat("a", 1<<20), "request.too_large", 413},
		{"no url", `{"app":"` + knownKey + `"}`, "url.missing", 400},
		{"no app", `{"url":"` + page + `"}`, "app.missing", 400},
		{"neither", `{}`, "url.missing", 400},
		{"NUL", `{"app":"` + knownKey + `","url":"` + page + `\u0000"}`, "url.invalid", 400},
		{"NUL in the key", `{"app":"` + knownKey + `\u0000","url":"` + page + `"}`, "app.unknown", 404},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			b.post(t, row.body).requireProblem(t, row.status, row.code)
		})
	}
	b.ask(t, "POST", signaturesPath, good, "Content-Type", "text/plain").requireProblem(t, 415, "request.not_json")
	b.ask(t, "POST", signaturesPath, "app=x&url=y", "Content-Type", "application/x-www-form-urlencoded").requireProblem(t, 415, "request.not_json")
	b.ask(t, "POST", signaturesPath, good).requireProblem(t, 415, "request.not_json")
	require.NotContains(t, b.log.String(), `"status":200`)
}

func TestOtherMethodsAndPathsAreProblemsThatAPageCanRead(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, method := range []string{"PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PURGE"} {
		a := b.ask(t, method, signaturesPath, "")
		a.requireProblem(t, 405, "method.refused")
		require.ElementsMatch(t, []string{"GET", "POST", "OPTIONS"}, strings.Split(a.Header.Get("Allow"), ", "), method)
	}
	a := b.ask(t, "POST", configPath, "{}")
	a.requireProblem(t, 405, "method.refused")
	require.ElementsMatch(t, []string{"GET", "OPTIONS"}, strings.Split(a.Header.Get("Allow"), ", "))
	head := b.ask(t, "HEAD", signaturesPath+"?app="+knownKey+"&url="+page, "")
	require.Equal(t, 405, head.StatusCode)
	for _, path := range []string{"/", "/v1", "/v1/signatures/", "/V1/signatures", "//v1/signatures", "/v1/%73ignatures", "/wxapi/wxqyauth", "/api/v1/tenants"} {
		b.ask(t, "GET", path, "").requireProblem(t, 404, "route.unknown")
	}
	require.Zero(t, b.signer.calls())
}

func TestWhatWeComOrPostgresRefusesCarriesItsRetryAfter(t *testing.T) {
	t.Parallel()
	for _, code := range []fault.Code{fault.SecretRejected, fault.IPRefused, fault.WeComQuota, fault.WeComUnavailable, fault.StoreUnavailable, fault.AppNotReady} {
		b := setup(t, nil)
		b.signer.fail = fault.New(code, nil).WithRetryAfter(90 * time.Second).WithErrcode(45009)
		a := b.post(t, `{"app":"`+knownKey+`","url":"`+page+`"}`)
		a.requireProblem(t, 503, string(code))
		require.Equal(t, "90", a.Header.Get("Retry-After"))
		require.Contains(t, string(a.Text), `"upstream":{"errcode":45009}`)
	}
}

func TestRatesComeBeforeEverythingElse(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)
	b := setup(t, func(c *Config) {
		c.PerAddress = httpapi.Rate{PerSecond: 0.5, Burst: 3}
		c.Now = func() time.Time { return now }
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	client := []string{"X-Forwarded-For", "203.0.113.9"}
	for range 3 {
		b.ask(t, "GET", signaturesPath, "", client...).requireProblem(t, 400, "url.missing")
	}
	for _, a := range []answer{
		b.ask(t, "GET", signaturesPath, "", client...),
		b.post(t, "not even JSON", client...),
		b.ask(t, "GET", configPath, "", client...),
		b.ask(t, "GET", agentConfigPath, "", client...),
	} {
		a.requireProblem(t, 429, "rate.limited")
		require.Equal(t, "2", a.Header.Get("Retry-After"))
		require.Equal(t, `"address";r=0;t=2`, a.Header.Get("RateLimit"))
		require.Equal(t, `"address";q=3;w=6`, a.Header.Get("RateLimit-Policy"))
	}
	require.Equal(t, 204, b.ask(t, "OPTIONS", signaturesPath, "", client...).StatusCode, "a preflight costs nothing")
	b.ask(t, "GET", signaturesPath, "", "X-Forwarded-For", "203.0.113.10").requireProblem(t, 400, "url.missing")
	for range 10 { // a proxy on this machine that is not listed stands for everybody
		b.ask(t, "GET", signaturesPath, "").requireProblem(t, 400, "url.missing")
	}
}

func TestOneAppsCrowdIsNotAnothersTrouble(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)
	b := setup(t, func(c *Config) {
		c.PerApp = httpapi.Rate{PerSecond: 1, Burst: 2}
		c.Now = func() time.Time { return now }
	})
	crowd := signaturesPath + "?app=" + knownKey + "&url=" + page
	for range 2 {
		require.Equal(t, 200, b.ask(t, "GET", crowd, "").StatusCode)
	}
	a := b.ask(t, "GET", crowd, "")
	a.requireProblem(t, 429, "rate.limited")
	require.Equal(t, `"app";r=0;t=1`, a.Header.Get("RateLimit"))
	other := strings.Replace(crowd, "keyexampa", "keyexamqa", 1)
	b.ask(t, "GET", other, "").requireProblem(t, 404, "app.unknown")
}

func TestTheLogHoldsTheHostOfAPageAndNoMoreOfIt(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	private := "https://crm.example.com/private?customer=wmPRIVATE"
	require.Equal(t, 200, b.post(t, `{"app":"`+knownKey+`","url":"`+private+`"}`).StatusCode)
	require.Equal(t, 200, b.ask(t, "GET", signaturesPath+"?app="+knownKey+"&url="+url.QueryEscape(private), "", "Referer", private).StatusCode)
	require.Equal(t, 200, b.ask(t, "GET", configPath+"?url="+private, "").StatusCode)
	b.ask(t, "GET", signaturesPath+"?app="+knownKey+"&url=https://other.example.com/private", "").requireProblem(t, 403, "url.untrusted")
	log := b.log.Wait(t, 4)
	require.Equal(t, 3, strings.Count(log, `"host":"crm.example.com"`))
	for _, private := range []string{"private", "PRIVATE", configHex, nonceText} {
		require.NotContains(t, log, private)
	}
}
