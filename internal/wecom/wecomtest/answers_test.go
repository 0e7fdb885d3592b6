package wecomtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

func TestAnswers_to_wrong_calls_carry_the_number_of_the_notes(t *testing.T) {
	t.Parallel()
	s, now := newFake()
	old := tokenOf(t, s, sales)
	now.Advance(2 * time.Hour)
	void := tokenOf(t, s, sales)
	s.Void(sales.Corp, sales.Agent, core.AccessToken)
	token, foreign := tokenOf(t, s, sales), tokenOf(t, s, other)
	ticket := ticketOf(t, s, core.CorpTicket, token).Ticket

	closed := wecomtest.App{Corp: "wwcccccccccccccccc", Agent: "1000009", Secret: "CANARYclosedSecret0000000000000000000000004"}
	s.AddApp(closed)
	ofClosed := tokenOf(t, s, closed)
	s.SetClosed(closed.Corp, closed.Agent, true)

	walled := wecomtest.App{Corp: "wwdddddddddddddddd", Agent: "1000010", Secret: "CANARYwalledSecret0000000000000000000000005",
		AllowedIPs: []string{"198.51.100.7", "2001:db8::/32"}}
	s.AddApp(walled)
	ofWalled := tokenOf(t, s, walled) // gettoken may succeed while later calls do not

	for name, c := range map[string]struct {
		api   wecom.API
		pairs []string
		want  int
	}{
		"corp missing":            {wecom.GetToken, []string{"corpsecret", sales.Secret}, 41002},
		"secret missing":          {wecom.GetToken, []string{"corpid", string(sales.Corp)}, 41004},
		"corp unknown":            {wecom.GetToken, []string{"corpid", "wwffffffffffffffff", "corpsecret", sales.Secret}, 40013},
		"corp in another case":    {wecom.GetToken, []string{"corpid", "WWaaaaaaaaaaaaaaaa", "corpsecret", sales.Secret}, 40013},
		"secret unknown":          {wecom.GetToken, []string{"corpid", string(sales.Corp), "corpsecret", "x"}, 40001},
		"secret of another corp":  {wecom.GetToken, []string{"corpid", string(sales.Corp), "corpsecret", other.Secret}, 40091},
		"app closed":              {wecom.GetToken, []string{"corpid", string(closed.Corp), "corpsecret", closed.Secret}, 50003},
		"token missing":           {wecom.GetCorpTicket, nil, 41001},
		"token empty":             {wecom.GetAgentTicket, []string{"access_token", "", "type", "agent_config"}, 41001},
		"token unknown":           {wecom.GetCorpTicket, []string{"access_token", "x"}, 40014},
		"token cut":               {wecom.GetCorpTicket, []string{"access_token", token[:511]}, 40014},
		"token with another tail": {wecom.GetCorpTicket, []string{"access_token", token[:511] + "~"}, 40014},
		"token expired":           {wecom.GetCorpTicket, []string{"access_token", old}, 42001},
		"token voided":            {wecom.GetCorpTicket, []string{"access_token", void}, 40014},
		"ticket for a token":      {wecom.GetCorpTicket, []string{"access_token", ticket}, 40014},
		"ticket type missing":     {wecom.GetAgentTicket, []string{"access_token", token}, 40035},
		"ticket type wrong":       {wecom.GetAgentTicket, []string{"access_token", token, "type", "jsapi"}, 40035},
		"corp ticket of a closed": {wecom.GetCorpTicket, []string{"access_token", ofClosed}, 50003},
		"ticket of a closed app":  {wecom.GetAgentTicket, []string{"access_token", ofClosed, "type", "agent_config"}, 50003},
		"agent missing":           {wecom.GetAgent, []string{"access_token", token}, 41011},
		"agent no number":         {wecom.GetAgent, []string{"access_token", token, "agentid", "abc"}, 40056},
		"agent unknown":           {wecom.GetAgent, []string{"access_token", token, "agentid", "1999999"}, 40056},
		"agent of another app":    {wecom.GetAgent, []string{"access_token", token, "agentid", string(support.Agent)}, 301002},
		"agent of another corp":   {wecom.GetAgent, []string{"access_token", foreign, "agentid", string(support.Agent)}, 40056},
		"address not allowed":     {wecom.GetCorpTicket, []string{"access_token", ofWalled}, 60020},
		"address not allowed too": {wecom.GetAgent, []string{"access_token", ofWalled, "agentid", string(walled.Agent)}, 60020},
		"list without a token":    {wecomtest.ListAgents, nil, 41001},
		"addresses without token": {wecomtest.GetAPIAddrs, nil, 41001},

		"address allowed":         {wecom.GetCorpTicket, []string{"access_token", ofWalled, "198.51.100.7:1"}, 0},
		"network allowed":         {wecom.GetCorpTicket, []string{"access_token", ofWalled, "[2001:db8::9]:1"}, 0},
		"agent of a closed app":   {wecom.GetAgent, []string{"access_token", ofClosed, "agentid", string(closed.Agent)}, 0},
		"agent of the token's":    {wecom.GetAgent, []string{"access_token", token, "agentid", string(sales.Agent)}, 0},
		"list of the token's":     {wecomtest.ListAgents, []string{"access_token", token}, 0},
		"addresses of the API":    {wecomtest.GetAPIAddrs, []string{"access_token", token}, 0},
		"addresses of callbacks":  {wecomtest.GetCallbackIPs, []string{"access_token", token}, 0},
		"same agent number twice": {wecom.GetAgent, []string{"access_token", foreign, "agentid", string(other.Agent)}, 0},
	} {
		a := ask(t, s, c.api, c.pairs...)
		require.Equal(t, c.want, a.Errcode, "%s: %s", name, a.Errmsg)
		if c.want == 0 {
			require.Equal(t, "ok", a.Errmsg)
			continue
		}
		// The shape seen in the field.
		require.Regexp(t, `^[a-z].*, hint: \[\d{25}\], from ip: 192\.0\.2\.1, more info at https://open\.work\.weixin\.qq\.com/devtool/query\?e=`+strconv.Itoa(c.want)+`$`, a.Errmsg, name)
		require.Empty(t, a.AccessToken+a.Ticket, name)
		require.Zero(t, a.ExpiresIn)
	}
}

