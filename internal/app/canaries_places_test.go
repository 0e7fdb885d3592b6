package app_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/config"
	"signet/internal/httpapi/httpapitest"
	"signet/internal/wecom/wecomtest"
)

// strangersCanaries are a value for each kind of secret there is with WeCom and with
// this system. Some have no place in it; somebody may put them anywhere all the same.
var strangersCanaries = map[string]string{
	"corp_secret":      "CANARYcorpSecret0000000000000000000000000A",
	"agent_secret":     canarySecret,
	"access_token":     "CANARYaccess_token_" + strings.Repeat("t", 195),
	"jsapi_ticket":     "CANARYjsapi_ticket_" + strings.Repeat("k", 60),
	"agent_ticket":     "CANARYagent_ticket_" + strings.Repeat("g", 60),
	"callback_token":   "CANARYcbToken0000000000000C",
	"encoding_aes_key": "CANARYaesKey00000000000000000000000000000D",
	"admin_password":   canaryPassword,
	"jwt_signing_key":  "CANARYjwtKey0000000000000000000000000000000F",
	"refresh_token":    "CANARYrefresh00000000000000G",
	"age_identity":     "AGE-SECRET-KEY-1" + strings.Repeat("CANARY23", 7) + "QQ",
	"api_key":          "CANARYapikey00000000000000H",
	"db_dsn_password":  "CANARYdbpass0000I",
	"totp_seed":        "CANARYTOTPSEED234567J",
}

// theirOwnName is the one place whose text comes back: the answer points at a member
// that is not known by its name, to who has sent it. The log has it not.
const theirOwnName = "the body, as the name of a member"

// places puts a text into each place of a request, one after the other, and gives
// the requests by what they are.
func (o operation) places(text string) map[string]func(*testing.T) answer {
	all := map[string]func(*testing.T) answer{}
	escaped := url.QueryEscape(text)
	for i := range o.segments {
		all[fmt.Sprint("part ", i, " of the path")] = func(t *testing.T) answer {
			spoilt := o
			spoilt.segments = slices.Clone(o.segments)
			spoilt.segments[i] = escaped
			return spoilt.ask(t, spoilt.target(), "")
		}
	}
	for _, query := range append([]string{"corpsecret", "access_token", "url", "app", "cursor"}, o.mayQuery...) {
		all["the query, as "+query] = func(t *testing.T) answer {
			return o.ask(t, o.path()+"?"+joined(o.query.Encode(), query+"="+escaped), "")
		}
		all["the query, alone, as "+query] = func(t *testing.T) answer { return o.ask(t, o.path()+"?"+query+"="+escaped, "") }
	}
	all["the name of a parameter"] = func(t *testing.T) answer {
		return o.ask(t, o.path()+"?"+joined(o.query.Encode(), escaped+"=1"), "")
	}
	for _, name := range []string{"Authorization", "Cookie", "Accept-Language", "Origin", "If-Match", "X-Forwarded-For", "Traceparent", "User-Agent", "Referer", "X-Anything",
		"Access-Control-Request-Headers", "If-None-Match", "Content-Type", "Accept-Encoding"} {
		value := map[string]string{"Authorization": "Bearer " + text, "Cookie": "__Host-signet_refresh=" + text + "; refresh=" + text}[name]
		if value == "" {
			value = text
		}
		all["the header "+name] = func(t *testing.T) answer { return o.ask(t, o.target(), name+": "+value+"\r\n") }
	}
	quoted, _ := json.Marshal(text)
	for what, body := range map[string]string{
		"a value of a wrong type": `{"name":[%s],"secret":{"a":%[1]s},"password":[%[1]s],"agentId":{"a":%[1]s},"host":[%[1]s],"corpId":[%[1]s],"email":[%[1]s],"app":[%[1]s],"url":[%[1]s]}`,
		"the name of a member":    `{%s:1}`, "a text": `%s`, "no JSON": `{"secret":%s`, "an agent id": `{"name":"a","agentId":%s,"secret":"b"}`, "a host": `{"host":%s}`,
		"a corp id": `{"name":"a","corpId":%s}`, "twice": `{"secret":%s,"secret":%[1]s}`, "an e-mail": `{"email":%s,"password":%[1]s}`,
	} {
		all["the body, as "+what] = func(t *testing.T) answer {
			spoilt := o
			spoilt.body = fmt.Sprintf(body, quoted)
			if !strings.Contains(spoilt.headers, "Content-Type") {
				spoilt.headers += "Content-Type: application/json\r\n"
			}
			return spoilt.ask(t, spoilt.target(), "")
		}
	}
	return all
}

