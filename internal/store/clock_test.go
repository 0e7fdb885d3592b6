package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

func TestAClockIsSetRightByPostgres(t *testing.T) {
	t.Parallel()
	st := storetest.New(t).Open(t)
	for _, off := range []time.Duration{2 * time.Hour, -2 * time.Hour, 0, 300 * time.Millisecond} {
		clock := store.NewClock(func() time.Time { return time.Now().Add(off) })
		require.WithinDuration(t, time.Now().Add(off), clock.Now(), time.Minute, "until it is set")
		told, _, err := st.SetClock(t.Context(), clock)
		require.NoError(t, err)
		require.InDelta(t, off.Seconds(), told.Seconds(), 30)
		require.WithinDuration(t, time.Now(), clock.Now(), 30*time.Second)
	}
}

func TestAClockFollowsWhatMattersAndNothingElse(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	own := now
	clock := store.NewClock(func() time.Time { return own })
	set := func(right time.Time, within time.Duration) (off, moved time.Duration) {
		return clock.Set(right, within)
	}
	off, moved := set(now.Add(900*time.Millisecond), 0)
	require.Equal(t, -900*time.Millisecond, off)
	require.Zero(t, moved)
	require.Equal(t, now, clock.Now(), "two clocks that lie so near count as one")
	off, moved = set(now.Add(10*time.Second), 0)
	require.Equal(t, -10*time.Second, off)
	require.Equal(t, 10*time.Second, moved)
	require.Equal(t, now.Add(10*time.Second), clock.Now())
	_, moved = set(now.Add(10500*time.Millisecond), 0)
	require.Zero(t, moved)
	require.Equal(t, now.Add(10*time.Second), clock.Now(), "it goes evenly")
	_, moved = set(now.Add(14*time.Second), 5*time.Second)
	require.Zero(t, moved)
	require.Equal(t, now.Add(10*time.Second), clock.Now(), "a reading that is no better than that")
	own = now.Add(10 * time.Second) // somebody set it right
	off, moved = set(now.Add(10*time.Second), 0)
	require.Zero(t, off)
	require.Equal(t, -10*time.Second, moved)
	require.Equal(t, own, clock.Now())
}

func TestAClockGoesByTheOneThatNobodySets(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	newClock := func() (clock *store.Clock, wall *time.Time, steady *time.Duration) {
		wall, steady = new(time.Time), new(time.Duration)
		*wall = noon
		clock = store.NewClockOf(func() (time.Time, time.Duration) { return *wall, *steady })
		clock.Set(noon, 0)
		return clock, wall, steady
	}
	pass := func(wall *time.Time, steady *time.Duration, d time.Duration) {
		*wall, *steady = wall.Add(d), *steady+d
	}

	t.Run("which goes on when the wall's is set back", func(t *testing.T) {
		t.Parallel()
		clock, wall, steady := newClock()
		pass(wall, steady, time.Minute)
		require.False(t, clock.Doubtful())
		*wall = wall.Add(-2 * time.Hour)
		require.True(t, clock.Doubtful())
		require.Equal(t, noon.Add(time.Minute), clock.Now())
		off, moved := clock.Set(noon.Add(time.Minute), 0)
		require.Equal(t, -2*time.Hour, off)
		require.Zero(t, moved)
		require.False(t, clock.Doubtful())
		pass(wall, steady, time.Minute)
		require.Equal(t, noon.Add(2*time.Minute), clock.Now())
	})

	t.Run("but nothing is used that may be over while the machine was asleep", func(t *testing.T) {
		t.Parallel()
		clock, wall, _ := newClock()
		*wall = wall.Add(time.Hour)
		require.True(t, clock.Doubtful())
		require.Equal(t, noon.Add(time.Hour), clock.Now())
		_, moved := clock.Set(noon.Add(time.Hour), 0)
		require.Zero(t, moved)
		require.False(t, clock.Doubtful())
		require.Equal(t, noon.Add(time.Hour), clock.Now())
	})

	t.Run("and it tells that it was wrong where the wall's was only set", func(t *testing.T) {
		t.Parallel()
		clock, wall, _ := newClock()
		*wall = wall.Add(time.Hour)
		off, moved := clock.Set(noon, 0)
		require.Equal(t, time.Hour, off)
		require.Equal(t, -time.Hour, moved)
		require.Equal(t, noon, clock.Now())
	})
}
