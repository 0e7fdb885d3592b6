package consoleapi

import (
	"fmt"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/identity"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// realIdentity is an Identity on a database of its own, with one member in it.
// Its clock stands still.
func realIdentity(t *testing.T) *identity.Identity {
	t.Helper()
	st := storetest.Open(t)
	master, _, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	root, err := seal.FirstRootKey(master, nil)
	require.NoError(t, err)
	row := store.RootKeyRow{Epoch: root.Epoch, Fingerprint: root.Fingerprint}
	for _, wrap := range root.Wraps {
		row.Wraps = append(row.Wraps, store.RootKeyWrap(wrap))
	}
	require.NoError(t, st.Platform(t.Context(), core.System("test"), func(tx *store.PlatformTx) error {
		return tx.CreateRootKey(t.Context(), row)
	}))
	ring, err := seal.OpenRing(master, []seal.RootKeyRow{root})
	require.NoError(t, err)
	now := time.Now()
	who, err := identity.New(t.Context(), identity.Config{
		Store: st, Sealer: ring.Sealer(), Opener: ring.Opener(seal.SessionKey, seal.Factor), Issuer: consoleURL,
		NewPlatformKey: func() (seal.WrappedKey, error) { return ring.NewScopeKey(seal.Platform(), 1) },
		Clock:          func() time.Time { return now },
	})
	require.NoError(t, err)
	_, err = who.CreateOwner(t.Context(), goodEmail, core.NewSecret(goodPassword))
	require.NoError(t, err)
	return who
}

const wrongSignIn = `{"email":"` + goodEmail + `","password":"` + goodPassword + `x"}`

func TestAMemberSignsInWhileAnotherClientIsBraked(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) {
		c.Identity = realIdentity(t)
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	stranger := []string{"X-Forwarded-For", "2001:db8:1:2::1"}
	neighbour := []string{"X-Forwarded-For", "2001:db8:1:2:3:4:5:6"} // the stranger's other address
	for range 10 {
		b.signIn(t, wrongSignIn, stranger...).requireProblem(t, 401, "session.refused")
	}
	for _, client := range [][]string{stranger, neighbour} {
		a := b.signIn(t, goodSignIn, client...)
		a.requireProblem(t, 429, "rate.limited")
		wait, err := strconv.Atoi(a.Header.Get("Retry-After"))
		require.NoError(t, err)
		require.LessOrEqual(t, wait, 30)
		require.Greater(t, wait, 10)
		require.Empty(t, a.Cookies())
	}
	require.Equal(t, 200, b.signIn(t, goodSignIn, "X-Forwarded-For", "203.0.113.10").StatusCode)
}

func TestAClientGetsNoNewTriesByNamingOthers(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) {
		c.Identity = realIdentity(t)
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} // not the one who asks
	})
	for n := range 10 {
		b.signIn(t, wrongSignIn, "X-Forwarded-For", fmt.Sprintf("203.0.113.%d", n)).requireProblem(t, 401, "session.refused")
	}
	for _, named := range []string{"203.0.113.99", "10.0.0.1", "127.0.0.1", ""} {
		b.signIn(t, goodSignIn, "X-Forwarded-For", named).requireProblem(t, 429, "rate.limited")
	}
}

func TestIdentityIsToldTheNetworkOfTheClient(t *testing.T) {
	t.Parallel()
	trusted := setup(t, func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	untrusted := setup(t, nil)
	for named, want := range map[string]string{
		"203.0.113.9":          "203.0.113.9/32",
		"::ffff:203.0.113.9":   "203.0.113.9/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"1.1.1.1, 203.0.113.9": "203.0.113.9/32",
	} {
		require.Equal(t, 200, trusted.signIn(t, goodSignIn, "X-Forwarded-For", named).StatusCode)
		require.Equal(t, want, trusted.identity.client.String())
		require.Equal(t, 200, untrusted.signIn(t, goodSignIn, "X-Forwarded-For", named).StatusCode)
		require.Equal(t, "127.0.0.1/32", untrusted.identity.client.String())
	}
}

// Whoever sends one made-up link after the other is braked before Postgres is asked,
// and keeps nobody else from handing a secret in.
func TestAStrangerWithMadeUpLinksIsBraked(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	ask := func(client, path string) answer {
		body := `{"token":"made-up"}`
		if path == "/intake/secret" {
			body = `{"token":"made-up","secret":"a-secret-of-an-app-000001"}`
		}
		return b.ask(t, "POST", apiPath+path, body, "X-Forwarded-For", client, "Content-Type", "application/json")
	}
	for i := range 60 {
		path := []string{"/intake", "/intake/secret"}[i%2]
		require.Less(t, ask(fmt.Sprintf("2001:db8:1:2::%d", i), path).StatusCode, 300)
	}
	for _, path := range []string{"/intake", "/intake/secret"} {
		a := ask("2001:db8:1:2::99", path)
		a.requireProblem(t, 429, "rate.limited")
		require.Equal(t, "2", a.Header.Get("Retry-After"))
		require.Less(t, ask("203.0.113.10", path).StatusCode, 300)
	}
}