// T-LOG-1 from the outside: a secret in a place where none belongs is in no answer,
// no line of the log, no metric and no row, whoever has put it there.
func TestASecretInAnyPlaceOfARequestComesBackNowhere(t *testing.T) {
	t.Parallel()
	n := newNode(t, wecomtest.Config{})
	n.log = slog.New(slog.NewJSONHandler(n.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	require.NoError(t, createOwner(t, n.cfg, ownerPassword))
	n.start(t)
	n.signIn(t)
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	all := n.operations(t, m)
	text := strings.Join(slices.Sorted(maps.Values(strangersCanaries)), " ")
	asked, statuses := 0, map[int]int{}
	for _, o := range all {
		for place, ask := range o.places(text) {
			a := ask(t)
			asked++
			statuses[a.status]++
			where := fmt.Sprintf("the answer %d to %s with canaries in %s", a.status, o, place)
			require.Less(t, a.status, 500, where)
			if place != theirOwnName {
				require.Empty(t, search(where, append(a.body, []byte(fmt.Sprint(a.header))...), strangersCanaries))
			}
		}
	}
	for _, o := range all { // one by one, since a place may look at the length first
		for _, value := range strangersCanaries {
			for place, ask := range o.places(value) {
				if strings.HasPrefix(place, "part ") || strings.HasSuffix(place, "agent id") || strings.HasSuffix(place, "Authorization") || strings.HasSuffix(place, "cursor") {
					a := ask(t)
					asked++
					statuses[a.status]++
					require.Empty(t, search(fmt.Sprintf("the answer %d to %s with a canary in %s", a.status, o, place), append(a.body, []byte(fmt.Sprint(a.header))...), strangersCanaries))
				}
			}
		}
	}
	t.Logf("requests: %d, by status: %v", asked, statuses)
	require.Empty(t, search("the log", []byte(n.logs.String()), strangersCanaries))
	require.Empty(t, search("the metrics", do(t, http.MethodGet, "http://"+n.server.MetricsAddr()+"/metrics", nil).body, strangersCanaries))
	require.Empty(t, searchDataFolder(t, n.db, strangersCanaries))
	n.verify(t, m, crmPage, n.sign(t, m.key, crmPage))
	require.NotEmpty(t, search("the log", []byte(n.logs.String()), map[string]string{"tenant": m.tenantID}), "the search itself can find")
}

// Nothing that shows the memory of a node is served.
func TestNoProfileIsServed(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	for name, address := range map[string]string{"public": n.server.PublicAddr(), "console": n.server.ConsoleAddr(), "metrics": n.server.MetricsAddr()} {
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/goroutine?debug=2", "/debug/pprof/cmdline", "/debug/vars", "/debug/requests"} {
			a := do(t, http.MethodGet, "http://"+address+path, nil)
			if name == "console" { // whatever is not below /api is a page of the console
				require.Equal(t, do(t, http.MethodGet, "http://"+address+"/a-page-of-the-console", nil).body, a.body, path)
				continue
			}
			require.Equal(t, http.StatusNotFound, a.status, "%s%s: %.200s", name, path, a.body)
		}
	}
	request, err := http.NewRequest(http.MethodGet, "/debug/pprof/", nil)
	require.NoError(t, err)
	_, pattern := http.DefaultServeMux.Handler(request)
	require.Empty(t, pattern, "a package that serves profiles is in the program")
}

// Not parallel: where spans go is said by the environment, which is the process's.
func TestNoSecretIsInASpanWithEveryFaultOn(t *testing.T) {
	r := newReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	n := newNode(t, wecomtest.Config{})
	n.logs = &httpapitest.LogBook{}
	n.log = slog.New(slog.NewJSONHandler(n.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	n.cfg.Traces = config.Traces{On: true}
	n.liveThroughEverything(t)
	require.NoError(t, n.stop(), "it sends what is left")
	sent, spans, text := r.received()
	require.Positive(t, sent)
	require.NotEmpty(t, spans)

	canaries := n.canaries(t)
	require.Empty(t, search("the spans", []byte(text), canaries))
	require.Empty(t, search("the log", []byte(n.logs.String()), canaries))
	require.NotEmpty(t, search("the spans", []byte(text), map[string]string{"name": "ticket access_token"}), "the search itself can find")
}
