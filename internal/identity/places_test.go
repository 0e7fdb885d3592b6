package identity

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

func TestPlaces(t *testing.T) {
	t.Parallel()

	t.Run("are few, and a crowd is told to come again", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPlaces()
			leave := occupy(t, p)
			answers := make(chan error)
			for n := range maxWaiting {
				go visit(t, p, network(n), answers)
			}
			synctest.Wait() // all of them wait for a place

			_, err := p.enter(t.Context(), office)
			requireBusy(t, err)

			leave()
			for range maxWaiting {
				require.NoError(t, <-answers)
			}
			requireEmpty(t, p)
		})
	})

	t.Run("are not waited for longer than the patience of a browser", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPasswords(cheapCost)
			leave := occupy(t, p.places)
			began := time.Now()
			_, _, err := p.verify(t.Context(), office, core.NewSecret("x"), p.dummy)
			requireBusy(t, err)
			require.Equal(t, maxWait, time.Since(began))
			leave()
			requireEmpty(t, p.places)
		})
	})

	t.Run("keep no trace of who gives up", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPasswords(cheapCost)
			leave := occupy(t, p.places)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := p.hash(ctx, office, core.NewSecret("x"))
			requireBusy(t, err)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			leave()
			requireEmpty(t, p.places)
		})
	})

	t.Run("give the turn of a client's who gives up to its next", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPlaces()
			leave := occupy(t, p)
			ctx, cancel := context.WithCancel(t.Context())
			first, second := make(chan error), make(chan error)
			go func() {
				_, err := p.enter(ctx, office)
				first <- err
			}()
			synctest.Wait()
			go visit(t, p, office, second)
			synctest.Wait()
			cancel()
			requireBusy(t, <-first)
			leave()
			require.NoError(t, <-second)
			requireEmpty(t, p)
		})
	})

	t.Run("are never all taken by one client", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPlaces()
			leave, err := p.enter(t.Context(), network(1))
			require.NoError(t, err)
			answers := make(chan error)
			for range maxWaitingOfOne {
				go visit(t, p, network(1), answers)
			}
			synctest.Wait()
			for range 100 {
				_, err := p.enter(t.Context(), network(1))
				requireBusy(t, err)
			}
			require.Len(t, p.hashing, maxHashingOfOne)
			require.Equal(t, maxWaitingOfOne, p.waiting)

			began := time.Now()
			other, err := p.enter(t.Context(), office)
			require.NoError(t, err)
			require.Zero(t, time.Since(began), "another client need not even wait")
			other()

			leave()
			for range maxWaitingOfOne {
				require.NoError(t, <-answers, "the others of that client have their turns")
			}
			requireEmpty(t, p)
		})
	})

	t.Run("go by turns between a client who brings many and one who brings one", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := newPlaces()
			leave := occupy(t, p)
			stranger, member := make(chan error, maxWaitingOfOne), make(chan error)
			for range maxWaitingOfOne {
				go stay(t, p, network(1), time.Second, stranger)
			}
			synctest.Wait()
			began := time.Now()
			go stay(t, p, office, time.Second, member)
			synctest.Wait()
			leave()
			require.NoError(t, <-member)
			require.Equal(t, time.Second, time.Since(began), "one of the stranger's stood in the last line, not four")
			for range maxWaitingOfOne {
				require.NoError(t, <-stranger)
			}
			requireEmpty(t, p)
		})
	})

	t.Run("are all for the machine itself, behind which everybody may be", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			for _, machine := range []string{"127.0.0.1/32", "127.8.8.8/32", "::1/128"} {
				p := newPlaces()
				answers := make(chan error)
				for range maxHashing + maxWaiting {
					go stay(t, p, netip.MustParsePrefix(machine), time.Millisecond, answers)
					synctest.Wait()
				}
				require.Len(t, p.hashing, maxHashing, machine)
				for range maxHashing + maxWaiting {
					require.NoError(t, <-answers)
				}
				requireEmpty(t, p)
			}
		})
	})
}

// visit enters and leaves again.
func visit(t *testing.T, p *places, client netip.Prefix, answers chan<- error) {
	stay(t, p, client, 0, answers)
}

// stay enters and leaves after a while of the bubble's time.
func stay(t *testing.T, p *places, client netip.Prefix, d time.Duration, answers chan<- error) {
	leave, err := p.enter(t.Context(), client)
	if err == nil {
		<-time.After(d)
		leave()
	}
	answers <- err
}

// occupy takes every place to hash in, by clients of its own.
func occupy(t *testing.T, p *places) (leave func()) {
	t.Helper()
	leaves := make([]func(), maxHashing)
	for n := range leaves {
		var err error
		leaves[n], err = p.enter(t.Context(), network(60_000+n))
		require.NoError(t, err)
	}
	return func() {
		for _, leave := range leaves {
			leave()
		}
	}
}

func requireEmpty(t *testing.T, p *places) {
	t.Helper()
	require.Empty(t, p.hashing)
	require.Zero(t, p.waiting)
	require.Empty(t, p.shares, "nothing is kept of who is gone")
}

func requireBusy(t *testing.T, err error) {
	t.Helper()
	var f *fault.Error
	require.True(t, errors.As(err, &f), "%v", err)
	require.Equal(t, fault.RateLimitedCode, f.Code)
	require.Equal(t, comeAgain, f.RetryAfter)
}
