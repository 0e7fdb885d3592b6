package signing

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"signet/internal/store"
)

// strictFor is how long a node goes on signing for strict apps without having
// read the change feed (design, section 7). It must be shorter than changes are
// kept (store/trim.go).
const strictFor = 60 * time.Minute

// feed is what a node knows of how current it is.
type feed struct {
	read    atomic.Pointer[time.Time] // when it was read last; nil before Follow
	stopped atomic.Bool               // the last reading failed
}

// NoteFeed says whether the change feed could be read just now. While it cannot,
// what is held goes on being signed, but nobody can say that there is no such app.
func (d *Directory) NoteFeed(now time.Time, readable bool) {
	if readable {
		d.feed.read.Store(&now)
	}
	d.feed.stopped.Store(!readable)
}

// IsCurrent tells whether the change feed could be read the last time.
func (d *Directory) IsCurrent() bool { return !d.feed.stopped.Load() }

// Behind tells at now for how long the change feed was not read.
func (d *Directory) Behind(now time.Time) time.Duration {
	read := d.feed.read.Load()
	if read == nil {
		return 0
	}
	return max(now.Sub(*read), 0)
}

// Behind tells for how long this node has not read the change feed, by the clock
// by which it notes the readings.
func (s *Signer) Behind() time.Duration { return s.directory.Behind(s.now()) }

// Follow keeps the directory and the tickets current from where a Load has just
// left them, until ctx ends; then it returns nil. Where reading on would miss
// something, everything is read anew, and until that can be done signing goes on
// with what is known. note hears of each reading how it went; an error that wraps
// store.ErrFeedBroken says why everything is read anew. Only one Follow may run at a
// time.
func (s *Signer) Follow(ctx context.Context, from store.FeedPosition, note func(error)) error {
	report := func(err error) {
		s.directory.NoteFeed(s.now(), err == nil)
		note(err)
	}
	s.directory.NoteFeed(s.now(), true)
	for {
		err := s.directory.store.FollowChanges(ctx, from, s.Apply, report)
		if !errors.Is(err, store.ErrFeedBroken) {
			return err
		}
		if from, err = s.reloadSoon(ctx, report); err != nil {
			return nil //nolint:nilerr // ctx has ended
		}
	}
}

// reloadEvery is how often it is tried to read everything anew.
const reloadEvery = time.Second

// reloadSoon reloads as soon as Postgres lets it. It fails only when ctx ends.
func (s *Signer) reloadSoon(ctx context.Context, report func(error)) (store.FeedPosition, error) {
	every := time.NewTicker(reloadEvery)
	defer every.Stop()
	for {
		from, err := s.Reload(ctx)
		if ctx.Err() != nil {
			return from, ctx.Err()
		}
		report(err)
		if err == nil {
			return from, nil
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return from, ctx.Err()
		}
	}
}
