package app

import (
	"context"
	"sync"
	"time"

	"signet/internal/admin"
	"signet/internal/core"
	"signet/internal/fault"
)

// A chore is work that falls due without anybody asking for it. What is to be done
// stands in rows, so that any node may do it, several at once may do parts of it,
// and one that is killed leaves the rest to the next (ADR 30).
type chore struct {
	name  string
	every time.Duration // about; the jitter keeps nodes from asking together
	limit time.Duration // longest that one round may take; the rest is for the next
	work  func(context.Context) error
}

// chores lists what this node sees to while it serves.
func (s *Server) chores() []chore {
	due := admin.NewDue(s.rooms.admin)
	return []chore{
		{"activate secrets", 4 * time.Second, time.Minute, due.ActivateSecrets},
		{"retire secrets", time.Minute, time.Minute, due.RetireSecrets},
		{"deletions", 10 * time.Second, time.Minute, s.destroyDue},
		{"uses of API keys", time.Minute, time.Minute, s.rooms.signer.WriteKeyUses},
		{"root key", keysEvery, keysTime, func(ctx context.Context) error { _, err := s.rooms.keys.FinishRoot(ctx); return err }},
		{"platform key", keysEvery, keysTime, func(ctx context.Context) error { _, err := s.rooms.keys.FinishPlatform(ctx); return err }},
		{"session key", time.Hour, time.Minute, s.rooms.identity.RenewSessionKey},
		{"tenant keys", keysEvery, keysTime, s.rooms.keys.FinishTenants},
		{"audit checkpoint", time.Hour, time.Minute, s.keepCheckpoint},
	}
}

// A turning that was cut short goes on within half a minute.
const (
	keysEvery = 10 * time.Second
	keysTime  = time.Minute
)

// runChores does every chore again and again until ctx ends.
func (s *Server) runChores(ctx context.Context, list []chore) error {
	var running sync.WaitGroup
	for _, c := range list {
		running.Go(func() { s.runChore(ctx, c) })
	}
	running.Wait()
	return nil
}

func (s *Server) runChore(ctx context.Context, c chore) {
	failing := false
	for {
		next := time.NewTimer(c.every/2 + core.Jitter(c.every))
		select {
		case <-next.C:
		case <-ctx.Done():
			next.Stop()
			return
		}
		failing = s.doChore(ctx, c, failing)
	}
}

// doChore does one round. A chore that fails is told once, and once that it is done
// again: it is tried anew every time. That Postgres is away is told by who follows
// the change feed.
func (s *Server) doChore(ctx context.Context, c chore, failing bool) bool {
	round, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	err := c.do(round)
	switch {
	case ctx.Err() != nil, fault.Has(err, fault.StoreUnavailable), err != nil && round.Err() != nil:
		return failing // the rest next time
	case err != nil && !failing:
		s.log.ErrorContext(ctx, "work that is due cannot be done; it is tried again", "alert", "chore_failed", "chore", c.name, "error", err)
	case err == nil && failing:
		s.log.InfoContext(ctx, "work that was due is done again", "chore", c.name)
	}
	return err != nil
}

// do does the work once. One that panics has failed, and is tried again as one that
// fails: the node has other work than this.
func (c chore) do(ctx context.Context) (err error) {
	defer func() {
		if p := core.Recovered(recover()); p != nil {
			err = p
		}
	}()
	return c.work(ctx)
}
