package identity

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"signet/internal/fault"
)

// How many may hash and wait at once on a node, and for how long. Two hashes at
// a time are 128 MiB; the last of the crowd still has a place within its wait.
// Of one client one hashes and four wait: it always leaves a place to hash in
// and seven eighths of the waiting room to others, and an office behind one
// address gets its turns within a second.
const (
	maxHashing      = 2
	maxWaiting      = 32
	maxHashingOfOne = 1
	maxWaitingOfOne = 4
	maxWait         = 5 * time.Second
	comeAgain       = 2 * time.Second // what those are told who find no place
)

// places are the places of a node to hash in, and the waiting room before them.
// Whoever waits has at most one of each other client's before them for each turn
// of a place, because only one of a client stands in the last line.
type places struct {
	hashing chan struct{}

	mu      sync.Mutex // guards what follows, and the shares
	waiting int
	shares  map[netip.Prefix]*share // of the clients who are here
}

// share is what one client holds of the places.
type share struct {
	hashing chan struct{} // its line for the last line
	waiting int
	here    int // who hash or wait
}

func newPlaces() *places {
	return &places{hashing: make(chan struct{}, maxHashing), shares: map[netip.Prefix]*share{}}
}

// enter waits for a place to hash in. The caller leaves it. It fails with
// fault.RateLimitedCode and a RetryAfter where the waiting room is full, the
// client has its part of it, no place came free in time, or ctx ended.
func (p *places) enter(ctx context.Context, client netip.Prefix) (leave func(), err error) {
	s, ok := p.queue(client)
	if !ok {
		return nil, rateLimited(comeAgain)
	}
	defer func() {
		p.unqueue(s)
		if err != nil {
			p.forget(client, s)
		}
	}()
	patience := time.NewTimer(maxWait)
	defer patience.Stop()
	if err := await(ctx, s.hashing, patience); err != nil {
		return nil, err
	}
	if err := await(ctx, p.hashing, patience); err != nil {
		<-s.hashing
		return nil, err
	}
	return func() {
		<-p.hashing
		<-s.hashing
		p.forget(client, s)
	}, nil
}

// queue lets a client into the waiting room, if there is room for it.
func (p *places) queue(client netip.Prefix) (*share, bool) {
	hashing, waiting := maxHashingOfOne, maxWaitingOfOne
	if isEverybody(client) {
		hashing, waiting = maxHashing, maxWaiting
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.shares[client]
	if s == nil {
		s = &share{hashing: make(chan struct{}, hashing)}
	}
	if p.waiting >= maxWaiting || s.waiting >= waiting {
		return nil, false
	}
	p.shares[client] = s
	p.waiting++
	s.waiting++
	s.here++
	return s, true
}

// unqueue lets out of the waiting room.
func (p *places) unqueue(s *share) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting--
	s.waiting--
}

// forget counts one less of a client, and drops the share of one who is gone.
func (p *places) forget(client netip.Prefix, s *share) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.here--; s.here == 0 {
		delete(p.shares, client)
	}
}

// await waits for a place in line.
func await(ctx context.Context, line chan<- struct{}, patience *time.Timer) error {
	select {
	case line <- struct{}{}:
		return nil
	case <-patience.C:
		return rateLimited(comeAgain)
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.RateLimitedCode, nil).WithRetryAfter(comeAgain)
	}
}

func rateLimited(wait time.Duration) error {
	return fault.New(fault.RateLimitedCode, nil).WithRetryAfter(wait)
}
