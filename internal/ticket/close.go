package ticket

import (
	"context"
	"sync"
	"time"
)

// underWay are the flights that have set out and not landed. They outlive those
// who asked for them, so somebody must wait for them when the process ends.
type underWay struct {
	mu      sync.Mutex // guards what follows
	flights map[*flight]bool
	landed  chan struct{} // closed when the last one lands; nil while nobody waits
	grounds bool          // no flight goes on, and none sets out
}

type flight struct{ cancel context.CancelFunc }

// setOut gives a flight its context, which ends after limit at the latest; land
// must be called when it has landed.
func (u *underWay) setOut(ctx context.Context, limit time.Duration) (flying context.Context, land func()) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	f := &flight{cancel}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.flights == nil {
		u.flights = map[*flight]bool{}
	}
	u.flights[f] = true
	if u.grounds {
		cancel()
	}
	return ctx, func() {
		cancel()
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.flights, f)
		if len(u.flights) == 0 && u.landed != nil {
			close(u.landed)
			u.landed = nil
		}
	}
}

// allLanded gives a channel that is closed when no flight is under way.
func (u *underWay) allLanded() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.flights) == 0 {
		none := make(chan struct{})
		close(none)
		return none
	}
	if u.landed == nil {
		u.landed = make(chan struct{})
	}
	return u.landed
}

// ground ends all flights, and those that set out later.
func (u *underWay) ground() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.grounds = true
	for f := range u.flights {
		f.cancel()
	}
}

// Close waits for the flights under way. When ctx ends it ends those that are left.
// From then on nothing is loaded any longer, whether anything was under way or not.
// One that is ended gives its turn back, so that no other node waits for this one,
// and has as long for that as a note of a refusal may take. It is for who serves no
// more.
func (c *Cache) Close(ctx context.Context) {
	select {
	case <-c.flying.allLanded():
	case <-ctx.Done():
	}
	c.flying.ground()
	patience := time.NewTimer(notePatience)
	defer patience.Stop()
	select {
	case <-c.flying.allLanded():
	case <-patience.C:
		c.Log.WarnContext(ctx, "not every turn to fetch could be given back; they end by themselves")
	}
}
