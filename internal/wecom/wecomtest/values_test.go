package wecomtest_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"signet/internal/core"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

func TestValues_name_corp_app_and_credential_and_are_as_long_as_WeComs(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	token := tokenOf(t, s, sales)
	require.Len(t, token, 512)
	agentTicket := ticketOf(t, s, core.AgentTicket, token).Ticket
	corpTicket := ticketOf(t, s, core.CorpTicket, token).Ticket
	credential := s.Calls()[0].Credential
	for _, value := range []string{token, agentTicket, corpTicket} {
		require.Contains(t, value, fmt.Sprintf(".%s.%s.%s.", sales.Corp, sales.Agent, credential))
	}
	require.True(t, strings.HasSuffix(agentTicket, "="), "whoever encodes a ticket before signing must find out")
}

func TestMode_decides_what_a_repeated_fetch_brings(t *testing.T) {
	t.Parallel()
	for mode, want := range map[wecomtest.Mode]struct {
		same     bool
		left     int
		oldLives bool
	}{
		wecomtest.SameValue:    {true, 7100, true},
		wecomtest.SameFullLife: {true, 7200, true},
		wecomtest.NewValue:     {false, 7200, true},
		wecomtest.NewVoidsOld:  {false, 7200, false},
	} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			s, now := newFake(func(c *wecomtest.Config) { c.Mode = mode })
			first := ask(t, s, wecom.GetToken, "corpid", string(sales.Corp), "corpsecret", sales.Secret)
			require.Equal(t, 7200, first.ExpiresIn)
			now.Advance(100 * time.Second)
			second := ask(t, s, wecom.GetToken, "corpid", string(sales.Corp), "corpsecret", sales.Secret)
			require.Equal(t, want.same, first.AccessToken == second.AccessToken)
			require.Equal(t, want.left, second.ExpiresIn)
			require.Equal(t, want.oldLives, ticketOf(t, s, core.AgentTicket, first.AccessToken).Errcode == 0)

			ticket := ticketOf(t, s, core.CorpTicket, second.AccessToken)
			now.Advance(100 * time.Second)
			again := ticketOf(t, s, core.CorpTicket, second.AccessToken)
			require.Equal(t, want.same, ticket.Ticket == again.Ticket)
			require.Equal(t, want.left, again.ExpiresIn)
			check := signed(sales, core.CorpTicket, ticket.Ticket, "https://crm.example.com/", now)
			require.Equal(t, want.oldLives, s.CheckSignature(check) == nil)

			now.Advance(7000 * time.Second) // the end of the first token is its own, whatever was claimed
			require.Equal(t, want.oldLives, ask(t, s, wecom.GetCorpTicket, "access_token", first.AccessToken).Errcode == 42001)
			third := ask(t, s, wecom.GetToken, "corpid", string(sales.Corp), "corpsecret", sales.Secret)
			require.NotEqual(t, first.AccessToken, third.AccessToken)
		})
	}
}

func TestMode_of_tickets_can_differ_from_that_of_tokens(t *testing.T) {
	t.Parallel()
	s, _ := newFake(func(c *wecomtest.Config) { c.TicketMode = wecomtest.NewValue })
	token := tokenOf(t, s, sales)
	require.Equal(t, token, tokenOf(t, s, sales))
	require.NotEqual(t, ticketOf(t, s, core.CorpTicket, token).Ticket, ticketOf(t, s, core.CorpTicket, token).Ticket)
}

func TestMode_is_read_from_text(t *testing.T) {
	t.Parallel()
	mode, err := wecomtest.ParseMode("same_7200")
	require.NoError(t, err)
	require.Equal(t, wecomtest.SameFullLife, mode)
	_, err = wecomtest.ParseMode("kind")
	require.ErrorContains(t, err, "new_voids")
}

func TestCorpTicket_can_be_shared_by_the_apps_of_a_corp(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		s, now := newFake(func(c *wecomtest.Config) { c.SharedCorpTicket = shared })
		a := ticketOf(t, s, core.CorpTicket, tokenOf(t, s, sales)).Ticket
		b := ticketOf(t, s, core.CorpTicket, tokenOf(t, s, support)).Ticket
		require.Equal(t, shared, a == b)
		require.NotEqual(t, a, ticketOf(t, s, core.CorpTicket, tokenOf(t, s, other)).Ticket)
		// Any app's corp ticket signs for every app of the corp.
		require.NoError(t, s.CheckSignature(signed(support, core.CorpTicket, a, "https://help.example.com:8443/", now)))
		require.Contains(t, s.Issued(sales.Corp, sales.Agent, core.CorpTicket), a)
	}
}

