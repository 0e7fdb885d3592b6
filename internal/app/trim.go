package app

import (
	"context"
	"time"

	"signet/internal/core"
)

// What nobody can need any more is deleted about every five minutes. The jitter
// keeps nodes that were started together from always asking at once; one does it,
// and the others find that out in one statement.
const (
	trimEvery = 5 * time.Minute
	trimTime  = time.Minute // longest that one round may take
)

// trim deletes old rows until ctx ends.
func (s *Server) trim(ctx context.Context) error {
	for {
		next := time.NewTimer(trimEvery/2 + core.Jitter(trimEvery))
		select {
		case <-next.C:
		case <-ctx.Done():
			next.Stop()
			return nil
		}
		s.trimOnce(ctx)
	}
}

func (s *Server) trimOnce(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, trimTime)
	defer cancel()
	rows, err := s.rooms.console.Trim(ctx)
	switch {
	case ctx.Err() != nil: // the rest next time
	case err != nil:
		s.log.Warn("old rows could not be deleted; it is tried again", "error", err)
	case rows > 0:
		s.log.Info("old rows were deleted", "rows", rows)
	}
}