func TestAnswers_about_agents_have_the_documented_members(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	token := tokenOf(t, s, sales)

	a := ask(t, s, wecom.GetAgent, "access_token", token, "agentid", string(sales.Agent))
	require.Equal(t, 1000001, a.AgentID)
	require.Equal(t, sales.Name, a.Name)
	require.Zero(t, a.Close)
	s.SetClosed(sales.Corp, sales.Agent, true)
	require.Equal(t, 1, ask(t, s, wecom.GetAgent, "access_token", token, "agentid", string(sales.Agent)).Close)

	require.Len(t, ask(t, s, wecomtest.ListAgents, "access_token", token).AgentList, 1)
	require.NotEmpty(t, ask(t, s, wecomtest.GetAPIAddrs, "access_token", token).IPList)
}

func TestAnswers_are_given_to_GET_at_known_paths_only(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	for path, want := range map[string]int{
		"/cgi-bin/gettoken": 405, "/cgi-bin/nothing": 404, "/gettoken": 404, "/": 404, "/cgi-bin/": 404,
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, nil))
		require.Equal(t, want, w.Code, path)
	}
	require.Empty(t, s.Calls())
}

func TestAnswers_follow_a_corp_that_is_removed(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	token := tokenOf(t, s, sales)
	s.RemoveCorp(sales.Corp)
	require.Equal(t, 40014, ask(t, s, wecom.GetCorpTicket, "access_token", token).Errcode)
	require.Equal(t, 40013, ask(t, s, wecom.GetToken, "corpid", string(sales.Corp), "corpsecret", sales.Secret).Errcode)
	require.NotEmpty(t, tokenOf(t, s, other), "others are untouched")
}

