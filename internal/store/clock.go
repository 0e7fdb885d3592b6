package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/fault"
)

// Clock is a process's clock, set right by Postgres's. Ends that one node writes
// another one reads: with clocks of their own, a node whose clock is off would have
// itself and the others use what is over.
//
// Between two settings it goes by the clock that nobody can set. That one stands
// still while the machine is suspended: so where the clock on the wall has come
// further, Now is what the wall says, Doubtful is true, and Set has to tell which
// of the two is right. It is safe for concurrent use.
type Clock struct {
	own  func() (wall time.Time, steady time.Duration)
	mu   sync.Mutex // for who sets it
	last atomic.Pointer[setting]
}

// setting is the last moment for which the right time is known.
type setting struct {
	wall   time.Time
	steady time.Duration
	right  time.Time
}

// NewClock makes a Clock that goes as own does until it is set.
func NewClock(own func() time.Time) *Clock {
	began := own()
	return NewClockOf(func() (time.Time, time.Duration) {
		now := own()
		return now.Round(0), now.Sub(began)
	})
}

// NewClockOf is NewClock for who has the two clocks of a process apart: the one on
// the wall and the one that nobody can set.
func NewClockOf(own func() (wall time.Time, steady time.Duration)) *Clock {
	c := &Clock{own: own}
	wall, steady := own()
	c.last.Store(&setting{wall, steady, wall})
	return c
}

// Now reads the clock. A reading says the time of day and nothing else: of two,
// the later one is the greater one, unless the clock was set in between.
func (c *Clock) Now() time.Time {
	wall, steady := c.own()
	return c.last.Load().at(wall, steady)
}

// Doubtful tells whether the process's two clocks have come apart since Set.
func (c *Clock) Doubtful() bool {
	wall, steady := c.own()
	return c.last.Load().apart(wall, steady).Abs() > clockTolerance
}

// apart tells by how much the clock on the wall has come further than the other.
func (m *setting) apart(wall time.Time, steady time.Duration) time.Duration {
	return wall.Sub(m.wall) - (steady - m.steady)
}

func (m *setting) at(wall time.Time, steady time.Duration) time.Time {
	now := m.right.Add(steady - m.steady)
	if apart := m.apart(wall, steady); apart > clockTolerance {
		now = now.Add(apart)
	}
	return now
}

// clockTolerance is how far two clocks may lie apart and count as one. A reading
// comes over the network, and a clock that moved with each would not go evenly.
const clockTolerance = time.Second

// Set sets the clock by a reading of the right time, which is exact to within that
// much. off tells by how much the clock on the wall is off: more than 0 is ahead.
// moved tells by how much Now was set, less than 0 where it was set back: then an
// end that was told by this clock may be too late.
func (c *Clock) Set(right time.Time, within time.Duration) (off, moved time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, steady := c.own()
	now := c.last.Load().at(wall, steady)
	off = wall.Sub(right)
	switch {
	case now.Sub(right).Abs() <= clockTolerance+within:
		right = now // it goes evenly
	case off.Abs() <= clockTolerance:
		right = wall
	}
	c.last.Store(&setting{wall, steady, right})
	return off, right.Sub(now)
}

const selectClock = `SELECT clock_timestamp()`

// Clock reads Postgres's clock.
func (tx *SystemTx) Clock(ctx context.Context) (time.Time, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[time.Time], selectClock)
}

// SetClock sets a Clock by Postgres's, and gives what Clock.Set does. It fails with
// fault.StoreUnavailable, and then the clock goes on as before.
func (s *Store) SetClock(ctx context.Context, c *Clock) (off, moved time.Duration, err error) {
	err = s.System(ctx, func(tx *SystemTx) error {
		begun := time.Now()
		right, err := tx.Clock(ctx)
		if err == nil {
			off, moved = c.Set(right, time.Since(begun))
		}
		return err
	})
	return off, moved, err
}
