package store

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/fault"
)

// Clock is a process's clock, set right by Postgres's. Ends that one node writes
// another one reads: with clocks of their own, a node whose clock is off would have
// itself and the others use what is over. It is safe for concurrent use.
type Clock struct {
	own func() time.Time
	off atomic.Int64 // nanoseconds that have to be added
}

// NewClock makes a Clock that goes as own does until it is set.
func NewClock(own func() time.Time) *Clock { return &Clock{own: own} }

// Now reads the clock. The reading keeps the part that cannot be set back.
func (c *Clock) Now() time.Time { return c.own().Add(time.Duration(c.off.Load())) }

// clockTolerance is how far two clocks may lie apart and count as one. A reading
// comes over the network, and a clock that moved with each would not go evenly.
const clockTolerance = time.Second

// Set sets the clock by a reading of the right time, which is exact to within that
// much, and tells by how much the process's own clock is off: more than 0 is ahead.
func (c *Clock) Set(right time.Time, within time.Duration) (off time.Duration) {
	missing := right.Sub(c.own().Round(0))
	if (missing - time.Duration(c.off.Load())).Abs() > clockTolerance+within {
		if missing.Abs() <= clockTolerance {
			missing = 0
		}
		c.off.Store(int64(missing))
	}
	return -missing
}

const selectClock = `SELECT clock_timestamp()`

// Clock reads Postgres's clock.
func (tx *SystemTx) Clock(ctx context.Context) (time.Time, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[time.Time], selectClock)
}

// SetClock sets a Clock by Postgres's, and tells by how much the process's own is
// off. It fails with fault.StoreUnavailable, and then the clock goes on as before.
func (s *Store) SetClock(ctx context.Context, c *Clock) (off time.Duration, err error) {
	err = s.System(ctx, func(tx *SystemTx) error {
		begun := time.Now()
		right, err := tx.Clock(ctx)
		if err == nil {
			off = c.Set(right, time.Since(begun))
		}
		return err
	})
	return off, err
}
