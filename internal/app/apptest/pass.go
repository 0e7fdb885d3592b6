package apptest

import (
	"testing"
	"time"
)

// Pass lets time go by for Postgres: what it counts by its own clock (leases,
// calls, refused calls, pauses) becomes older by d. A test that moves its own
// clock calls this too where these matter.
func (h *House) Pass(t testing.TB, d time.Duration) {
	t.Helper()
	// A minute is part of a key, and keys are checked row by row: so all rows go
	// far away first, and come back.
	for _, table := range []string{"calls", "refused_calls"} {
		h.DB.Exec(t, `UPDATE signet.`+table+` SET minute = minute - interval '1000 years'`)
		h.DB.Exec(t, `UPDATE signet.`+table+` SET minute = minute + interval '1000 years' - make_interval(secs => $1)`, d.Seconds())
	}
	h.DB.Exec(t, `UPDATE signet.call_pauses SET until = until - make_interval(secs => $1), since = since - make_interval(secs => $1)`, d.Seconds())
	h.DB.Exec(t, `UPDATE signet.ticket_leases SET ends_at = ends_at - make_interval(secs => $1), forced_at = forced_at - make_interval(secs => $1)`, d.Seconds())
}
