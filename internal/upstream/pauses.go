package upstream

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/wecom"
)

// How long no call is made after one that brought nothing. No answer is kept:
// what is kept is that asking again at once would be held against us.
const (
	// A refusal that a person has to mend. A minute, then two, four, five: a
	// page that is reloaded all day costs 14 refused calls in the first hour and 12
	// in each further one, and leaves the tenant's other apps their share of the
	// ledger.
	firstRefusedPause   = time.Minute
	longestRefusedPause = 5 * time.Minute

	// Failures in a row without a usable answer that open the breaker, and the
	// pauses that follow: 1 s, 2 s, 4 s … 60 s, each with jitter.
	breakerFailures     = 5
	firstBreakerPause   = time.Second
	longestBreakerPause = time.Minute

	// While one call finds out whether WeCom answers again, others wait.
	probeTime = wecom.DefaultTimeout
)

// pauseKey names what is paused. A pause of a whole corp has no app.
type pauseKey struct {
	tenant core.TenantID
	corp   core.CorpID
	app    core.AppID
	api    wecom.API
}

type pause struct {
	kind     failure
	failures int // of that kind in a row
	until    time.Time
	reason   *fault.Error // what a caller is told meanwhile; nil while there is no pause
}

// failure says what a call came to that brought nothing.
type failure uint8

const (
	unanswered   failure = iota
	refused              // a person has to mend it
	tokenRefused         // a new token may mend it (protocol notes 7, class T)
	quota                // WeCom, or what stands before it, asks for fewer calls
)

// pauses remembers, in this process, which calls WeCom does not want now. Keys
// carry the tenant: a sick corp costs its neighbours nothing, also one that
// another tenant has entered as well.
type pauses struct {
	now    func() time.Time
	jitter func(limit time.Duration) time.Duration

	mu   sync.Mutex // guards held; taken only on the way to WeCom and back
	held map[pauseKey]pause
}

func newPauses() *pauses {
	return &pauses{now: time.Now, jitter: core.Jitter, held: make(map[pauseKey]pause)}
}

func keysOf(who Caller, api wecom.API) (app, corp pauseKey) {
	app = pauseKey{tenant: who.TenantID, corp: who.CorpID, app: who.AppID, api: api}
	corp = app
	corp.app = core.AppID{}
	return app, corp
}

// check fails while there is a pause. A trial is never paused: a person has
// changed something and wants to know, and the ledger bounds it.
func (p *pauses) check(who Caller, api wecom.API) error {
	if who.Standing == Trial {
		return nil
	}
	now := p.now()
	app, corp := keysOf(who, api)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range []pauseKey{corp, app} {
		held := p.held[k]
		if held.reason == nil {
			continue
		}
		if left := held.until.Sub(now); left > 0 {
			r := held.reason
			return fault.New(r.Code, r.Args).WithReason(r.Reason).WithErrcode(r.Errcode).WithRetryAfter(left)
		}
		held.until = now.Add(probeTime) // this caller is the one who tries
		p.held[k] = held
	}
	return nil
}

// note learns from how a call went.
func (p *pauses) note(who Caller, api wecom.API, err error) {
	app, corp := keysOf(who, api)
	var failed *wecom.Error
	switch {
	case err == nil:
		p.lift(app, corp)
	case who.Standing == Trial, !errors.As(err, &failed), errors.Is(err, context.Canceled):
	case wecom.Fault(failed).Code == fault.WeComQuota:
		p.extend(corp, quota, failed)
	case failed.Refused() && failed.Class == wecom.Refresh:
		p.lift(corp) // whatever it says, it answers again
		p.extend(app, tokenRefused, failed)
	case failed.Refused():
		p.lift(corp)
		p.extend(app, refused, failed)
	default:
		p.extend(app, unanswered, failed)
	}
}

func (p *pauses) extend(k pauseKey, kind failure, failed *wecom.Error) {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	next := pause{kind: kind, failures: 1}
	if before := p.held[k]; before.kind == kind {
		next.failures += before.failures
	}
	if d := p.length(next, failed); d > 0 {
		next.until, next.reason = now.Add(d), wecom.Fault(failed)
	}
	p.held[k] = next
}

// length tells how long no call is made after the latest of some failures.
func (p *pauses) length(after pause, failed *wecom.Error) time.Duration {
	switch after.kind {
	case quota:
		return wecom.Fault(failed).RetryAfter
	case refused:
		return doubled(firstRefusedPause, after.failures, longestRefusedPause)
	case tokenRefused: // not before a new token was tried
		return doubled(firstRefusedPause, after.failures-1, longestRefusedPause)
	default:
		d := doubled(firstBreakerPause, after.failures-breakerFailures+1, longestBreakerPause)
		return d/2 + p.jitter(d/2)
	}
}

func (p *pauses) lift(keys ...pauseKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range keys {
		delete(p.held, k)
	}
}

func (p *pauses) liftApp(tenant core.TenantID, app core.AppID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.held, func(k pauseKey, _ pause) bool { return k.tenant == tenant && k.app == app })
}

func (p *pauses) liftCorp(tenant core.TenantID, corp core.CorpID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.held, func(k pauseKey, _ pause) bool { return k.tenant == tenant && k.corp == corp })
}

// doubled gives first for the first time, twice as much for the second, and so
// on up to longest; nothing for a time before the first.
func doubled(first time.Duration, times int, longest time.Duration) time.Duration {
	if times < 1 {
		return 0
	}
	d := first
	for i := 1; i < times && d < longest; i++ {
		d *= 2
	}
	return min(d, longest)
}
