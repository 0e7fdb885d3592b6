package app

import (
	"context"

	"signet/internal/core"
)

// quietly makes a panic of a node's own work an error: the node ends as it does
// when that work fails, with a line in its log, and what was thrown, which may hold
// a secret, is printed nowhere.
func (s *Server) quietly(ctx context.Context, work func() error) func() error {
	return func() (err error) {
		defer func() {
			if p := core.Recovered(recover()); p != nil {
				s.log.ErrorContext(ctx, "work of this node panicked; the node ends", "panic", p.What(), "stack", p.Stack())
				err = p
			}
		}()
		return work()
	}
}
