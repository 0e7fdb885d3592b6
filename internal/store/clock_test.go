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
		told, err := st.SetClock(t.Context(), clock)
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
	require.Equal(t, -900*time.Millisecond, clock.Set(now.Add(900*time.Millisecond), 0))
	require.Equal(t, now, clock.Now(), "two clocks that lie so near count as one")
	require.Equal(t, -10*time.Second, clock.Set(now.Add(10*time.Second), 0))
	require.Equal(t, now.Add(10*time.Second), clock.Now())
	clock.Set(now.Add(10500*time.Millisecond), 0)
	require.Equal(t, now.Add(10*time.Second), clock.Now(), "it goes evenly")
	clock.Set(now.Add(14*time.Second), 5*time.Second)
	require.Equal(t, now.Add(10*time.Second), clock.Now(), "a reading that is no better than that")
	own = now.Add(10 * time.Second) // somebody set it right
	require.Zero(t, clock.Set(now.Add(10*time.Second), 0))
	require.Equal(t, own, clock.Now())
}
