package wecomtest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

func TestQuota_of_an_app_is_100_ticket_fetches_an_hour(t *testing.T) {
	t.Parallel()
	s, now := newFake()
	token := tokenOf(t, s, sales)
	kinds := []core.TicketKind{core.CorpTicket, core.AgentTicket}
	for i := range 100 {
		require.Zero(t, ticketOf(t, s, kinds[i%2], token).Errcode, "both kinds count together")
		now.Advance(time.Second)
	}
	require.Equal(t, 45009, ticketOf(t, s, core.CorpTicket, token).Errcode)
	require.Equal(t, 45009, ticketOf(t, s, core.AgentTicket, token).Errcode)
	require.Zero(t, ticketOf(t, s, core.AgentTicket, tokenOf(t, s, support)).Errcode, "another app of the corp goes on")
	require.Zero(t, ask(t, s, wecomtest.ListAgents, "access_token", token).Errcode, "other calls go on")

	now.Advance(time.Hour - time.Second)
	require.Equal(t, 45009, ticketOf(t, s, core.CorpTicket, token).Errcode, "the block lasts an hour from the call beyond the limit")
	now.Advance(time.Second)
	require.Zero(t, ticketOf(t, s, core.CorpTicket, token).Errcode)
}

func TestQuota_of_a_corp_is_400_ticket_fetches_an_hour(t *testing.T) {
	t.Parallel()
	s, now := newFake()
	var tokens []string
	for i := range 5 {
		app := wecomtest.App{Corp: sales.Corp, Agent: core.AgentID(fmt.Sprint(2000001 + i)), Secret: fmt.Sprintf("CANARYsecretOfApp%026d", i)}
		s.AddApp(app)
		tokens = append(tokens, tokenOf(t, s, app))
	}
	for i := range 400 {
		require.Zero(t, ticketOf(t, s, core.AgentTicket, tokens[i%5]).Errcode, i)
	}
	for _, token := range tokens {
		require.Equal(t, 45009, ticketOf(t, s, core.CorpTicket, token).Errcode)
	}
	require.Equal(t, 45009, ticketOf(t, s, core.CorpTicket, tokenOf(t, s, support)).Errcode, "also an app that fetched nothing")
	require.Zero(t, ticketOf(t, s, core.CorpTicket, tokenOf(t, s, other)).Errcode, "another corp goes on")
	now.Advance(time.Hour)
	require.Zero(t, ticketOf(t, s, core.CorpTicket, tokens[0]).Errcode)
}

func TestQuota_counts_over_an_hour_that_slides(t *testing.T) {
	t.Parallel()
	s, now := newFake()
	token := tokenOf(t, s, sales)
	for range 60 {
		require.Zero(t, ticketOf(t, s, core.CorpTicket, token).Errcode)
	}
	now.Advance(59 * time.Minute)
	for range 40 {
		require.Zero(t, ticketOf(t, s, core.CorpTicket, token).Errcode)
	}
	now.Advance(time.Minute) // the first sixty have gone, the forty have not
	for range 60 {
		require.Zero(t, ticketOf(t, s, core.CorpTicket, token).Errcode)
	}
	require.Equal(t, 45009, ticketOf(t, s, core.CorpTicket, token).Errcode)
}

func TestWrongCalls_lock_their_address_out_for_an_hour(t *testing.T) {
	t.Parallel()
	s, now := newFake()
	token := tokenOf(t, s, sales)
	for i := range 2000 {
		require.Equal(t, 40001, ask(t, s, wecom.GetToken, "corpid", string(sales.Corp), "corpsecret", "x").Errcode, i)
	}
	for _, app := range []wecomtest.App{sales, other} {
		require.Equal(t, 45009, ask(t, s, wecom.GetToken, "corpid", string(app.Corp), "corpsecret", app.Secret).Errcode, "everyone behind the address")
	}
	require.Equal(t, 45009, ticketOf(t, s, core.CorpTicket, token).Errcode, "every call")
	require.Zero(t, ask(t, s, wecom.GetToken, "corpid", string(other.Corp), "corpsecret", other.Secret, "192.0.2.2:1").Errcode, "another address goes on")
	now.Advance(time.Hour)
	require.NotEmpty(t, tokenOf(t, s, sales))
}

func TestWrongCalls_are_those_with_any_number_but_busy(t *testing.T) {
	t.Parallel()
	s, _ := newFake(func(c *wecomtest.Config) { c.Limits.WrongCalls = 2 })
	s.Inject(wecomtest.Fault{Errcode: -1, Times: 5})
	for range 5 {
		require.Equal(t, -1, ask(t, s, wecom.GetToken, "corpid", string(sales.Corp), "corpsecret", sales.Secret).Errcode)
	}
	token := tokenOf(t, s, sales)
	s.Inject(wecomtest.Fault{Errcode: 99999, Times: 2})
	for range 2 {
		require.Equal(t, 99999, ask(t, s, wecomtest.ListAgents, "access_token", token).Errcode)
	}
	require.Equal(t, 45009, ask(t, s, wecomtest.ListAgents, "access_token", token).Errcode)
}

func TestQuota_of_each_API_holds_by_corp_and_by_address(t *testing.T) {
	t.Parallel()
	s, now := newFake(func(c *wecomtest.Config) { c.Limits.CorpMinute, c.Limits.CallerMinute = 3, 5 })
	fetch := func(app wecomtest.App) int {
		return ask(t, s, wecom.GetToken, "corpid", string(app.Corp), "corpsecret", app.Secret).Errcode
	}
	for range 3 {
		require.Zero(t, fetch(sales))
	}
	require.Equal(t, 45009, fetch(support), "the corp's fourth")
	require.Zero(t, fetch(other))
	require.Equal(t, 45009, fetch(other), "the address's sixth")
	now.Advance(time.Minute)
	require.Zero(t, fetch(other), "a minute's limit blocks for a minute")
	require.Zero(t, fetch(sales))

	s, now = newFake(func(c *wecomtest.Config) { c.Limits.CorpHour, c.Limits.CallerHour = 3, 4 })
	for _, app := range []wecomtest.App{sales, sales, support} {
		require.Zero(t, fetch(app))
		now.Advance(10 * time.Minute)
	}
	require.Equal(t, 45009, fetch(sales))
	now.Advance(59 * time.Minute)
	require.Equal(t, 45009, fetch(sales))
	now.Advance(time.Minute)
	require.Zero(t, fetch(sales))
}
