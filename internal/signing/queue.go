package signing

import (
	"context"
	"sync"

	"signet/internal/core"
)

// renewalsOfTenant is how many renewals of one tenant run at a time: one whose
// calls hang takes no more of the workers than these.
const renewalsOfTenant = 2

// queue hands out renewals, tenant by tenant in turn, whatever the number that
// each has waiting. An app stands in it once.
type queue struct {
	mu      sync.Mutex // guards the rest
	changed *sync.Cond
	tenants map[core.TenantID]*line
	turns   []*line // lines with something waiting and room for it, in the order of their turns
	known   map[core.AppKey]bool
	closed  bool
}

// line is what one tenant has in the queue.
type line struct {
	waiting []renewal
	running int
	inTurn  bool
}

func newQueue() *queue {
	q := &queue{tenants: map[core.TenantID]*line{}, known: map[core.AppKey]bool{}}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// add puts renewals into the queue; those of apps that are in it already are
// left out.
func (q *queue) add(list ...renewal) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range list {
		if q.known[r.key] {
			continue
		}
		q.known[r.key] = true
		l := q.tenants[r.app.tenantID]
		if l == nil {
			l = &line{}
			q.tenants[r.app.tenantID] = l
		}
		l.waiting = append(l.waiting, r)
		q.queueUp(l)
	}
	q.changed.Broadcast()
}

func (q *queue) queueUp(l *line) {
	if !l.inTurn && len(l.waiting) > 0 && l.running < renewalsOfTenant {
		l.inTurn = true
		q.turns = append(q.turns, l)
	}
}

// next gives the renewal whose turn it is, as soon as there is one. ok is false
// when the queue was closed. The caller says done when it is done.
func (q *queue) next() (r renewal, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.turns) == 0 && !q.closed {
		q.changed.Wait()
	}
	if q.closed {
		return renewal{}, false
	}
	l := q.turns[0]
	q.turns = q.turns[1:]
	l.inTurn = false
	r, l.waiting = l.waiting[0], l.waiting[1:]
	l.running++
	q.queueUp(l)
	return r, true
}

func (q *queue) done(r renewal) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.known, r.key)
	l := q.tenants[r.app.tenantID]
	l.running--
	q.queueUp(l)
	if l.running == 0 && len(l.waiting) == 0 {
		delete(q.tenants, r.app.tenantID)
	}
	q.changed.Broadcast()
}

// len tells how many renewals wait or run.
func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.known)
}

// close lets nobody wait for a renewal any more.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Broadcast()
}

// work runs do for each renewal on so many goroutines, until ctx ends. It
// returns when they have.
func (q *queue) work(ctx context.Context, workers int, do func(context.Context, renewal)) {
	defer context.AfterFunc(ctx, q.close)()
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for {
				r, ok := q.next()
				if !ok {
					return
				}
				do(ctx, r)
				q.done(r)
			}
		})
	}
	group.Wait()
}