func TestValues_live_exactly_as_long_as_they_may(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		mode := rapid.SampledFrom([]wecomtest.Mode{wecomtest.SameValue, wecomtest.NewValue}).Draw(t, "mode")
		s, now := newFake(func(c *wecomtest.Config) { c.Mode = mode })
		end := map[string]time.Time{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			a := ask(t, s, wecom.GetToken, "corpid", string(sales.Corp), "corpsecret", sales.Secret)
			claimed := now.Now().Add(time.Duration(a.ExpiresIn) * time.Second)
			if known, held := end[a.AccessToken]; held {
				require.Equal(t, known, claimed, "the end of a value never moves")
			}
			end[a.AccessToken] = claimed
			now.Advance(time.Duration(rapid.IntRange(0, 4000).Draw(t, "seconds")) * time.Second)
			for token, e := range end {
				want := 0
				if !now.Now().Before(e) {
					want = 42001
				}
				require.Equal(t, want, ask(t, s, wecomtest.ListAgents, "access_token", token).Errcode)
			}
		}
		require.Len(t, s.Issued(sales.Corp, sales.Agent, core.AccessToken), len(end))
	})
}

func TestValues_given_before_a_restart_are_known_after_it(t *testing.T) {
	t.Parallel()
	seed := func(text string) func(*wecomtest.Config) {
		return func(c *wecomtest.Config) { c.Seed = []byte(text) }
	}
	for _, mode := range []wecomtest.Mode{wecomtest.SameValue, wecomtest.NewValue} {
		before, then := newFake(seed("one"), func(c *wecomtest.Config) { c.Mode = mode })
		then.Advance(time.Minute)
		tokenOf(t, before, sales)
		token := tokenOf(t, before, sales)
		var tickets []wecomtest.Check
		for _, kind := range []core.TicketKind{core.CorpTicket, core.AgentTicket} {
			tickets = append(tickets, signed(sales, kind, ticketOf(t, before, kind, token).Ticket, "https://crm.example.com/a", then))
		}

		// Restarted with the same seed, 100 minutes later.
		after := wecomtest.New(wecomtest.Config{Clock: then.Now, Seed: []byte("one"), Mode: mode})
		require.Equal(t, 40014, ask(t, after, wecomtest.ListAgents, "access_token", token).Errcode, "the app is not there yet")
		then.Advance(100 * time.Minute)
		after = wecomtest.New(wecomtest.Config{Clock: then.Now, Seed: []byte("one"), Mode: mode})
		after.AddApp(sales)
		require.Zero(t, ask(t, after, wecomtest.ListAgents, "access_token", token).Errcode)
		require.Contains(t, after.Issued(sales.Corp, sales.Agent, core.AccessToken), token)
		for _, check := range tickets {
			require.NoError(t, after.CheckSignature(check), mode)
		}

		// With another seed, or another secret, they are nobody's.
		stranger, _ := newFake(seed("two"), func(c *wecomtest.Config) { c.Clock = then.Now })
		require.Equal(t, 40014, ask(t, stranger, wecomtest.ListAgents, "access_token", token).Errcode)
		require.Error(t, stranger.CheckSignature(tickets[0]))
		renewed := sales
		renewed.Secret = "CANARYrenewedSecret000000000000000000000006"
		reset := wecomtest.New(wecomtest.Config{Clock: then.Now, Seed: []byte("one")})
		reset.AddApp(renewed)
		require.Equal(t, 40014, ask(t, reset, wecomtest.ListAgents, "access_token", token).Errcode)

		// And their end is the old one.
		then.Advance(21 * time.Minute)
		late := wecomtest.New(wecomtest.Config{Clock: then.Now, Seed: []byte("one"), Mode: mode})
		late.AddApp(sales)
		require.Equal(t, 42001, ask(t, late, wecomtest.ListAgents, "access_token", token).Errcode)
		require.Error(t, late.CheckSignature(tickets[0]))
	}
}

func TestValues_are_the_same_for_calls_at_once(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	var group sync.WaitGroup
	tokens := make([]string, 50)
	for i := range tokens {
		group.Go(func() { tokens[i] = tokenOf(t, s, sales) })
	}
	group.Wait()
	for _, token := range tokens {
		require.Equal(t, tokens[0], token)
	}
	require.Equal(t, 50, s.Count(wecomtest.Filter{}))
	require.Len(t, s.Issued(sales.Corp, sales.Agent, core.AccessToken), 1)
}
