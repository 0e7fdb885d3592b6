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
)

// guess takes tries that stay counted, as often as it can, and says how often.
func guess(b *brakes, t try, times int, now time.Time) (verified int) {
	for range times {
		if _, wait := b.take(t, now); wait == 0 {
			verified++
		}
	}
	return verified
}

// guessFor lets clients guess as hard as they can, and says how many of their
// tries came to a hash.
func guessFor(b *brakes, d time.Duration, tries ...try) (verified int) {
	for now := noon; now.Before(noon.Add(d)); now = now.Add(time.Second) {
		for _, t := range tries {
			for {
				if _, wait := b.take(t, now); wait > 0 {
					break
				}
				verified++
			}
		}
	}
	return verified
}

// strangers gives addresses which client, in the brakes' memory, shares with
// nobody's tries at ownerEmail: buckets are chosen by a hash of random seed, and
// one of a thousand would now and then fall into the owner's.
func strangers(b *brakes, times int, client netip.Prefix) (all []try) {
	taken := map[uint64]bool{}
	for _, owner := range []try{{client: client, email: ownerEmail}, {client: office, email: ownerEmail}} {
		taken[b.pairs.bucket(owner)] = true
	}
	for n := 0; len(all) < times; n++ {
		if t := (try{client: client, email: fmt.Sprintf("member%d@example.com", n)}); !taken[b.pairs.bucket(t)] {
			all = append(all, t)
		}
	}
	return all
}

func from(n int, email string) try { return try{client: network(n), email: email} }

func TestBrakes(t *testing.T) {
	t.Parallel()
	owner := try{client: office, email: ownerEmail}

	t.Run("let a client try one address ten times and then once in thirty seconds", func(t *testing.T) {
		t.Parallel()
		b := newBrakes()
		require.Equal(t, 10, guess(b, owner, 30, noon))
		_, wait := b.take(owner, noon)
		require.Equal(t, 30*time.Second, wait)
		require.Equal(t, 1, guess(b, owner, 5, noon.Add(30*time.Second)))
	})

	t.Run("do not keep a member out because a stranger elsewhere guesses all day", func(t *testing.T) {
		t.Parallel()
		b := newBrakes()
		require.Equal(t, 10+2_880-1, guessFor(b, 24*time.Hour, from(1, ownerEmail)))
		require.Equal(t, 10, guess(b, owner, 30, noon.Add(24*time.Hour)), "the member has every try there is")
	})

	t.Run("nor because nine strangers do", func(t *testing.T) {
		t.Parallel()
		b := newBrakes()
		var strangers []try
		for n := range 9 {
			strangers = append(strangers, from(n, ownerEmail))
		}
		guessFor(b, time.Hour, strangers...)
		require.Positive(t, guess(b, owner, 1, noon.Add(time.Hour)))
	})

	t.Run("hold a crowd of guessers from everywhere to 28,800 tries a day at one member", func(t *testing.T) {
		t.Parallel()
		b := newBrakes()
		var crowd []try
		for n := range 500 {
			crowd = append(crowd, from(n, ownerEmail))
		}
		require.Equal(t, 100+1_200-1, guessFor(b, time.Hour, crowd...))
		require.Zero(t, guess(b, from(501, ownerEmail), 1, noon.Add(time.Hour-time.Second)), "a newcomer is one of the crowd")
	})

	t.Run("let a member in from where they came in before, whatever the crowd does", func(t *testing.T) {
		t.Parallel()
		b := newBrakes()
		b.remember(owner)
		for n := range 50 {
			guess(b, from(n, ownerEmail), 20, noon)
		}
		elsewhere := try{client: network(99), email: ownerEmail}
		require.Zero(t, guess(b, elsewhere, 1, noon))
		require.Equal(t, 10, guess(b, owner, 30, noon), "and no more often than any client")
	})

	t.Run("do not let one member's home be another's", func(t *testing.T) {
		t.Parallel()
		b := newBrakes()
		b.remember(owner)
		for n := range 50 {
			guess(b, from(n, "other@example.com"), 20, noon)
		}
		require.Zero(t, guess(b, try{client: office, email: "other@example.com"}, 1, noon))
	})

	t.Run("stop a client that tries every address, and no other client", func(t *testing.T) {
		t.Parallel()
		b := newBrakes()
		verified := 0
		for _, t := range strangers(b, 1000, network(1)) {
			verified += guess(b, t, 1, noon)
		}
		require.Equal(t, triesPerClient.burst, verified)
		_, wait := b.take(from(1, "member@example.com"), noon)
		require.Equal(t, triesPerClient.interval, wait)
		require.Equal(t, 10, guess(b, owner, 30, noon))
	})

	t.Run("take nothing from an address while the client is stopped", func(t *testing.T) {
		t.Parallel()
		b := newBrakes()
		require.Equal(t, triesPerClient.burst, 6*guess(b, from(1, "a@example.com"), 10, noon)) // ten of sixty
		for n := range 5 {
			guess(b, from(1, fmt.Sprintf("b%d@example.com", n)), 10, noon)
		}
		require.Zero(t, guess(b, from(1, ownerEmail), 1000, noon))
		later := noon.Add(triesPerClient.interval * 10)
		require.Equal(t, 10, guess(b, from(1, ownerEmail), 30, later))
	})

	t.Run("give back what was right at the address and not that the client came", func(t *testing.T) {
		t.Parallel()
		b := newBrakes()
		for range triesPerClient.burst {
			giveBack, wait := b.take(owner, noon)
			require.Zero(t, wait)
			giveBack()
		}
		_, wait := b.take(owner, noon)
		require.Equal(t, triesPerClient.interval, wait)
		require.Equal(t, 10, guess(b, owner, 10, noon.Add(time.Minute)), "the address has all its tries of this client")
		for n := range 3 * triesPerEmail.burst {
			other := from(n, "other@example.com")
			if b.pairs.bucket(other) == b.pairs.bucket(owner) || b.clients.bucket(other.client) == b.clients.bucket(owner.client) {
				continue // see strangers
			}
			giveBack, wait := b.take(other, noon)
			require.Zero(t, wait, "and all of everyone's")
			giveBack()
		}
	})

	t.Run("count the machine itself for no client, and its tries at an address all the same", func(t *testing.T) {
		t.Parallel()
		for _, machine := range []string{"127.0.0.1/32", "::1/128"} {
			b := newBrakes()
			client := netip.MustParsePrefix(machine)
			for _, other := range strangers(b, 1000, client) {
				require.Equal(t, 1, guess(b, other, 1, noon), machine)
			}
			require.Equal(t, 10, guess(b, try{client: client, email: ownerEmail}, 30, noon), machine)
		}
	})
}

