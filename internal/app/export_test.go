package app

import (
	"context"
	"time"

	"signet/internal/config"
)

// Trim is what deletes old rows while a server runs.
func (s *Server) Trim(ctx context.Context) error { return s.trim(ctx) }

// FinishTime is how long requests under way may take after a delay.
func FinishTime(delay time.Duration) time.Duration {
	return (&Server{cfg: config.Config{DrainDelay: delay}}).finishTime()
}
