package chaos_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/store"
	"signet/internal/wecom/wecomtest"
)

// wrongClocks are what befalls one node of two.
var wrongClocks = map[string]time.Duration{"ahead": 2 * time.Hour, "behind": -2 * time.Hour}

// skewed is two nodes over one Postgres, one with a clock that is off and that was
// set right by Postgres's, as a node does at its start. The library that shifts a
// process's clock does not move Go's, so they are nodes inside the test; Postgres
// and WeCom have the right time.
type skewed struct {
	h, wrong *apptest.House
	clock    *apptest.Clock
	app      apptest.App
}

func newSkewed(t *testing.T, off time.Duration) *skewed {
	t.Helper()
	clock := apptest.NewClock(time.Now())
	h := apptest.New(t, apptest.Config{Now: clock.Now, After: clock.After, WeCom: wecomtest.Config{Clock: clock.Now}})
	a := h.ColdApp(t, h.Tenant(t, "alpha", sharedCorp), "1000002", apptest.Secret("clock"), "crm.example.com")
	wrong := store.NewClock(func() time.Time { return clock.Now().Add(off) })
	told, _ := wrong.Set(clock.Now(), 0)
	require.Equal(t, off, told)
	return &skewed{h: h, wrong: h.RestartBy(t, wrong), clock: clock, app: a}
}

// sign signs at the node with the right or the wrong clock. The ticket must live
// by WeCom's clock.
func (s *skewed) sign(t *testing.T, which string) {
	t.Helper()
	node, page := s.h, apptest.Page("crm.example.com", "1")
	if which == "wrong" {
		node = s.wrong
	}
	answer, err := node.Sign(t.Context(), s.app, page)
	require.NoError(t, err, "the node with the %s clock", which)
	require.NoError(t, s.h.Verify(s.app, page, answer), "the node with the %s clock, at %s", which, s.clock.Now())
	require.WithinDuration(t, s.clock.Now(), time.Unix(answer.Timestamp, 0), 2*time.Second, "the node with the %s clock", which)
}

// TestClockTwoHoursOff has both nodes sign, cold and warm, whichever of them
// fetches.
func TestClockTwoHoursOff(t *testing.T) {
	t.Parallel()
	for name, off := range wrongClocks {
		for _, order := range [][]string{{"right", "wrong"}, {"wrong", "right"}} {
			t.Run(name+", the "+order[0]+" clock fetches", func(t *testing.T) {
				t.Parallel()
				s := newSkewed(t, off)
				for range 3 {
					s.sign(t, order[0])
					s.sign(t, order[1])
				}
			})
		}
	}
}

// TestNoExpiredTicketWithAWrongClock goes on for many lives of a ticket. What one
// node writes of an end, another must not misread by hours.
func TestNoExpiredTicketWithAWrongClock(t *testing.T) {
	t.Parallel()
	for name, off := range wrongClocks {
		for _, order := range [][]string{{"right", "wrong"}, {"wrong", "right"}} {
			t.Run(name+", the "+order[0]+" clock first", func(t *testing.T) {
				t.Parallel()
				s := newSkewed(t, off)
				s.sign(t, "right")
				s.clock.Advance(2*time.Hour - 30*time.Second) // the row is near its end
				for range 40 {
					s.sign(t, order[0])
					s.sign(t, order[1])
					s.clock.Advance(7 * time.Minute)
				}
			})
		}
	}
}
