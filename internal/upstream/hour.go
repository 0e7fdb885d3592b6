package upstream

import (
	"slices"
	"time"

	"signet/internal/store"
)

// counts is how long a minute is in the last hour: an hour, and what is left of
// the minute itself.
const counts = 61 * time.Minute

// Calls under way may fill a limit for a moment.
const momentary = time.Second

// lastHour is what was counted in the last hour, and what may yet be.
type lastHour struct {
	underway int64
	minutes  []store.CallMinute
}

func (h lastHour) sum() int64 {
	sum := h.underway
	for _, m := range h.minutes {
		sum += m.Calls
	}
	return sum
}

// wait tells how long it takes until the sum is below limit: 0 if it is.
func (h lastHour) wait(limit int64) time.Duration {
	sum := h.underway
	if sum >= limit {
		return momentary
	}
	minutes := slices.SortedFunc(slices.Values(h.minutes), func(x, y store.CallMinute) int { return int(y.Left - x.Left) })
	for _, m := range minutes {
		if sum += m.Calls; sum >= limit {
			return m.Left
		}
	}
	return 0
}
