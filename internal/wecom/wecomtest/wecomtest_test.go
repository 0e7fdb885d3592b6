package wecomtest_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"signet/internal/core"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Two apps of one corp, and one of another.
var (
	sales   = wecomtest.App{Corp: "wwaaaaaaaaaaaaaaaa", Agent: "1000001", Name: "销售", Secret: "CANARYsalesSecret00000000000000000000000001", Domains: []string{"crm.example.com"}}
	support = wecomtest.App{Corp: "wwaaaaaaaaaaaaaaaa", Agent: "1000002", Name: "客服", Secret: "CANARYsupportSecret000000000000000000000002", Domains: []string{"help.example.com:8443"}}
	other   = wecomtest.App{Corp: "wwbbbbbbbbbbbbbbbb", Agent: "1000001", Name: "别家", Secret: "CANARYotherSecret00000000000000000000000003", Domains: []string{"crm.example.org"}}
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newFake makes a fake with the three apps, on a clock of its own.
func newFake(change ...func(*wecomtest.Config)) (*wecomtest.Server, *clock) {
	c := newClock()
	cfg := wecomtest.Config{Clock: c.Now}
	for _, f := range change {
		f(&cfg)
	}
	s := wecomtest.New(cfg)
	for _, app := range []wecomtest.App{sales, support, other} {
		s.AddApp(app)
	}
	return s, c
}

// answer is any of WeCom's.
type answer struct {
	Errcode     int      `json:"errcode"`
	Errmsg      string   `json:"errmsg"`
	AccessToken string   `json:"access_token"`
	Ticket      string   `json:"ticket"`
	ExpiresIn   int      `json:"expires_in"`
	AgentID     int      `json:"agentid"`
	Name        string   `json:"name"`
	Close       int      `json:"close"`
	AgentList   []any    `json:"agentlist"`
	IPList      []string `json:"ip_list"`
	UserID      string   `json:"userid"`
	OpenID      string   `json:"openid"`
}

// ask makes a call from 192.0.2.1, or from the address given last.
func ask(t require.TestingT, s http.Handler, api wecom.API, pairs ...string) answer {
	from := "192.0.2.1:1234"
	if len(pairs)%2 == 1 {
		from = pairs[len(pairs)-1]
	}
	query := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodGet, "/cgi-bin/"+string(api)+"?"+query.Encode(), nil)
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code)
	var a answer
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a), w.Body.String())
	return a
}

func tokenOf(t require.TestingT, s http.Handler, app wecomtest.App) string {
	a := ask(t, s, wecom.GetToken, "corpid", string(app.Corp), "corpsecret", app.Secret)
	require.Zero(t, a.Errcode, a.Errmsg)
	return a.AccessToken
}

func ticketOf(t require.TestingT, s http.Handler, kind core.TicketKind, token string) answer {
	if kind == core.CorpTicket {
		return ask(t, s, wecom.GetCorpTicket, "access_token", token)
	}
	return ask(t, s, wecom.GetAgentTicket, "access_token", token, "type", "agent_config")
}
