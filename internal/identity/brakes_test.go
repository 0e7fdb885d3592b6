package identity

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// try takes a try at an address, or says how long to wait.
func (h *house) try(t testing.TB, v Visit, email string) (wait time.Duration) {
	t.Helper()
	err := h.store.Platform(t.Context(), system(""), func(tx *store.PlatformTx) error {
		var err error
		if _, wait, err = takeTry(t.Context(), tx, v, email, email); err == nil && wait > 0 {
			err = rateLimited(wait)
		}
		return err
	})
	if wait == 0 {
		require.NoError(t, err)
	}
	return wait
}

// guess takes tries that stay counted, and says how many there were of so many.
func (h *house) guess(t testing.TB, v Visit, email string, times int) (verified int) {
	t.Helper()
	for range times {
		if h.try(t, v, email) == 0 {
			verified++
		}
	}
	return verified
}

func from(n int) Visit { return Visit{Client: network(n)} }

var atOffice = Visit{Client: office}

func TestBrakes(t *testing.T) {
	t.Parallel()

	t.Run("let a client try one address ten times and then once in thirty seconds", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		require.Equal(t, 10, h.guess(t, atOffice, ownerEmail, 30))
		require.InDelta(t, 30*time.Second, h.try(t, atOffice, ownerEmail), float64(5*time.Second))
		h.rest(t, 30*time.Second)
		require.Equal(t, 1, h.guess(t, atOffice, ownerEmail, 5))
	})

	t.Run("do not keep a member out because nine strangers elsewhere guess", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		for n := range 9 {
			require.Equal(t, 10, h.guess(t, from(n), ownerEmail, 20))
		}
		require.Equal(t, 10, h.guess(t, atOffice, ownerEmail, 10))
	})

	t.Run("hold a crowd from everywhere to a hundred tries at one member", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		verified := 0
		for n := range 40 {
			verified += h.guess(t, from(n), ownerEmail, 5)
		}
		require.Equal(t, triesPerEmail.Burst, verified)
		require.Zero(t, h.guess(t, from(501), ownerEmail, 1), "a newcomer is one of the crowd")
		h.rest(t, triesPerEmail.Interval)
		require.Equal(t, 1, h.guess(t, from(502), ownerEmail, 5))
	})

	t.Run("let a member in from where they came in before, whatever the crowd does", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.signIn(t)
		for n := range 30 {
			h.guess(t, from(n), ownerEmail, 5)
		}
		require.Zero(t, h.guess(t, from(99), ownerEmail, 1))
		require.Equal(t, 10, h.guess(t, atOffice, ownerEmail, 30), "and no more often than any client")
	})

	t.Run("let a member in with the browser they came in with, whoever else is in that network", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		require.False(t, s.Device.IsZero())
		for n := range 30 {
			h.guess(t, from(n), ownerEmail, 5)
		}
		h.guess(t, from(99), ownerEmail, 20)
		known := Visit{Client: network(99), Device: s.Device}
		require.Equal(t, 10, h.guess(t, known, ownerEmail, 30), "and no more often than any client")
		require.Zero(t, h.guess(t, Visit{Client: network(99), Device: newDevice()}, ownerEmail, 1), "another browser is nobody's")
	})

	t.Run("do not let one member's home or browser be another's", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		s := h.signIn(t)
		for n := range 30 {
			h.guess(t, from(n), "other@example.com", 5)
		}
		require.Zero(t, h.guess(t, Visit{Client: office, Device: s.Device}, "other@example.com", 1))
	})

	t.Run("hold over all nodes together, and over a restart", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		nodes := []*Identity{h.Identity, h.open(t), h.open(t)}
		verified := 0
		for n := range 30 {
			h.Identity = nodes[n%len(nodes)]
			verified += h.guess(t, atOffice, ownerEmail, 1)
		}
		require.Equal(t, triesPerPair.Burst, verified)
		h.Identity = h.open(t)
		require.Zero(t, h.guess(t, atOffice, ownerEmail, 1))
	})

	t.Run("give back what was right", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		for range 3 * triesPerPair.Burst {
			h.signIn(t)
		}
		require.Equal(t, 10, h.guess(t, atOffice, ownerEmail, 10))
	})
}

func requireLimited(t *testing.T, err error, most time.Duration) {
	t.Helper()
	require.True(t, fault.Has(err, fault.RateLimitedCode), "%v", err)
	wait := fault.Find(err).RetryAfter
	require.Positive(t, wait)
	require.LessOrEqual(t, wait, most)
}

func TestASignInIsBrakedByTheClient(t *testing.T) {
	t.Parallel()
	wrong := core.NewSecret("wrong horse battery")

	t.Run("so that a stranger elsewhere keeps no member out", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		for range triesPerPair.Burst {
			_, err := h.SignIn(t.Context(), network(1), ownerEmail, wrong, "")
			require.True(t, fault.Has(err, fault.SessionRefused), "%v", err)
		}
		for range 20 {
			_, err := h.SignIn(t.Context(), network(1), ownerEmail, ownerPassword, "")
			requireLimited(t, err, triesPerPair.Interval)
		}
		_, err := h.SignIn(t.Context(), office, ownerEmail, wrong, "")
		require.True(t, fault.Has(err, fault.SessionRefused), "%v", err)
		h.signIn(t)
	})

	t.Run("before the database is asked or anything is hashed", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		for range triesPerClient.burst {
			require.Zero(t, h.takeClient(network(1)))
		}
		h.store, h.passwords = nil, nil // whoever asks them panics
		_, err := h.SignIn(t.Context(), network(1), ownerEmail, ownerPassword, "")
		requireLimited(t, err, triesPerClient.interval)
	})

	t.Run("and the machine itself is no client", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		for _, machine := range []string{"127.0.0.1/32", "::1/128"} {
			for range 3 * triesPerClient.burst {
				require.Zero(t, h.takeClient(netip.MustParsePrefix(machine)))
			}
			require.Equal(t, 10, h.guess(t, Visit{Client: netip.MustParsePrefix(machine)}, ownerEmail, 30), "its tries at an address count all the same")
		}
	})

	t.Run("whatever addresses it tries", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		refused := 0
		for n := range triesPerClient.burst + 5 {
			_, err := h.SignIn(t.Context(), network(1), fmt.Sprintf("member%d@example.com", n), wrong, "")
			if fault.Has(err, fault.SessionRefused) {
				refused++
			}
		}
		require.LessOrEqual(t, refused, triesPerClient.burst+1)
		h.signIn(t)
	})
}

func TestAClientThatHoldsItsPlacesKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	leave, err := h.passwords.places.enter(t.Context(), network(1))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	answers := make(chan error)
	for range maxWaitingOfOne {
		go func() {
			_, err := h.SignIn(ctx, network(1), "nobody@example.com", ownerPassword, "")
			answers <- err
		}()
	}
	full := func() bool {
		h.passwords.places.mu.Lock()
		defer h.passwords.places.mu.Unlock()
		return h.passwords.places.waiting == maxWaitingOfOne
	}
	require.Eventually(t, full, 4*time.Second, time.Millisecond)
	_, err = h.SignIn(t.Context(), network(1), ownerEmail, ownerPassword, "")
	requireBusy(t, err)
	h.signIn(t)
	cancel()
	for range maxWaitingOfOne {
		require.Error(t, <-answers)
	}
	leave()
	requireEmpty(t, h.passwords.places)
}
