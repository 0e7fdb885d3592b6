package signing

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/tracing"
)

const (
	// With a million apps one look takes a fraction of a second.
	lookEvery = 15 * time.Second

	renewers = 16 // renewals at a time, of all tenants together
	warmers  = 4  // apps read at a time after a start

	// How long an app is let be whose tickets could not be renewed. What it has is
	// used meanwhile.
	shortestRest = time.Second
	longestRest  = time.Minute
	patientRest  = 10 * time.Minute // where the failure itself says how long
)

// Renewals counts what KeepFresh has done.
type Renewals struct{ Done, Failed atomic.Int64 }

// ahead is what the Signer knows of renewals.
type ahead struct {
	every  time.Duration // how often all apps are looked over for what is due until the next time
	queue  *queue
	counts Renewals
	warm   chan struct{} // has something in it when what is in use is to be taken up again

	mu      sync.Mutex // guards resting
	resting map[core.AppKey]rest
}

// rest is a pause after a renewal that has failed.
type rest struct {
	last  time.Duration
	until time.Time
}

func newAhead() *ahead {
	return &ahead{every: lookEvery, queue: newQueue(), warm: make(chan struct{}, 1), resting: map[core.AppKey]rest{}}
}

// Renewals gives what was counted, and how many wait or run now.
func (s *Signer) Renewals() (counts *Renewals, queued int) {
	return &s.ahead.counts, s.ahead.queue.len()
}

// KeepFresh sees to it that pages find a ticket ready: it takes those of apps in
// use into memory from their rows, once, and then renews them ahead of their
// end. It returns when ctx has ended and what was under way is over.
func (s *Signer) KeepFresh(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { s.keepWarm(ctx) })
	group.Go(func() { s.ahead.queue.work(ctx, renewers, s.renew) })
	for {
		begun := s.now()
		due := s.dueBy(begun, begun.Add(s.ahead.every))
		slices.SortFunc(due, func(a, b renewal) int { return a.from.Compare(b.from) })
		if !s.hand(ctx, due) || !pass(ctx, begun.Add(s.ahead.every).Sub(s.now())) {
			return
		}
	}
}

// keepWarm takes up what is in use, and again when everything was read anew.
func (s *Signer) keepWarm(ctx context.Context) {
	for {
		s.WarmUp(ctx)
		select {
		case <-s.ahead.warm:
		case <-ctx.Done():
			return
		}
	}
}

// hand puts each renewal into the queue when its time has come.
func (s *Signer) hand(ctx context.Context, due []renewal) bool {
	for _, r := range due {
		if wait := r.from.Sub(s.now()); wait > 0 && !pass(ctx, wait) {
			return false
		}
		s.ahead.queue.add(r)
	}
	return ctx.Err() == nil
}

// pass lets a time go by. It is false if ctx ends first.
func pass(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// RenewDue renews once what is due now, and returns when that is done. KeepFresh
// does the same all the time.
func (s *Signer) RenewDue(ctx context.Context) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(renewers)
	now := s.now()
	for _, r := range s.dueBy(now, now) {
		group.Go(func() error { s.renew(ctx, r); return nil })
	}
	_ = group.Wait()
}

// renew renews what is due of one app and puts it where signatures find it.
func (s *Signer) renew(ctx context.Context, r renewal) {
	ctx, span := tracing.BeginTree(ctx, "renewal")
	if span.On() {
		span.Note(tracing.Tenant(r.app.tenantID), tracing.App(r.app.appID))
	}
	err := s.tickets.Renew(ctx, r.app.ticketApp(), r.app.usedAt())
	span.End(err)
	now := s.now()
	if a := s.directory.find(r.key); a != nil {
		s.showTickets(now, r.key, a)
	}
	if ctx.Err() == nil {
		s.ahead.note(r.key, now, err)
	}
}

// showTickets puts tickets that are in memory where signatures find them first.
func (s *Signer) showTickets(now time.Time, key core.AppKey, a *app) {
	pair, ok := s.tickets.Held(now, a.ticketApp())
	if ok && (a.tickets == nil || !a.tickets.RenewFrom().Equal(pair.RenewFrom())) {
		s.directory.keepTickets(key, a, pair)
	}
}

// note learns from how a renewal went: each failure lets the app rest longer,
// about three times as long at most.
func (h *ahead) note(key core.AppKey, now time.Time, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		h.counts.Done.Add(1)
		delete(h.resting, key)
		return
	}
	h.counts.Failed.Add(1)
	last := min(shortestRest+core.Jitter(max(3*h.resting[key].last-shortestRest, shortestRest)), longestRest)
	said := min(fault.Find(err).RetryAfter, patientRest)
	h.resting[key] = rest{last: last, until: now.Add(max(last, said))}
}

// rests tells whether an app is let be at now.
func (h *ahead) rests(key core.AppKey, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, known := h.resting[key]
	return known && now.Before(r.until)
}

// warmAgain lets what is in use be taken up once more.
func (h *ahead) warmAgain() {
	select {
	case h.warm <- struct{}{}:
	default: // it is to be done already
	}
}

func (h *ahead) forgetRests() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.resting)
}

// WarmUp takes into memory the tickets of apps in use that live in their rows, so
// that a node which was just started signs without Postgres and WeCom as well as
// one that has run all day. What it does not get to, pages fetch for themselves.
func (s *Signer) WarmUp(ctx context.Context) {
	now := s.now()
	var apps []store.AppInUse
	for {
		err := s.directory.store.System(ctx, func(tx *store.SystemTx) (err error) {
			apps, err = tx.ListAppsInUse(ctx, now.Add(-lately), now)
			return err
		})
		if err == nil {
			break
		}
		if !pass(ctx, s.ahead.every) {
			return
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(warmers)
	for _, in := range apps {
		a := s.directory.find(in.Key)
		if a == nil || ctx.Err() != nil {
			continue
		}
		a.usedIn(hourOf(in.UsedAt))
		if !a.mayBeSigned() {
			continue
		}
		group.Go(func() error {
			if err := s.tickets.Warm(ctx, a.ticketApp()); err == nil {
				s.showTickets(s.now(), in.Key, a)
			}
			return nil
		})
	}
	_ = group.Wait()
}
