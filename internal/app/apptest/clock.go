package apptest

import (
	"slices"
	"sync"
	"time"
)

// Clock is moved by the test alone, and by a wait, which takes no time.
type Clock struct {
	mu    sync.Mutex // guards all three
	now   time.Time
	waits []time.Duration
	moved []func(time.Duration)
}

// NewClock makes a Clock that stands at now.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now reads the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	moved := slices.Clone(c.moved)
	c.mu.Unlock()
	for _, tell := range moved {
		tell(d)
	}
}

// Drift moves the clock without telling anybody.
func (c *Clock) Drift(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// onAdvance lets somebody hear of each Advance, not of waits or Drift.
func (c *Clock) onAdvance(tell func(time.Duration)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved = append(c.moved, tell)
}

// After is a wait: it moves the clock and is over.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waits = append(c.waits, d)
	done := make(chan time.Time, 1)
	done <- c.now
	return done
}

// Waits gives how long each wait was to be.
func (c *Clock) Waits() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.waits)
}