func TestSecrets_reset_kills_the_old_one_and_its_tokens_but_no_ticket(t *testing.T) {
	t.Parallel()
	s, now := newFake()
	token := tokenOf(t, s, sales)
	ticket := ticketOf(t, s, core.AgentTicket, token).Ticket
	renewed := sales
	renewed.Secret = "CANARYrenewedSecret000000000000000000000006"

	s.ResetSecret(sales.Corp, sales.Agent, renewed.Secret)

	require.Equal(t, 40001, ask(t, s, wecom.GetToken, "corpid", string(sales.Corp), "corpsecret", sales.Secret).Errcode)
	require.Equal(t, 40014, ask(t, s, wecom.GetCorpTicket, "access_token", token).Errcode)
	require.NotEqual(t, token, tokenOf(t, s, renewed))
	require.NoError(t, s.CheckSignature(signed(sales, core.AgentTicket, ticket, "https://crm.example.com/", now)))
	require.Equal(t, []wecomtest.App{renewed, support, other}, s.Apps())
}

func TestSecrets_of_the_same_app_have_values_of_their_own(t *testing.T) {
	t.Parallel()
	for _, mode := range []wecomtest.Mode{wecomtest.SameValue, wecomtest.NewValue} {
		s, now := newFake(func(c *wecomtest.Config) { c.Mode = mode })
		twin := sales
		twin.Secret, twin.Domains = "CANARYtwinSecret000000000000000000000000007", []string{"twin.example.net"}
		s.AddApp(twin)
		values := map[string]string{}
		for _, app := range []wecomtest.App{sales, twin} {
			token := tokenOf(t, s, app)
			values[token] = app.Secret
			values[ticketOf(t, s, core.CorpTicket, token).Ticket] = app.Secret
			values[ticketOf(t, s, core.AgentTicket, token).Ticket] = app.Secret
		}
		require.Len(t, values, 6)
		for value, secret := range values {
			owner, kind, ok := s.Owner(value)
			require.True(t, ok)
			require.Equal(t, secret, owner.Secret)
			if kind == core.AccessToken {
				continue
			}
			for _, app := range []wecomtest.App{sales, twin} {
				check := signed(app, kind, value, "https://"+app.Domains[0]+"/", now)
				check.Secret = app.Secret
				require.Equal(t, app.Secret == secret, s.CheckSignature(check) == nil, "a value of one is no use to the other")
			}
		}
		s.RemoveSecret(twin.Corp, twin.Agent, twin.Secret)
		require.Equal(t, 40001, ask(t, s, wecom.GetToken, "corpid", string(twin.Corp), "corpsecret", twin.Secret).Errcode)
		require.NotEmpty(t, tokenOf(t, s, sales))
	}
}

func TestCalls_are_logged_without_any_value(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	token := tokenOf(t, s, sales)
	ticket := ticketOf(t, s, core.AgentTicket, token).Ticket
	ask(t, s, wecom.GetToken, "corpid", string(sales.Corp), "corpsecret", "CANARYwrongSecret")
	ask(t, s, wecom.GetToken, "corpid", "wwffffffffffffffff", "corpsecret", "CANARYwrongSecret")

	calls := s.Calls()
	require.Len(t, calls, 4)
	require.Equal(t, sales.Agent, calls[1].Agent)
	require.Equal(t, 40001, calls[2].Errcode)
	require.Equal(t, core.CorpID("wwffffffffffffffff"), calls[3].Corp)
	text := fmt.Sprintf("%+v", calls)
	for _, hidden := range []string{token, ticket, token[len(token)-20:], ticket[len(ticket)-20:], "CANARY"} {
		require.NotContains(t, text, hidden)
	}
	require.Equal(t, 3, s.Count(wecomtest.Filter{API: wecom.GetToken}))
	require.Equal(t, 3, s.Count(wecomtest.Filter{Corp: sales.Corp}))
	require.Equal(t, 2, s.Count(wecomtest.Filter{Agent: sales.Agent}))
	require.Equal(t, 1, s.Count(wecomtest.Filter{Errcode: new(40001)}))
	require.Equal(t, 2, s.Count(wecomtest.Filter{Credential: calls[0].Credential}))
	s.ForgetCalls()
	require.Zero(t, s.Count(wecomtest.Filter{}))
}
