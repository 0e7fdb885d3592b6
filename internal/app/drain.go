package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"signet/internal/store"
)

// How long the end of a node may take, 20 s in all: the delay that the operator
// has chosen, what is under way, what is given back, and a margin.
const (
	endTime     = 20 * time.Second
	longestWork = 8 * time.Second         // for requests that are under way
	giveBack    = 3500 * time.Millisecond // turns to fetch (3 s, ticket.Cache.Close), then what follows
	metricsTime = 250 * time.Millisecond
	closeTime   = 250 * time.Millisecond // for the connections to Postgres
)

// finishTime is how long requests may take that are under way when no more are
// taken.
func (s *Server) finishTime() time.Duration {
	return min(longestWork, endTime-s.cfg.DrainDelay-giveBack)
}

// drain ends the taking of requests so that nobody has to see it:
//
//  1. /readyz says no, and connections end with their answer. Requests are taken
//     as before, until whoever sends them has seen it.
//  2. The listeners close, and what is under way is finished.
//  3. Turns to fetch are given back, so that no other node waits for this one.
//
// failed ends where a part of the node has failed; then nothing is waited for that
// needs a caller.
func (s *Server) drain(failed context.Context, stopTaking func(), requests *sync.WaitGroup) {
	s.ready.Store(false)
	s.leaving.Store(true)
	s.log.Info("stopping", "delay", s.cfg.DrainDelay)
	delay := time.NewTimer(s.cfg.DrainDelay)
	defer delay.Stop()
	select {
	case <-delay.C:
	case <-failed.Done():
	}
	finished, cancel := context.WithTimeout(context.WithoutCancel(failed), s.finishTime())
	defer cancel()
	stopTaking()
	requests.Wait() // serve bounds it
	s.rooms.tickets.Close(finished)
}

// serve answers on one listener until ctx ends, then finishes what is under way,
// for as long as patience lasts.
func serve(ctx context.Context, log *slog.Logger, on served, patience time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- on.surface.Listener(on.listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	if err := on.surface.ShutdownWithTimeout(patience); err != nil {
		log.WarnContext(ctx, "requests were cut off that took too long", "listener", on.listener.Addr(), "error", err)
	}
	_ = on.listener.Close() // or a shutdown that came before the first accept would be missed
	return <-ended
}

// closeStores gives all connections back. What still holds one when the time is
// over, a request that hangs, ends with the process.
func closeStores(stores ...*store.Store) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for _, st := range stores {
			if st != nil {
				st.Close()
			}
		}
	}()
	select {
	case <-closed:
	case <-time.After(closeTime):
	}
}
