package app

import (
	"context"
	"sync/atomic"
	"time"

	"signet/internal/store"
)

const (
	clockLook  = 500 * time.Millisecond
	clockEvery = 60               // looks
	clockAlert = 10 * time.Second // by so much a clock is wrong, and somebody should look at it
)

// nodeClock is the clock that tickets and signatures go by: this node's, set right
// by Postgres's (store.Clock). Sessions and logs go by the node's own.
type nodeClock struct {
	*store.Clock
	off atomic.Int64 // nanoseconds, as found last
}

// ahead tells by how much the node's own clock was ahead of Postgres's when they
// were compared last.
func (c *nodeClock) ahead() time.Duration { return time.Duration(c.off.Load()) }

// setClock sets the clock by Postgres's.
func (s *Server) setClock(ctx context.Context, st *store.Store) error {
	off, moved, err := st.SetClock(ctx, s.clock.Clock)
	if err == nil {
		s.clockWasSet(ctx, off, moved)
	}
	return err
}

// clockWasSet says once that the clock is wrong, and once that it is right again.
// Where it was set back, what it has said before is not believed any more.
func (s *Server) clockWasSet(ctx context.Context, off, moved time.Duration) {
	before := time.Duration(s.clock.off.Swap(int64(off)))
	wrong, told := off.Abs() > clockAlert, before.Abs() > clockAlert
	switch {
	case wrong && !told:
		s.log.ErrorContext(ctx, "this node's clock is wrong: tickets and signatures go by the database's; set the clock (NTP)",
			"alert", "clock_wrong", "seconds_ahead", off.Seconds())
	case !wrong && told:
		s.log.InfoContext(ctx, "this node's clock is right again")
	}
	if moved < 0 && s.rooms.signer != nil {
		s.rooms.signer.ForgetTimes()
	}
}

// keepClock sets the clock now and then, and soon after this node's two clocks have
// come apart, until ctx ends. While Postgres is away it goes on as it was set.
func (s *Server) keepClock(ctx context.Context) error {
	look := time.NewTicker(clockLook)
	defer look.Stop()
	for looks := 1; ; looks++ {
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
		if looks%clockEvery == 0 || s.clock.Doubtful() {
			_ = s.setClock(ctx, s.rooms.store) // who follows the feed says that Postgres is away
		}
	}
}
