package ticket

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/store"
)

// setBack gives the reading that a clock would have given if somebody had set
// the one on the wall back by d before it: the clock that cannot be set back
// reads the same. Whatever package time does to a reading, it does to both.
func setBack(now time.Time, d time.Duration) time.Time {
	const monotonic = 1
	back := now.Add(-d)
	(*[2]int64)(unsafe.Pointer(&back))[monotonic] += int64(d) //nolint:gosec // there is no other way to such a reading
	return back
}

// laidDown gives the reading of a machine that slept for d: the one clock went
// on, the other stood still.
func laidDown(now time.Time, d time.Duration) time.Time { return setBack(now, -d) }

func TestAValueIsUsedWhileBothClocksSaySo(t *testing.T) {
	t.Parallel()
	now := time.Now()
	e := newEntry(key{}, core.NewSecret("value"), 1, now, now.Add(2*time.Hour), false)
	over := 2*time.Hour - margin // by our word
	after := now.Add(over + time.Second)
	for _, c := range []struct {
		name   string
		at     time.Time
		usable bool
	}{
		{"just received", now, true},
		{"a moment before", now.Add(over - time.Nanosecond), true},
		{"at its end", now.Add(over), false},
		{"over, with the wall clock set back an hour", setBack(after, time.Hour), false},
		{"not over, with the wall clock set back an hour", setBack(now.Add(time.Minute), time.Hour), true},
		{"over, after a sleep that one clock has missed", laidDown(now, 3*time.Hour), false},
		{"not over, after a short sleep", laidDown(now, time.Hour), true},
		{"not over, by a reading of the wall clock alone", now.Add(time.Minute).Round(0), true},
		{"over, by a reading of the wall clock alone", after.Round(0), false},
	} {
		require.Equal(t, c.usable, e.usable(c.at), c.name)
	}

	// The readings are what their names say.
	back, slept := setBack(after, time.Hour), laidDown(now, 3*time.Hour)
	require.Equal(t, over+time.Second, back.Sub(now))
	require.Equal(t, over+time.Second-time.Hour, back.Round(0).Sub(now.Round(0)))
	require.Zero(t, slept.Sub(now))
	require.Equal(t, 3*time.Hour, slept.Round(0).Sub(now.Round(0)))
}

// A row tells an end on the wall clock alone. The entry made of it is judged by
// both all the same.
func TestAStoredValueGetsTheClockThatCannotBeSetBack(t *testing.T) {
	t.Parallel()
	now := time.Now()
	e := stored(key{}, core.NewSecret("value"), store.TicketRow{Generation: 1}, now.Add(time.Hour).Round(0), now)
	require.True(t, e.usable(now))
	require.False(t, e.usable(setBack(now.Add(2*time.Hour), 2*time.Hour)), "the wall clock was set back")
	require.False(t, e.usable(laidDown(now, 2*time.Hour)), "the machine slept")
}
