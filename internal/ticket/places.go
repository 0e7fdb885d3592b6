package ticket

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// flightsOfTenant is how many tickets of one tenant this node fetches at a time,
// twice what its lane to WeCom lets through. More would take turns that end
// before their calls have begun, and the connections to Postgres that neighbours
// need.
const flightsOfTenant = 4

// places are where the flights of a tenant wait for each other. Only tickets
// need a place: a token is fetched by who has one for its ticket.
type places struct {
	mu      sync.Mutex // guards the rest
	tenants map[core.TenantID]*place
}

type place struct {
	slots *semaphore.Weighted
	looks *semaphore.Weighted // into rows, of those who wait
	away  atomic.Int64        // when such a look last found Postgres out of reach, Unix nanoseconds
	users int                 // guarded by places.mu
}

// join counts somebody in who wants a place. Whoever has joined parts again.
func (p *places) join(tenant core.TenantID) (theirs *place, part func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tenants == nil {
		p.tenants = map[core.TenantID]*place{}
	}
	if p.tenants[tenant] == nil {
		p.tenants[tenant] = &place{slots: semaphore.NewWeighted(flightsOfTenant), looks: semaphore.NewWeighted(flightsOfTenant)}
	}
	theirs = p.tenants[tenant]
	theirs.users++
	return theirs, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if theirs.users--; theirs.users == 0 {
			delete(p.tenants, tenant)
		}
	}
}

// loadInPlace loads a ticket when one of the tenant's places is free. Who has to
// wait for one looks into the row first: what lives there needs none, and nor
// does a fetch without Postgres.
func (c *Cache) loadInPlace(ctx context.Context, e errand) (*entry, error) {
	if e.alone || e.key.kind == core.AccessToken {
		return c.load(ctx, e)
	}
	theirs, part := c.places.join(e.key.tenant)
	defer part()
	if !theirs.slots.TryAcquire(1) {
		held, err := c.look(ctx, e, theirs)
		switch {
		case fault.Has(err, fault.StoreUnavailable) && c.mayGoAlone(e, sight{}):
			return c.fetchAlone(ctx, e, nil)
		case err != nil:
			return nil, err
		case held != nil:
			return held, nil
		}
		if err := theirs.slots.Acquire(ctx, 1); err != nil {
			return nil, fault.Wrap(err, fault.WeComUnavailable, nil).WithRetryAfter(time.Second)
		}
	}
	defer theirs.slots.Release(1)
	return c.load(ctx, e)
}

// look gives what the row holds if it may be used, nil if it may not. Only a few
// of a tenant look at a time. Where Postgres has just let one of them wait in vain,
// the others do not.
func (c *Cache) look(ctx context.Context, e errand, theirs *place) (*entry, error) {
	if err := theirs.looks.Acquire(ctx, 1); err != nil {
		return nil, fault.Wrap(err, fault.WeComUnavailable, nil).WithRetryAfter(time.Second)
	}
	defer theirs.looks.Release(1)
	if since := c.Now().UnixNano() - theirs.away.Load(); since >= 0 && since < int64(lookEvery) {
		return nil, fault.New(fault.StoreUnavailable, nil).WithRetryAfter(lookEvery)
	}
	var held *entry
	err := c.Store.Tenant(ctx, actor, e.key.tenant, func(tx *store.TenantTx) (err error) {
		if held, err = c.findRow(ctx, tx, e.key, nil); err != nil || !c.serves(held, e.beyond) {
			held = nil
			return err
		}
		return c.keepSpare(ctx, tx, e.app)
	})
	switch {
	case fault.Has(err, fault.StoreUnavailable):
		if ctx.Err() != nil { // it was this flight's time that ended
			return nil, err
		}
		theirs.away.Store(c.Now().UnixNano())
		return nil, err
	case err == nil && held != nil:
		c.Observer.Loaded(e.key.kind, FromRow)
	}
	return held, err
}
