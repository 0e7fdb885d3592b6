package wecom_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// refusedWith makes one call that WeCom refuses with a number.
func refusedWith(t *testing.T, api wecom.API, errcode int) *wecom.Error {
	t.Helper()
	fake := newFake(t, wecomtest.Config{})
	client := newClient(t, fake.URL())
	token, err := client.AccessToken(t.Context(), corp, core.NewSecret(secret))
	require.NoError(t, err)
	fake.Inject(wecomtest.Fault{Errcode: errcode})
	switch api {
	case wecom.GetToken:
		_, err = client.AccessToken(t.Context(), corp, core.NewSecret(secret))
	case wecom.GetCorpTicket:
		_, err = client.CorpTicket(t.Context(), token.Value)
	case wecom.GetAgentTicket:
		_, err = client.AgentTicket(t.Context(), token.Value)
	case wecom.GetAgent:
		_, err = client.Agent(t.Context(), token.Value, agent)
	}
	e := asError(t, err)
	require.Equal(t, api, e.API)
	return e
}

func TestError_of_40001_means_a_dead_secret_only_from_gettoken(t *testing.T) {
	t.Parallel()
	for _, errcode := range []int{40001, 40091} {
		e := refusedWith(t, wecom.GetToken, errcode)
		require.True(t, e.DeadSecret())
		require.Equal(t, wecom.Configure, e.Class)
		require.Equal(t, fault.SecretRejected, wecom.Fault(e).Code)
	}
	for _, api := range []wecom.API{wecom.GetCorpTicket, wecom.GetAgentTicket, wecom.GetAgent} {
		e := refusedWith(t, api, 40001)
		require.False(t, e.DeadSecret(), api)
		require.Equal(t, wecom.Refresh, e.Class, "as 40014")
		require.Equal(t, wecom.Refresh, refusedWith(t, api, 40014).Class)
		require.Equal(t, fault.WeComUnavailable, wecom.Fault(e).Code)
	}
	require.True(t, refusedWith(t, wecom.GetAgent, 40013).DeadSecret())
	require.False(t, refusedWith(t, wecom.GetToken, 50003).DeadSecret(), "good again once the app is enabled")
}

func TestFault_names_every_failure_in_public_words(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		errcode int
		code    fault.Code
		reason  fault.Reason
		wait    time.Duration
	}{
		{40001, fault.SecretRejected, "", time.Minute},
		{40091, fault.SecretRejected, "", time.Minute},
		{40013, fault.SecretRejected, "", time.Minute},
		{60020, fault.IPRefused, "", time.Minute},
		{45009, fault.WeComQuota, "", time.Hour},
		{45033, fault.WeComUnavailable, "", 5 * time.Second},
		{-1, fault.WeComUnavailable, "", 5 * time.Second},
		{40014, fault.WeComUnavailable, "", 5 * time.Second},
		{50003, fault.WeComUnavailable, fault.ReasonAppDisabled, time.Minute},
		{48002, fault.WeComUnavailable, "", time.Minute},
		{99999, fault.WeComUnavailable, "", 5 * time.Second},
	} {
		e := refusedWith(t, wecom.GetToken, c.errcode)
		public := wecom.Fault(fmt.Errorf("fetch token: %w", e))
		require.Equal(t, c.code, public.Code, c.errcode)
		require.Equal(t, c.reason, public.Reason, c.errcode)
		require.Equal(t, c.wait, public.RetryAfter, c.errcode)
		require.Equal(t, c.errcode, public.Errcode)
		require.ErrorIs(t, public, e, "the cause is kept for the log")
	}
	require.Nil(t, wecom.Fault(nil))
	require.Equal(t, fault.InternalError, wecom.Fault(errors.New("other")).Code)
}

func TestError_of_60020_carries_our_own_address_and_nothing_else_of_the_text(t *testing.T) {
	t.Parallel()
	for errmsg, want := range map[string]string{
		"not allow to access from your ip, hint: [1], from ip: 203.0.113.7, more info at x": "203.0.113.7",
		"from ip: 2001:db8::7":               "2001:db8::7",
		"from ip: ::ffff:203.0.113.7, more":  "203.0.113.7",
		"from ip: 203.0.113.7<script>, more": "",
		"from ip: fe80::1%eth0, more":        "",
		"from ip: 999.1.1.1, more":           "",
		"from ip:":                           "",
		"not allowed":                        "",
	} {
		fake := newFake(t, wecomtest.Config{})
		fake.Inject(wecomtest.Fault{Body: fmt.Sprintf(`{"errcode":60020,"errmsg":%q}`, errmsg)})
		_, err := newClient(t, fake.URL()).AccessToken(t.Context(), corp, core.NewSecret(secret))

		e := asError(t, err)
		require.Equal(t, want, e.IP, errmsg)
		require.Equal(t, "wecom gettoken: errcode 60020, calling address not allowed", e.Error())
		require.Equal(t, fault.Args{"ip": want}, wecom.Fault(err).Args)
	}
}

func TestError_counts_as_wrong_call_unless_it_was_about_frequency(t *testing.T) {
	t.Parallel()
	for _, errcode := range append(wecom.Errcodes(), 99999) {
		frequency := errcode == -1 || errcode == 6000 || errcode == 45009 || errcode == 45033
		require.Equal(t, !frequency, (&wecom.Error{Errcode: errcode}).Refused(), errcode)
	}
	require.False(t, (&wecom.Error{}).Refused(), "nothing was answered")
}

func TestError_gives_the_console_a_reason(t *testing.T) {
	t.Parallel()
	for errcode, want := range map[int]fault.Reason{
		40001: fault.ReasonWrongSecret, 40091: fault.ReasonWrongCorp, 40013: fault.ReasonWrongCorp,
		40056: fault.ReasonWrongAgent, 301002: fault.ReasonWrongAgent, 50003: fault.ReasonAppDisabled,
		60020: fault.ReasonIPRefused, 48002: fault.ReasonOther,
	} {
		require.Equal(t, want, (&wecom.Error{Errcode: errcode}).Reason(), errcode)
	}
}

func TestError_can_be_compared_with_what_it_was(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newClient(t, "http://127.0.0.1:1").AccessToken(ctx, corp, core.NewSecret(secret))
	require.ErrorIs(t, err, context.Canceled)
}
