package ticket_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/store"
	"signet/internal/wecom/wecomtest"
)

// jumper is a node whose clock on the wall jumps while it runs.
type jumper struct {
	node
	off *time.Duration
}

func newJumper(t *testing.T) jumper {
	t.Helper()
	j := jumper{node: newNode(t, withMode(wecomtest.NewValue)), off: new(time.Duration)}
	began := j.clock.Now()
	j.House = j.RestartBy(t, store.NewClockOf(func() (wall time.Time, steady time.Duration) {
		now := j.clock.Now()
		return now.Add(*j.off), now.Sub(began)
	}))
	j.mustSign(t)
	return j
}

// signsOn lets ten hours pass and signs every five minutes.
func (j jumper) signsOn(t *testing.T) {
	t.Helper()
	for range 120 {
		j.clock.Advance(5 * time.Minute)
		answer, err := j.Sign(t.Context(), j.app, page)
		require.NoError(t, err, "at %s", j.clock.Now())
		require.NoError(t, j.Verify(j.app, page, answer), "at %s", j.clock.Now())
	}
}

// No ticket is used after its end, whatever a node's clock does while it runs, and
// whether Postgres is there to say what time it is.
func TestAClockThatJumpsWhileANodeRuns(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{
		"two hours ahead": 2 * time.Hour, "half an hour ahead": 30 * time.Minute,
		"two hours behind": -2 * time.Hour, "half an hour behind": -30 * time.Minute,
	} {
		t.Run(name+", and is set by the next fetch", func(t *testing.T) {
			t.Parallel()
			j := newJumper(t)
			*j.off = jump
			j.mustSign(t)
			require.Equal(t, 3, j.made().sum(), "the rows are good")
			j.signsOn(t)
		})
		t.Run(name+", and is set by itself", func(t *testing.T) {
			t.Parallel()
			j := newJumper(t)
			*j.off = jump
			j.SetClock(t.Context(), time.Time{}, 0)
			j.signsOn(t)
		})
	}
}

// Where Postgres is away nobody says that the clock is wrong, and the node fetches
// for itself by it. When the clock is set back, that is forgotten.
func TestWhatWasFetchedByAWrongClockIsForgotten(t *testing.T) {
	t.Parallel()
	j := newJumper(t)
	back := j.cutOff(t)
	*j.off = 2 * time.Hour
	j.mustSign(t)
	require.Equal(t, 6, j.made().sum(), "everything looks over, and is fetched anew")
	back()
	j.SetClock(t.Context(), time.Time{}, 0)
	j.signsOn(t)
}

// A node whose clock is behind takes what the others have just written for
// something that was written by a wrong clock, until it hears what time it is.
func TestANodeThatIsBehindReadsTheRowsAgainWhenItsClockIsSet(t *testing.T) {
	t.Parallel()
	n := newNode(t, withMode(wecomtest.NewValue))
	n.mustSign(t)
	n.House = n.RestartBy(t, store.NewClock(func() time.Time { return n.clock.Now().Add(-2 * time.Hour) }))
	n.mustSign(t)
	require.Equal(t, 3, n.made().sum())
}
