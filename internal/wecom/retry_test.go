package wecom_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

func contextWithCancelAfter(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(d, cancel)
	return ctx, func() { timer.Stop(); cancel() }
}

func TestCall_tries_a_busy_WeCom_three_times_with_full_jitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var limits []time.Duration
		fake, client, end := inBubble(t, wecom.Config{Jitter: func(limit time.Duration) time.Duration {
			limits = append(limits, limit)
			return limit - 1
		}})
		defer end()
		fake.Inject(wecomtest.Fault{Errcode: -1})
		begun := time.Now()

		_, err := client.AccessToken(t.Context(), corp, core.NewSecret(secret))

		require.Equal(t, -1, asError(t, err).Errcode)
		require.Equal(t, 3, fake.Count(wecomtest.Filter{}))
		require.Equal(t, []time.Duration{200 * time.Millisecond, 400 * time.Millisecond}, limits)
		require.Equal(t, 600*time.Millisecond-2, time.Since(begun), "the jitter is what is waited")
	})
}

func TestCall_succeeds_once_WeCom_is_no_longer_busy(t *testing.T) {
	t.Parallel()
	fake := newFake(t, wecomtest.Config{})
	fake.Inject(wecomtest.Fault{Errcode: -1, Times: 2})

	_, err := newClient(t, fake.URL()).AccessToken(t.Context(), corp, core.NewSecret(secret))

	require.NoError(t, err)
	require.Equal(t, 3, fake.Count(wecomtest.Filter{}))
}

func TestCall_does_not_pause_beyond_its_deadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, client, end := inBubble(t, wecom.Config{
			Timeout: time.Second,
			Jitter:  func(time.Duration) time.Duration { return time.Hour },
		})
		defer end()
		fake.Inject(wecomtest.Fault{Errcode: -1})
		begun := time.Now()

		_, err := client.AccessToken(t.Context(), corp, core.NewSecret(secret))

		require.Equal(t, -1, asError(t, err).Errcode, "the failure that was met, not the deadline")
		require.Equal(t, time.Second, time.Since(begun))
		require.Equal(t, 1, fake.Count(wecomtest.Filter{}))
	})
}

func TestCall_tries_a_broken_connection_once_more(t *testing.T) {
	t.Parallel()
	for _, behaviour := range []wecomtest.Behaviour{wecomtest.Reset, wecomtest.ResetMid, wecomtest.Truncate, wecomtest.Empty} {
		t.Run(string(behaviour), func(t *testing.T) {
			t.Parallel()
			fake := newFake(t, wecomtest.Config{})
			client := newClient(t, fake.URL())

			fake.Inject(wecomtest.Fault{Behaviour: behaviour, Times: 1})
			_, err := client.AccessToken(t.Context(), corp, core.NewSecret(secret))
			require.NoError(t, err)
			require.Equal(t, 2, fake.Count(wecomtest.Filter{}))

			fake.ForgetCalls()
			fake.Inject(wecomtest.Fault{Behaviour: behaviour})
			_, err = client.AccessToken(t.Context(), corp, core.NewSecret(secret))
			require.Equal(t, wecom.NoAnswer, asError(t, err).Class)
			require.Equal(t, 2, fake.Count(wecomtest.Filter{}))
		})
	}
}

func TestCall_repeats_nothing_that_WeCom_may_count_as_wrong(t *testing.T) {
	t.Parallel()
	numbers := append(wecom.Errcodes(), 99999, 1, -40001)
	for _, errcode := range numbers {
		if errcode == -1 {
			continue
		}
		fake := newFake(t, wecomtest.Config{})
		fake.Inject(wecomtest.Fault{Errcode: errcode})

		_, err := newClient(t, fake.URL()).AccessToken(t.Context(), corp, core.NewSecret(secret))

		require.Equal(t, errcode, asError(t, err).Errcode)
		require.Equal(t, 1, fake.Count(wecomtest.Filter{}), errcode)
	}
}

