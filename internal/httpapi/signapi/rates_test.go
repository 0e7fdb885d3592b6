package signapi

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/httpapi"
)

func TestClientsAreCountedByTheirNetworks(t *testing.T) {
	t.Parallel()
	key := func(address string) [16]byte { return networkKey(netip.MustParseAddr(address)) }
	require.Equal(t, key("203.0.113.9"), key("::ffff:203.0.113.9"))
	require.Equal(t, key("2001:db8:1:2::1"), key("2001:db8:1:2::2"))
	others := []string{"203.0.113.9", "203.0.113.10", "2001:db8:1:2::1", "2001:db8:1:3::1", "::cb00:7109", "::1"}
	seen := map[[16]byte]bool{}
	for _, address := range others {
		seen[key(address)] = true
	}
	require.Len(t, seen, len(others))
}

// However an app is asked for, it is one allowance; and what names no app uses up
// nobody's.
func TestAnAppsRateIsOneForEveryFormOfTheCall(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)
	query := "?app=" + knownKey + "&url=" + page
	forms := map[string]func(b bundle) answer{
		"get":                 func(b bundle) answer { return b.ask(t, "GET", signaturesPath+query, "") },
		"post":                func(b bundle) answer { return b.post(t, `{"app":"`+knownKey+`","url":"`+page+`"}`) },
		"legacy config":       func(b bundle) answer { return b.ask(t, "GET", configPath+query, "") },
		"legacy agent config": func(b bundle) answer { return b.ask(t, "GET", agentConfigPath+query, "") },
	}
	for name, ask := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *Config) {
				c.PerApp = httpapi.Rate{PerSecond: 0.4, Burst: 4}
				c.Now = func() time.Time { return now }
			})
			for _, no := range []string{"app_none", "APP_EXAMPLEKEYEXAMPLEKEYEXAMPA"} {
				for range 6 {
					require.NotEqual(t, 429, b.ask(t, "GET", signaturesPath+"?app="+no+"&url="+page, "").StatusCode)
				}
			}
			for _, other := range forms {
				require.Equal(t, 200, other(b).StatusCode)
			}
			a := ask(b)
			a.requireProblem(t, 429, "rate.limited")
			require.Equal(t, "3", a.Header.Get("Retry-After"), "two and a half seconds, and no less")
			require.Equal(t, `"app";r=0;t=3`, a.Header.Get("RateLimit"))
			require.Equal(t, `"app";q=4;w=10`, a.Header.Get("RateLimit-Policy"))
		})
	}
}

func TestARateThatIsNotSaidIsTheDefault(t *testing.T) {
	t.Parallel()
	r := newRates(httpapi.Rate{}, httpapi.Rate{})
	require.Equal(t, `"address";q=5000;w=5`, r.addressQuota)
	require.Equal(t, `"app";q=20000;w=4`, r.appQuota)
	r = newRates(httpapi.Rate{PerSecond: 10, Burst: 5}, httpapi.Rate{PerSecond: 2, Burst: 6})
	require.Equal(t, `"address";q=5;w=1`, r.addressQuota, "a window lasts a second at least")
	require.Equal(t, `"app";q=6;w=3`, r.appQuota)
}
