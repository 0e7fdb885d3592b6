package upstream

import (
	"time"

	"signet/internal/store"
)

// The pace of calls is what the last quarter of an hour says.
const (
	paceOver      = 15 * time.Minute
	paceMinutes   = int64(paceOver / time.Minute)
	paceQuarters  = int64(time.Hour / paceOver)
	forecastAhead = 60 // minutes
)

// Hour is what was counted in the last hour, and what that lets expect. It never
// changes.
type Hour struct {
	counted lastHour
	pace    int64 // of a quarter of an hour
}

// HourOf makes an Hour of minutes in whatever order, and keeps them.
func HourOf(minutes []store.CallMinute) Hour {
	h := Hour{counted: lastHour{minutes: minutes}}
	for _, m := range minutes {
		if counts-m.Left < paceOver {
			h.pace += m.Calls
		}
	}
	return h
}

// Calls is the sum.
func (h Hour) Calls() int64 { return h.counted.sum() }

// Expected is the sum of the next hour at the present pace.
func (h Hour) Expected() int64 { return h.pace * paceQuarters }

// Held tells how long it takes until the sum is below a limit: 0 if it is.
func (h Hour) Held(limit int64) time.Duration { return h.counted.wait(limit) }

// Reached tells in how many minutes a limit is reached at the present pace, while
// what is an hour old counts no more: 0 if it is, false if it is not within an
// hour.
func (h Hour) Reached(limit int64) (time.Duration, bool) {
	for minute := range int64(forecastAhead + 1) {
		in := time.Duration(minute) * time.Minute
		sum := h.pace * minute / paceMinutes
		for _, m := range h.counted.minutes {
			if m.Left > in {
				sum += m.Calls
			}
		}
		if sum >= limit {
			return in, true
		}
	}
	return 0, false
}
