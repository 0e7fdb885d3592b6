package wecomtest_test

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/papers"
	"signet/internal/wecom/wecomtest"
)

// signed makes the check of a good signature.
func signed(app wecomtest.App, kind core.TicketKind, ticket, page string, now *clock) wecomtest.Check {
	check := wecomtest.Check{
		Kind: wecomtest.CheckConfig, Corp: app.Corp, Agent: app.Agent,
		PageURL: page, Timestamp: now.Now().Unix(), Nonce: "k7Qf2LxN9",
	}
	if kind == core.AgentTicket {
		check.Kind = wecomtest.CheckAgentConfig
	}
	check.Signature = wecomtest.Sign(ticket, check.Nonce, check.Timestamp, page)
	return check
}

func TestCheckSignature_refuses_as_the_client_does(t *testing.T) {
	t.Parallel()
	s, now := newFake()
	corpTicket := ticketOf(t, s, core.CorpTicket, tokenOf(t, s, sales)).Ticket
	agentTicket := ticketOf(t, s, core.AgentTicket, tokenOf(t, s, sales)).Ticket
	ofSupport := ticketOf(t, s, core.AgentTicket, tokenOf(t, s, support)).Ticket
	foreign := ticketOf(t, s, core.CorpTicket, tokenOf(t, s, other)).Ticket
	const page = "https://crm.example.com/sidebar?x=1"

	config := func(change ...func(*wecomtest.Check)) wecomtest.Check {
		c := signed(sales, core.CorpTicket, corpTicket, page, now)
		for _, f := range change {
			f(&c)
		}
		return c
	}
	agentConfig := func(ticket string, change ...func(*wecomtest.Check)) wecomtest.Check {
		c := signed(sales, core.AgentTicket, ticket, page, now)
		for _, f := range change {
			f(&c)
		}
		return c
	}
	shown := func(url string) func(*wecomtest.Check) { return func(c *wecomtest.Check) { c.PageURL = url } }

	for name, c := range map[string]struct {
		check wecomtest.Check
		want  int
	}{
		"config":                              {config(), 0},
		"config without an agent":             {config(func(c *wecomtest.Check) { c.Agent = "" }), 0},
		"a fragment is not signed":            {config(shown(page + "#/orders?a=b")), 0},
		"agentConfig":                         {agentConfig(agentTicket), 0},
		"corp unknown":                        {config(func(c *wecomtest.Check) { c.Corp = "wwffffffffffffffff" }), 40013},
		"corp in another case":                {config(func(c *wecomtest.Check) { c.Corp = "WWaaaaaaaaaaaaaaaa" }), 40013},
		"agent unknown":                       {agentConfig(agentTicket, func(c *wecomtest.Check) { c.Agent = "1999999" }), 40056},
		"agent missing":                       {agentConfig(agentTicket, func(c *wecomtest.Check) { c.Agent = "" }), 41011},
		"kind unknown":                        {config(func(c *wecomtest.Check) { c.Kind = "x" }), 40035},
		"nonce missing":                       {config(func(c *wecomtest.Check) { c.Nonce = "" }), 40035},
		"another nonce":                       {config(func(c *wecomtest.Check) { c.Nonce = "k7Qf2LxN8" }), 40093},
		"another time":                        {config(func(c *wecomtest.Check) { c.Timestamp++ }), 40093},
		"another page":                        {config(shown("https://crm.example.com/sidebar?x=2")), 40093},
		"a page in another spelling":          {config(shown("https://crm.example.com/sidebar?x=%31")), 40093},
		"signature in upper case":             {config(func(c *wecomtest.Check) { c.Signature = "F" + c.Signature[1:] }), 40093},
		"corp ticket for agentConfig":         {agentConfig(corpTicket), 40093},
		"agent ticket for config":             {config(func(c *wecomtest.Check) { *c = agentConfig(agentTicket); c.Kind = wecomtest.CheckConfig }), 40093},
		"agent ticket of another app":         {agentConfig(ofSupport), 42012},
		"corp ticket of another corp":         {signed(sales, core.CorpTicket, foreign, page, now), 40093},
		"a page that is not trusted":          {signed(sales, core.CorpTicket, corpTicket, "https://evil.example.net/", now), 80001},
		"a page that is only nearly trusted":  {signed(sales, core.CorpTicket, corpTicket, "https://crm.example.com.evil.example.net/", now), 80001},
		"a page on another port":              {signed(sales, core.CorpTicket, corpTicket, "https://crm.example.com:8443/", now), 80001},
		"a page with a user":                  {signed(sales, core.CorpTicket, corpTicket, "https://crm.example.com@evil.example.net/", now), 80001},
		"a page with a backslash":             {signed(sales, core.CorpTicket, corpTicket, `https://crm.example.com\.evil.example.net/`, now), 80001},
		"another app's page with its ticket":  {signed(support, core.AgentTicket, ofSupport, "https://crm.example.com/", now), 80001},
		"the other app's own page and ticket": {signed(support, core.AgentTicket, ofSupport, "https://help.example.com:8443/", now), 0},
	} {
		err := s.CheckSignature(c.check)
		if c.want == 0 {
			require.NoError(t, err, name)
			continue
		}
		var refusal *wecomtest.CheckError
		require.ErrorAs(t, err, &refusal, name)
		require.Equal(t, c.want, refusal.Errcode, name)
	}
	require.EqualError(t, s.CheckSignature(agentConfig(ofSupport)),
		"agentConfig:ticket no available more info at https://open.work.weixin.qq.com/devtool/query?e=42012")

	now.Advance(2 * time.Hour)
	var refusal *wecomtest.CheckError
	require.ErrorAs(t, s.CheckSignature(config()), &refusal)
	require.Equal(t, 40093, refusal.Errcode, "the ticket has ended")
	require.ErrorAs(t, s.CheckSignature(agentConfig(agentTicket)), &refusal)
	require.Equal(t, 42012, refusal.Errcode, "no agent ticket lives")
}