func TestCall_judges_by_errcode_whatever_the_status(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 429, 500, 503} {
		fake := newFake(t, wecomtest.Config{})
		fake.Inject(wecomtest.Fault{Errcode: 40001, Status: status, Header: map[string]string{"Retry-After": "7"}})

		_, err := newClient(t, fake.URL()).AccessToken(t.Context(), corp, core.NewSecret(secret))

		e := asError(t, err)
		require.Equal(t, 40001, e.Errcode)
		require.Equal(t, wecom.Configure, e.Class)
		require.Equal(t, status, e.Status)
		require.True(t, e.DeadSecret())
		require.Equal(t, status == 429 || status == 503, e.RetryAfter == 7*time.Second)
	}
}

func TestCall_believes_no_value_under_a_status_of_failure(t *testing.T) {
	t.Parallel()
	fake := newFake(t, wecomtest.Config{})
	fake.Inject(wecomtest.Fault{Status: http.StatusInternalServerError, Body: `{"errcode":0,"access_token":"t","expires_in":7200}`})

	_, err := newClient(t, fake.URL()).AccessToken(t.Context(), corp, core.NewSecret(secret))

	require.Equal(t, 500, asError(t, err).Status)
}

func TestRetryAfter_is_read_in_both_forms_and_bounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"":                               0,
		"30":                             30 * time.Second,
		"0":                              0,
		"-5":                             0,
		"3600":                           time.Hour,
		"3601":                           time.Hour,
		"999999999":                      time.Hour,
		"99999999999999999999999":        time.Hour,
		"-99999999999999999999999":       0,
		"1.5":                            0,
		"soon":                           0,
		"Fri, 02 Jan 2026 03:04:35 GMT":  30 * time.Second,
		"Fri, 02 Jan 2026 03:04:00 GMT":  0,
		"Fri, 02 Jan 2126 03:04:00 GMT":  time.Hour,
		"Thu, 01 Jan 1970 00:00:00 GMT":  0,
		"Fri, 99 Jan 2026 03:04:35 GMT ": 0,
	} {
		require.Equal(t, want, wecom.ParseRetryAfter(text, now), text)
	}
}

func TestCall_tells_how_often_WeCom_was_asked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault wecomtest.Fault
		tries int
	}{
		{wecomtest.Fault{Errcode: -1, Times: 2}, 3},
		{wecomtest.Fault{Errcode: -1}, 3},
		{wecomtest.Fault{Behaviour: wecomtest.ResetMid}, 2},
		{wecomtest.Fault{Errcode: 40001}, 1},
		{wecomtest.Fault{Body: `{"errcode":0}`}, 1},
		{wecomtest.Fault{}, 1},
	} {
		fake := newFake(t, wecomtest.Config{})
		fake.Inject(c.fault)
		grant, err := newClient(t, fake.URL()).AccessToken(t.Context(), corp, core.NewSecret(secret))
		tries := grant.Tries
		if err != nil {
			tries = asError(t, err).Tries
		}
		require.Equal(t, c.tries, tries, c.fault)
		require.Equal(t, c.tries, fake.Count(wecomtest.Filter{}), c.fault)
	}
}

func TestOnce_tries_each_call_once(t *testing.T) {
	t.Parallel()
	fake := newFake(t, wecomtest.Config{})
	fake.Inject(wecomtest.Fault{Errcode: -1})
	client := newClient(t, fake.URL())
	_, err := client.Once().AccessToken(t.Context(), corp, core.NewSecret(secret))
	require.Equal(t, 1, asError(t, err).Tries)
	require.Equal(t, 1, fake.Count(wecomtest.Filter{}))
	_, err = client.AccessToken(t.Context(), corp, core.NewSecret(secret))
	require.Equal(t, 3, asError(t, err).Tries, "the client itself goes on as it was")
}