func TestASignInIsBrakedByTheClient(t *testing.T) {
	t.Parallel()
	requireLimited := func(t *testing.T, err error, wait time.Duration) {
		t.Helper()
		require.True(t, fault.Has(err, fault.RateLimitedCode), "%v", err)
		require.Equal(t, wait, fault.Find(err).RetryAfter)
	}
	wrong := core.NewSecret("wrong horse battery")

	t.Run("so that a stranger elsewhere keeps no member out", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.clock = func() time.Time { return noon }
		for range triesPerPair.burst {
			_, err := h.SignIn(t.Context(), network(1), ownerEmail, wrong, "")
			require.True(t, fault.Has(err, fault.SessionRefused), "%v", err)
		}
		for range 20 {
			_, err := h.SignIn(t.Context(), network(1), ownerEmail, ownerPassword, "")
			requireLimited(t, err, triesPerPair.interval)
		}
		_, err := h.SignIn(t.Context(), office, ownerEmail, wrong, "")
		require.True(t, fault.Has(err, fault.SessionRefused), "%v", err)
		_, err = h.SignIn(t.Context(), office, ownerEmail, ownerPassword, "")
		require.NoError(t, err)
	})

	t.Run("before the database is asked or anything is hashed", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.clock = func() time.Time { return noon }
		for n := range triesPerClient.burst {
			guess(h.brakes, try{client: network(1), email: fmt.Sprint(n)}, 1, noon)
		}
		h.store, h.passwords = nil, nil // whoever asks them panics
		_, err := h.SignIn(t.Context(), network(1), ownerEmail, ownerPassword, "")
		requireLimited(t, err, triesPerClient.interval)
	})

	t.Run("but for a crowd's brake where the member came in before", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.clock = func() time.Time { return noon }
		_, err := h.SignIn(t.Context(), office, ownerEmail, ownerPassword, "")
		require.NoError(t, err)
		_, err = h.SignIn(t.Context(), network(1), ownerEmail, wrong, "")
		require.True(t, fault.Has(err, fault.SessionRefused), "%v", err)
		for n := range 50 {
			guess(h.brakes, from(100+n, ownerEmail), 20, noon)
		}
		_, err = h.SignIn(t.Context(), network(1), ownerEmail, ownerPassword, "")
		requireLimited(t, err, triesPerEmail.interval)
		_, err = h.SignIn(t.Context(), office, ownerEmail, ownerPassword, "")
		require.NoError(t, err)
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
