package upstream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/store"
)

func TestWhatAnHourLetsExpect(t *testing.T) {
	t.Parallel()
	ago := func(minutes int, calls int64) store.CallMinute {
		return store.CallMinute{Calls: calls, Left: counts - time.Duration(minutes)*time.Minute}
	}
	for _, c := range []struct {
		name            string
		minutes         []store.CallMinute
		calls, expected int64
		held            time.Duration // at a limit of 60
		reached         time.Duration // -1: not within an hour
	}{
		{"nothing", nil, 0, 0, 0, -1},
		{"long ago", []store.CallMinute{ago(40, 50)}, 50, 0, 0, -1},
		{"one a minute", []store.CallMinute{ago(0, 5), ago(7, 10)}, 15, 60, 0, 45 * time.Minute},
		{"just outside of the quarter", []store.CallMinute{ago(15, 15)}, 15, 0, 0, -1},
		{"four a minute", []store.CallMinute{ago(1, 40)}, 40, 160, 0, 8 * time.Minute},
		{"what leaves makes room", []store.CallMinute{ago(58, 40), ago(1, 15)}, 55, 60, 0, 45 * time.Minute},
		{"an hour old is old", []store.CallMinute{ago(58, 42), ago(1, 15)}, 57, 60, 0, 45 * time.Minute},
		{"at the end of the hour", []store.CallMinute{ago(0, 12)}, 12, 48, 0, time.Hour},
		{"beyond the hour", []store.CallMinute{ago(0, 11)}, 11, 44, 0, -1},
		{"the oldest leave first", []store.CallMinute{ago(50, 30), ago(5, 40)}, 70, 160, 11 * time.Minute, 0},
		{"full to the brim", []store.CallMinute{ago(30, 60)}, 60, 0, 31 * time.Minute, 0},
		{"one below", []store.CallMinute{ago(30, 59)}, 59, 0, 0, -1},
		{"reached", []store.CallMinute{ago(30, 60), ago(1, 3)}, 63, 12, 31 * time.Minute, 0},
	} {
		h := HourOf(c.minutes)
		require.Equal(t, c.calls, h.Calls(), c.name)
		require.Equal(t, c.expected, h.Expected(), c.name)
		require.Equal(t, c.held, h.Held(60), c.name)
		reached, ok := h.Reached(60)
		require.Equal(t, c.reached >= 0, ok, c.name)
		if ok {
			require.Equal(t, c.reached, reached, c.name)
		}
	}
}

// Calls under way may fill a limit by themselves: then it is free again in a moment.
func TestCallsUnderWayFillALimitForAMoment(t *testing.T) {
	t.Parallel()
	minute := []store.CallMinute{{Calls: 1, Left: 20 * time.Minute}}
	require.Zero(t, lastHour{underway: 59}.wait(60))
	require.Equal(t, momentary, lastHour{underway: 60}.wait(60))
	require.Equal(t, momentary, lastHour{underway: 60, minutes: minute}.wait(60))
	require.Equal(t, 20*time.Minute, lastHour{underway: 59, minutes: minute}.wait(60))
}
