package apptest

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Ages makes a test's clock the database's as well, for what is counted there by
// its own (leases, calls, refused calls, pauses): whenever the test moves the clock,
// those rows grow older by as much. What could not be done because Postgres was
// away is done the next time.
func (h *House) Ages(clock *Clock) {
	var mu sync.Mutex // guards owed, and keeps two from aging the rows at once
	var owed time.Duration
	clock.onAdvance(func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		if d <= 0 {
			return // a clock that is set back is no time that goes back
		}
		if owed += d; h.Age(owed) == nil {
			owed = 0
		}
	})
}

// agePatience is how long Postgres has for it. A test may have stopped it.
const agePatience = 5 * time.Second

// Age moves the rows back in time, for a test whose steps are too many to do so at
// each. A minute is part of a key, and keys are checked
// row by row: so all rows go far away first, and come back.
func (h *House) Age(d time.Duration) error {
	const statements = `
UPDATE signet.calls SET minute = minute - interval '1000 years';
UPDATE signet.calls SET minute = minute + interval '1000 years' - interval '%[1]f seconds';
UPDATE signet.refused_calls SET minute = minute - interval '1000 years';
UPDATE signet.refused_calls SET minute = minute + interval '1000 years' - interval '%[1]f seconds';
UPDATE signet.call_pauses SET until = until - interval '%[1]f seconds', since = since - interval '%[1]f seconds';
UPDATE signet.ticket_leases SET ends_at = ends_at - interval '%[1]f seconds', forced_at = forced_at - interval '%[1]f seconds'`
	ctx, cancel := context.WithTimeout(context.Background(), agePatience)
	defer cancel()
	return h.DB.TryExec(ctx, fmt.Sprintf(statements, d.Seconds()))
}
