package httpapi

import (
	"context"
	"sync"
	"time"
)

// deadline is the context of one request. It makes a timer only when somebody
// asks to be woken: a warm signature never does.
type deadline struct {
	at        time.Time
	requestID string
	traced    context.Context // holds the span of the request; nil: it has none

	mu     sync.Mutex // guards what follows
	inner  context.Context
	cancel context.CancelFunc
	ended  bool
}

var _ context.Context = (*deadline)(nil)

// Deadline implements context.Context.
func (d *deadline) Deadline() (time.Time, bool) { return d.at, true }

// Done implements context.Context.
func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner == nil {
		d.inner, d.cancel = context.WithDeadline(context.Background(), d.at)
		if d.ended {
			d.cancel()
		}
	}
	return d.inner.Done()
}

// Err implements context.Context.
func (d *deadline) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.inner != nil:
		return d.inner.Err()
	case d.ended:
		return context.Canceled
	case !time.Now().Before(d.at):
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements context.Context. It carries the id and the span of the
// request, and package context finds its parent by it, which saves a goroutine
// for each child.
func (d *deadline) Value(key any) any {
	if key == (requestIDKey{}) {
		return d.requestID
	}
	if d.traced != nil {
		if found := d.traced.Value(key); found != nil {
			return found
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner == nil {
		return nil
	}
	return d.inner.Value(key)
}

// end releases the timer and wakes whoever still waits.
func (d *deadline) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	if d.cancel != nil {
		d.cancel()
	}
}