func TestCheckSignature_knows_a_ticket_that_was_voided(t *testing.T) {
	t.Parallel()
	s, now := newFake()
	ticket := ticketOf(t, s, core.CorpTicket, tokenOf(t, s, sales)).Ticket
	check := signed(sales, core.CorpTicket, ticket, "https://crm.example.com/", now)
	require.NoError(t, s.CheckSignature(check))
	s.Void(sales.Corp, sales.Agent, core.CorpTicket)
	require.Error(t, s.CheckSignature(check))
}

func TestCheckSignature_can_demand_the_ticket_of_one_secret(t *testing.T) {
	t.Parallel()
	s, now := newFake()
	twin := sales
	twin.Secret = "CANARYtwinSecret000000000000000000000000007"
	s.AddApp(twin)
	for _, kind := range []core.TicketKind{core.CorpTicket, core.AgentTicket} {
		ticket := ticketOf(t, s, kind, tokenOf(t, s, sales)).Ticket
		check := signed(twin, kind, ticket, "https://crm.example.com/", now)
		require.NoError(t, s.CheckSignature(check), "to the client it is one app")
		check.Secret = sales.Secret
		require.NoError(t, s.CheckSignature(check))
		check.Secret = twin.Secret
		require.Error(t, s.CheckSignature(check))
	}
}

func TestDomainRules_agree_with_the_vectors(t *testing.T) {
	t.Parallel()
	var vectors struct {
		Rows []struct {
			Rule       string `json:"rule"`
			Configured string `json:"configured"`
			Page       string `json:"page"`
			Expect     *bool  `json:"expect"`
		} `json:"trusted_domain"`
	}
	require.NoError(t, json.Unmarshal(papers.Read(t, "wecom-vectors.json"), &vectors))
	require.Len(t, vectors.Rows, 15)
	rules := map[string]wecomtest.DomainRule{"oauth": wecomtest.DomainExact, "jssdk": wecomtest.DomainSubdomain}
	for _, row := range vectors.Rows {
		rule, ok := rules[row.Rule]
		require.True(t, ok, row.Rule)
		want := false // an open question is answered strictly
		if row.Expect != nil {
			want = *row.Expect
		}
		require.Equal(t, want, rule.Trusts(row.Configured, row.Page), "%+v", row)
	}
}

func TestDomainRules_trust_no_page_that_only_looks_right(t *testing.T) {
	t.Parallel()
	for _, page := range []string{
		"https://example.com.evil.net/", "https://badexample.com/", "https://example.com@evil.net/", "https://evil.net/example.com",
		"https://evil.net?example.com", "https://example.com:444/", "https://EXAMPLE.com/", "https://example.com./", "https://user@example.com/", "https://@example.com/", "ftp://example.com/",
		"javascript:example.com", "//example.com/", "example.com", "", "https://[::1]/", `https://example.com\@evil.net/`, "https://example.com%2eevil.net/",
	} {
		require.False(t, wecomtest.DomainSubdomain.Trusts("example.com", page), page)
	}
	require.True(t, wecomtest.DomainSubdomain.Trusts("example.com", "http://a.b.example.com/"))
	require.False(t, wecomtest.DomainExact.Trusts("example.com", "https://a.example.com/"))
	require.True(t, wecomtest.DomainExact.Trusts("example.com:443", "https://example.com/"))
	require.False(t, wecomtest.DomainSubdomain.Trusts("", "https://example.com/"))
	require.False(t, wecomtest.DomainSubdomain.Trusts("1.2.3.4", "https://1.2.3.4/"), "bare addresses do not work")
}

func TestSign_agrees_with_the_vectors(t *testing.T) {
	t.Parallel()
	var vectors struct {
		Rows []struct {
			ID        string `json:"id"`
			Page      string `json:"page_href"`
			Ticket    string `json:"jsapi_ticket"`
			Nonce     string `json:"noncestr"`
			Timestamp int64  `json:"timestamp"`
			Signature string `json:"signature"`
		} `json:"jssdk_signature"`
	}
	require.NoError(t, json.Unmarshal(papers.Read(t, "wecom-vectors.json"), &vectors))
	require.Len(t, vectors.Rows, 33)
	for _, row := range vectors.Rows {
		require.Equal(t, row.Signature, wecomtest.Sign(row.Ticket, row.Nonce, row.Timestamp, row.Page), row.ID)
	}
}
