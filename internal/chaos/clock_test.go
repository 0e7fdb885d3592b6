package chaos_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/wecom/wecomtest"
)

// shifted is a clock that goes with another and can be set wrong.
type shifted struct {
	*apptest.Clock
	by time.Duration // set by the test while nobody reads
}

// Now reads the wrong clock.
func (s *shifted) Now() time.Time { return s.Clock.Now().Add(s.by) }

// TestClockTwoHoursOff gives one node of two a clock that is two hours ahead, or
// behind. The library that shifts a process's clock does not move Go's, so these
// are nodes inside the test; Postgres and WeCom have the right time. Whichever
// node fetches, both sign, and only with tickets that live by WeCom's clock.
func TestClockTwoHoursOff(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"ahead": 2 * time.Hour, "behind": -2 * time.Hour} {
		for _, first := range []string{"right", "wrong"} {
			t.Run(name+", the "+first+" clock fetches", func(t *testing.T) {
				t.Parallel()
				right := apptest.NewClock(time.Now())
				clock := &shifted{Clock: right}
				h := apptest.New(t, apptest.Config{Now: clock.Now, After: right.After, WeCom: wecomtest.Config{Clock: right.Now}})
				a := h.ColdApp(t, h.Tenant(t, "alpha", sharedCorp), "1000002", apptest.Secret("clock"), "crm.example.com")
				page := apptest.Page("crm.example.com", "1")
				wrong := h.Restart(t)
				sign := func(which string) {
					t.Helper()
					node, by := h, time.Duration(0)
					if which == "wrong" {
						node, by = wrong, off
					}
					clock.by = by // one node at a time: nothing goes on behind an answer
					answer, err := node.Sign(t.Context(), a, page)
					clock.by = 0
					require.NoError(t, err, "the node with the %s clock", which)
					answer.Timestamp = max(answer.Timestamp, 1)
					require.NoError(t, h.Verify(a, page, answer), "the node with the %s clock, %s", which, right.Now())
				}
				sign(first)
				for range 10 {
					sign("right")
					sign("wrong")
					right.Advance(31 * time.Minute)
				}
			})
		}
	}
}
