package ticket

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestAValueIsUsedUntilItsEnd(t *testing.T) {
	t.Parallel()
	e := newEntry(key{}, core.NewSecret("value"), 1, noon, noon.Add(2*time.Hour), false)
	over := noon.Add(2*time.Hour - margin) // by our word
	require.True(t, e.usable(noon))
	require.True(t, e.usable(over.Add(-time.Nanosecond)))
	require.False(t, e.usable(over))
}

// A row may have been written by a node whose clock was wrong.
func TestAStoredValueOfAWrongClockIsNotUsed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		fetched time.Time
		life    time.Duration
		usable  bool
	}{
		{"just now", noon, 2 * time.Hour, true},
		{"a minute ago", noon.Add(-time.Minute), 2 * time.Hour, true},
		{"by a clock that is ahead by no more than the margin", noon.Add(margin), 2 * time.Hour, true},
		{"in times to come", noon.Add(margin + time.Second), time.Hour, false},
		{"for longer than anything lives", noon, 2*time.Hour + margin + time.Second, false},
	} {
		end := c.fetched.Add(c.life)
		e := stored(key{}, core.NewSecret("value"), store.TicketRow{Generation: 1, FetchedAt: c.fetched, ExpiresAt: end}, end, noon)
		require.Equal(t, c.usable, e.usable(noon), c.name)
	}
}

func TestAPageJoinsNoFlightAheadOfNeed(t *testing.T) {
	t.Parallel()
	page := errand{key: key{kind: core.CorpTicket, corp: "ww1"}}
	ahead := page
	ahead.ahead = true
	require.NotEqual(t, page.flight(), ahead.flight())
	other := page
	other.key.corp = "ww2"
	require.NotEqual(t, page.flight(), other.flight())
}
