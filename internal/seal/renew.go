package seal

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Source reads the root key rows as they are now.
type Source func(context.Context) ([]RootKeyRow, error)

// renewTime is how long a Ring waits for its rows while something cannot be
// opened without them.
const renewTime = 3 * time.Second

// keepGone is how long a key is kept whose row is gone. Something that was read
// under it may be about to be opened, or be kept for the day on which Postgres is
// away.
const keepGone = 24 * time.Hour

// renewal is what a Ring needs to be renewed while it is in use.
type renewal struct {
	source Source
	turn   chan struct{} // held by the one that reads
	begun  atomic.Int64  // readings that have begun
}

func newRenewal() renewal { return renewal{turn: make(chan struct{}, 1)} }

var errNoSource = errors.New("this ring was given nothing to read them from")

// RenewFrom says where the rows of the root keys are read anew. It is said before
// the ring is used, and once.
func (r *Ring) RenewFrom(source Source) { r.source = source }

// Renew reads the rows anew: the ring takes up what has come, and keeps what it
// holds where that fails. A key whose row is gone is dropped a day later.
func (r *Ring) Renew(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return r.readRows(ctx)
}

// renewOnce is Renew for somebody who has met an epoch that is not held. Of many
// who do so at once, those that came before a reading began share it.
//
//nolint:contextcheck,nolintlint // whoever opens a value has no context: it is of memory alone, but here
func (r *Ring) renewOnce() error {
	ctx, cancel := context.WithTimeout(context.Background(), renewTime)
	defer cancel()
	asked := r.begun.Load()
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if r.begun.Load() > asked {
		return nil // it began after the asking, and is over
	}
	return r.readRows(ctx)
}

// readRows is done by the holder of the turn.
func (r *Ring) readRows(ctx context.Context) error {
	if r.source == nil {
		return errNoSource
	}
	r.begun.Add(1)
	rows, err := r.source(ctx)
	if err != nil {
		return fmt.Errorf("read root keys: %w", err)
	}
	held := *r.held.Load()
	keys, err := r.judge(rows, held)
	if err != nil {
		return err
	}
	now := time.Now()
	kept := make([]*rootKey, 0, len(held)+len(keys))
	for _, k := range held {
		switch {
		case k.epoch >= keys[0].epoch:
		case k.goneAt.IsZero():
			leaving := *k
			leaving.goneAt = now
			kept = append(kept, &leaving)
		case now.Sub(k.goneAt) < keepGone:
			kept = append(kept, k)
		}
	}
	kept = append(kept, keys...)
	r.held.Store(&kept)
	return nil
}
