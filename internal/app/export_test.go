package app

import (
	"context"
	"time"

	"signet/internal/admin"
	"signet/internal/config"
	"signet/internal/httpapi"
	"signet/internal/store"
)

// Routes lists what the public and the console listener answer ("METHOD /path"), as
// they are wired for a node that runs.
func (s *Server) Routes() (public, console []string) {
	list := func(l served) []string { return httpapi.RoutesOf(l.surface.(httpapi.Routed)) }
	surfaces := s.surfaces()
	return list(surfaces.public), list(surfaces.console)
}

// Actions are what administrators can do on this node.
func (s *Server) Actions() *admin.Actions { return s.rooms.admin }

// ConsoleStatements counts the statements that people have caused.
func (s *Server) ConsoleStatements() int64 { return s.rooms.console.Statements() }

// Trim is what deletes old rows while a server runs.
func (s *Server) Trim(ctx context.Context) error { return s.trim(ctx) }

// FinishTime is how long requests under way may take after a delay.
func FinishTime(delay time.Duration) time.Duration {
	return (&Server{cfg: config.Config{DrainDelay: delay}}).finishTime()
}

// Clock is the clock that the node's tickets go by.
func (s *Server) Clock() *store.Clock { return s.clock.Clock }

// PretendClockWrong lets a server that does not run yet think that its clock was
// wrong by so much when it was compared last.
func (s *Server) PretendClockWrong(off time.Duration) { s.clock.off.Store(int64(off)) }

// RunChore does one chore again and again until ctx ends.
func (s *Server) RunChore(ctx context.Context, name string, every, limit time.Duration, work func(context.Context) error) error {
	return s.runChores(ctx, []chore{{name, every, limit, work}})
}

// Quietly is how the node's own work is done.
func (s *Server) Quietly(ctx context.Context, work func() error) error { return s.quietly(ctx, work)() }

// KeepCheckpoint is what a node does about every hour.
func (s *Server) KeepCheckpoint(ctx context.Context) error { return s.keepCheckpoint(ctx) }
