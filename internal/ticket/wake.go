package ticket

import (
	"sync"

	"signet/internal/core"
)

// waiting are those of this node who wait for other nodes' turns, by tenant: a
// wake-up names no more, and who was woken looks again.
type waiting struct {
	mu      sync.Mutex // guards tenants
	tenants map[core.TenantID]*waiters
}

type waiters struct {
	woken chan struct{}
	count int
}

// join gives a channel that is closed at the next wake-up of the tenant. The
// caller leaves when it waits no more. It must have joined before it looks, or
// it could miss what happens in between.
func (w *waiting) join(tenant core.TenantID) (woken <-chan struct{}, leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tenants == nil {
		w.tenants = map[core.TenantID]*waiters{}
	}
	mine := w.tenants[tenant]
	if mine == nil {
		mine = &waiters{woken: make(chan struct{})}
		w.tenants[tenant] = mine
	}
	mine.count++
	return mine.woken, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if mine.count--; mine.count == 0 && w.tenants[tenant] == mine {
			delete(w.tenants, tenant)
		}
	}
}

func (w *waiting) wake(tenant core.TenantID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if theirs := w.tenants[tenant]; theirs != nil {
		delete(w.tenants, tenant)
		close(theirs.woken)
	}
}

func (w *waiting) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for tenant, theirs := range w.tenants {
		delete(w.tenants, tenant)
		close(theirs.woken)
	}
}

// Wake lets those look again who wait for another node to fetch something of the
// tenant's.
func (c *Cache) Wake(tenant core.TenantID) { c.waiting.wake(tenant) }
