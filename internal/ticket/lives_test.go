package ticket_test

import (
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

func TestATicketIsUsedUntilAMinuteBeforeItsEnd(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	n.mustSign(t)
	n.clock.Advance(life - time.Minute - time.Microsecond)
	require.Zero(t, n.since(func() { n.mustSign(t) }), "a moment before the margin")
	n.clock.Advance(time.Microsecond)
	require.Equal(t, made{1, 1, 1}, n.since(func() { n.mustSign(t) }), "at the margin")
	n.clock.Advance(life - time.Minute)
	n.WeCom.Inject(wecomtest.Fault{Name: "away", Status: 500})
	n.mustRefuse(t, fault.WeComUnavailable) // never after, though nothing better is to be had
	require.Empty(t, n.clock.Waits())
}

// A value that WeCom only repeats never moves its own end: it is used to two
// seconds before it, its end is waited for once, by one flight for all.
func TestARepeatedTicketIsUsedToItsEndAndWaitedForOnce(t *testing.T) {
	t.Parallel()
	for _, mode := range []wecomtest.Mode{wecomtest.SameValue, wecomtest.SameFullLife} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			n := newNode(t, withMode(mode))
			n.mustSign(t)
			n.clock.Advance(life - time.Minute)
			require.Equal(t, made{1, 1, 1}, n.since(func() { n.mustSign(t) }), "it is asked for once at the margin")
			n.clock.Advance(56 * time.Second)
			require.Zero(t, n.since(func() { n.mustSign(t) }), "two seconds and more before the end, in whole seconds as WeCom tells it")
			n.clock.Advance(2 * time.Second)
			calls := n.since(func() {
				var group sync.WaitGroup
				failures := make([]error, 200)
				for i := range failures {
					group.Go(func() {
						answer, err := n.Sign(t.Context(), n.app, page)
						if err == nil {
							err = n.Verify(n.app, page, answer)
						}
						failures[i] = err
					})
				}
				group.Wait()
				for _, err := range failures {
					require.NoError(t, err)
				}
			})
			require.Equal(t, made{1, 1, 1}, calls)
			require.Len(t, n.clock.Waits(), 1, "the others come after the end, or share the flight")
			require.LessOrEqual(t, n.clock.Waits()[0], 2*time.Second)
		})
	}
}

// One ticket may run out while the other is on its way.
func TestNeitherOfTwoTicketsIsUsedBeyondItsTime(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	_, err := n.signConfig(t.Context(), n.app)
	require.NoError(t, err)
	n.clock.Advance(life - 61*time.Second)
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Behaviour: wecomtest.Hang, Times: 1})
	signed := make(chan error, 1)
	go func() {
		answer, err := n.Sign(t.Context(), n.app, page)
		if err == nil {
			err = n.Verify(n.app, page, answer)
		}
		signed <- err
	}()
	n.awaitHanging(t, 1)
	n.clock.Advance(2 * time.Minute)
	n.WeCom.Release()
	require.NoError(t, <-signed)
}

// The rest of a life that somebody else's fetch has begun.
func TestAShortRestOfALifeIsUsedAndThenWaitedFor(t *testing.T) {
	t.Parallel()
	for _, rest := range []time.Duration{119 * time.Second, 61 * time.Second, 60 * time.Second, 30 * time.Second, 3 * time.Second, 2 * time.Second, time.Second} {
		t.Run(rest.String(), func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.mustSign(t)
			n.clock.Advance(life - rest)
			n.DB.Exec(t, `DELETE FROM signet.tickets`)
			n = n.restart(t)
			first := n.since(func() { n.mustSign(t) })
			require.LessOrEqual(t, first.sum(), 6, "each kind is fetched, and once more if its end had to be waited for")
			for range 8 {
				n.clock.Advance(rest / 4)
				n.mustSign(t)
			}
			for _, wait := range n.clock.Waits() {
				require.LessOrEqual(t, wait, 2*time.Second)
			}
		})
	}
}

// A row whose end lies further off than any value lives was written while the
// clock was wrong. It is not believed.
func TestAnEndBeyondAnyLifeIsNotBelieved(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	n.clock.Advance(10 * 365 * 24 * time.Hour)
	n.mustSign(t)
	n.clock.Advance(-10 * 365 * 24 * time.Hour)
	again := n.restart(t)
	require.Equal(t, made{1, 1, 1}, again.since(func() { again.mustSign(t) }))
	require.Zero(t, again.since(func() { again.mustSign(t) }), "and is over with it")

	other := newNode(t, withMode(wecomtest.NewValue))
	other.mustSign(t)
	other.clock.Advance(-30 * time.Second) // another node's clock
	slow := other.restart(t)
	require.Zero(t, slow.since(func() { slow.mustSign(t) }), "half a minute between two nodes is nothing")
}

// TestTenLives walks a clock through ten lives in steps of every size and signs
// at each: no signature may fail at the clock of the fake, in any mode, and the
// calls for a life are counted.
func TestTenLives(t *testing.T) {
	t.Parallel()
	const lives = 10
	for _, mode := range []wecomtest.Mode{wecomtest.NewValue, wecomtest.SameValue, wecomtest.SameFullLife, wecomtest.NewVoidsOld} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprint(mode, " seed ", seed), func(t *testing.T) {
				t.Parallel()
				n := newNode(t, withMode(mode))
				random := mathrand.New(mathrand.NewPCG(seed, 7))
				begin, born, steps := n.clock.Now(), n.clock.Now(), 0
				for ; n.clock.Now().Sub(begin) < lives*life; steps++ {
					tickets := len(n.WeCom.Issued(corp, agent, core.CorpTicket))
					answer, err := n.Sign(t.Context(), n.app, page)
					require.NoError(t, err, "step %d, %v after the beginning", steps, n.clock.Now().Sub(begin))
					require.NoError(t, n.Verify(n.app, page, answer), "step %d, %v after the beginning", steps, n.clock.Now().Sub(begin))
					if len(n.WeCom.Issued(corp, agent, core.CorpTicket)) > tickets {
						born = n.clock.Now()
					}
					if random.IntN(40) == 0 {
						n = n.restart(t)
					}
					n.clock.Advance(step(random, born.Add(life).Sub(n.clock.Now())))
				}
				calls := n.made()
				t.Logf("%s: %d steps, calls per life: token %.1f, corp ticket %.1f, agent ticket %.1f; waits %d", mode, steps,
					float64(calls.tokens)/lives, float64(calls.corpTickets)/lives, float64(calls.agentTickets)/lives, len(n.clock.Waits()))
				most := 2 * (lives + 1) // once at the margin, once at the end
				if mode == wecomtest.NewValue || mode == wecomtest.NewVoidsOld {
					most = lives + 1
				}
				require.LessOrEqual(t, calls.tokens, most)
				require.LessOrEqual(t, calls.corpTickets, most)
				require.LessOrEqual(t, calls.agentTickets, most)
			})
		}
	}
}

// step draws a step of any size: small ones in the last minute of a life, and
// often one that leads there, where the rules are.
func step(random *mathrand.Rand, left time.Duration) time.Duration {
	upTo := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	switch before := upTo(70 * time.Second); {
	case random.IntN(100) == 0:
		return upTo(2 * life)
	case left < 70*time.Second:
		return upTo(5 * time.Second)
	case random.IntN(4) == 0 && left > before:
		return left - before
	default:
		return upTo([]time.Duration{time.Second, time.Minute, 40 * time.Minute}[random.IntN(3)])
	}
}
