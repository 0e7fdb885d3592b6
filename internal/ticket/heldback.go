package ticket

import (
	"context"
	"errors"
	"time"

	"signet/internal/fault"
	"signet/internal/wecom"
)

// lookEvery is how often at most this node looks again whether a value may be
// fetched whose calls are held back. A page that is reloaded, or a stranger who
// does nothing else, costs Postgres that much and no more.
const lookEvery = time.Second

// heldBack is a failure that was found without asking WeCom: a pause, a limit, a
// secret that is dead or not there.
type heldBack struct {
	err    error
	beyond int64 // of the errand
	until  time.Time
	since  int64 // changes that had come by then
}

// stillHeldBack fails with what was found a moment ago, if nothing was changed
// since then.
func (c *Cache) stillHeldBack(e errand) error {
	found, known := c.heldBack.Load(e.key)
	if !known || e.ahead || e.alone || found.beyond != e.beyond || found.since != c.changes.Load() || !c.Now().Before(found.until) {
		return nil
	}
	return found.err
}

// noteHeldBack keeps how a flight went that set out when so many changes had come.
func (c *Cache) noteHeldBack(e errand, since int64, err error) {
	if e.ahead || e.alone || since != c.changes.Load() {
		return // others are held back later, or not at all by now
	}
	if wait := heldBackFor(err); wait > 0 {
		c.heldBack.Store(e.key, heldBack{err, e.beyond, c.Now().Add(min(wait, lookEvery)), since})
	} else {
		c.heldBack.Delete(e.key)
	}
}

// heldBackFor tells for how long a failure will be the same, whoever looks: 0 for
// one that WeCom, Postgres or the clock has made.
func heldBackFor(err error) time.Duration {
	var asked *wecom.Error
	if err == nil || errors.As(err, &asked) || errors.Is(err, errStillRepeated) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return 0
	}
	switch f := fault.Find(err); f.Code {
	case fault.SecretRejected, fault.IPRefused, fault.WeComQuota, fault.WeComUnavailable, fault.AppNotReady:
		return f.RetryAfter
	default:
		return 0
	}
}
