package upstream

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/wecom"
)

// How long no call is made after one that brought nothing. No answer is kept:
// what is kept is that asking again at once would be held against us.
const (
	// A refusal that a person has to mend. A minute, then two, four, six: a page
	// that is reloaded all day costs 12 refused calls in the first hour and 10 in
	// each further one, in the whole cluster.
	firstRefusedPause   = time.Minute
	longestRefusedPause = 6 * time.Minute

	// Failures in a row without a usable answer after which the key is paused: 1 s,
	// 2 s, 4 s … 120 s, each with up to a quarter more. An hour's outage costs a key
	// some forty calls of its budget.
	unansweredFailures     = 5
	firstUnansweredPause   = time.Second
	longestUnansweredPause = 2 * time.Minute

	// While one call finds out whether WeCom answers again, others wait.
	probeTime = wecom.DefaultTimeout
)

// pauseKey names what is paused. A pause of a whole corp has no app.
type pauseKey struct {
	tenant core.TenantID
	store.PauseKey
}

// pause is what this node knows of a pause.
type pause struct {
	kind     failure
	failures int // of that kind in a row
	until    time.Time
	told     *fault.Error // what a caller is told meanwhile; nil while failures are only counted
	alone    bool         // Postgres does not know of the failures (yet)
}

// failure says what a call came to that brought nothing. Its text stands in
// Postgres.
type failure string

const (
	unanswered   failure = "unanswered"
	refused      failure = "refused"       // a person has to mend it
	tokenRefused failure = "token_refused" // a new token may mend it (protocol notes 7, class T)
	quota        failure = "quota"         // WeCom, or what stands before it, asks for fewer calls
)

// pauses is the near layer of the pauses: what this process knows of those in
// Postgres, asked first and without it, and all there is while Postgres is away.
// Keys carry the tenant: a sick corp costs its neighbours nothing, also one that
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
	app = pauseKey{who.TenantID, store.PauseKey{CorpID: who.CorpID, AppID: who.AppID, API: string(api)}}
	corp = app
	corp.AppID = core.AppID{}
	return app, corp
}

// check fails while there is a pause. A trial is never paused: a person has
// changed something and wants to know, and the ledger bounds it. suspect says
// that something stands against the call all the same.
func (p *pauses) check(who Caller, api wecom.API) (suspect bool, err error) {
	now := p.now()
	app, corp := keysOf(who, api)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range []pauseKey{corp, app} {
		held, known := p.held[k]
		suspect = suspect || known
		if held.told == nil || who.Standing == Trial {
			continue
		}
		left := held.until.Sub(now)
		if left > 0 {
			return suspect, told(held.told, left)
		}
		held.until = now.Add(probeTime) // this caller is the one who tries
		p.held[k] = held
	}
	return suspect, nil
}

// told says again what a pause has been told, and for how long it holds yet.
func told(what *fault.Error, left time.Duration) error {
	return fault.New(what.Code, what.Args).WithReason(what.Reason).WithErrcode(what.Errcode).WithRetryAfter(max(left, momentary))
}

// outcome is what a call means for the pauses.
type outcome struct {
	lifts  []pauseKey // the corp's before the app's, as everywhere
	failed *wecom.Error
	kind   failure
	key    pauseKey // of the failure
}

// outcomeOf reads how a call went. A trial, which may be of another credential,
// lifts and does not pause; of one that was given up nothing is known.
func outcomeOf(who Caller, api wecom.API, err error) outcome {
	app, corp := keysOf(who, api)
	var failed *wecom.Error
	switch {
	case err == nil:
		return outcome{lifts: []pauseKey{corp, app}}
	case who.Standing == Trial, !errors.As(err, &failed), errors.Is(err, context.Canceled):
		return outcome{}
	case failed.BadCode(): // a stranger can send any; the app and its token are good
		return outcome{lifts: []pauseKey{corp, app}}
	case wecom.Fault(failed).Code == fault.WeComQuota:
		return outcome{failed: failed, kind: quota, key: corp}
	case failed.Refused() && failed.Class == wecom.Refresh: // whatever it says, it answers the corp again
		return outcome{lifts: []pauseKey{corp}, failed: failed, kind: tokenRefused, key: app}
	case failed.Refused():
		return outcome{lifts: []pauseKey{corp}, failed: failed, kind: refused, key: app}
	default:
		return outcome{failed: failed, kind: unanswered, key: app}
	}
}

// failures counts one more failure of a kind: how many in a row this node knows
// of, and how many of them Postgres does not know.
func (p *pauses) failures(k pauseKey, kind failure) (known, alone int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := p.held[k]
	switch {
	case held.kind != kind:
		return 1, 1
	case held.alone:
		return held.failures + 1, held.failures + 1
	}
	return held.failures + 1, 1
}

// knows tells whether something stands against a key on this node.
func (p *pauses) knows(k pauseKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.held[k]
	return known
}

// put notes how a pause stands now.
func (p *pauses) put(k pauseKey, next pause, what *fault.Error, long time.Duration) {
	if long > 0 {
		next.until, next.told = p.now().Add(long), what
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held[k] = next
}

// learn notes what stands in Postgres.
func (p *pauses) learn(tenant core.TenantID, stood []store.Pause) {
	for _, s := range stood {
		if s.Holds && s.Left > 0 {
			p.put(pauseKey{tenant, s.PauseKey}, pause{kind: failure(s.Kind), failures: s.Failures}, s.Told, s.Left)
		}
	}
}

// length tells how long no call is made after the latest of some failures in a
// row: 0 for not at all.
func (p *pauses) length(kind failure, failures int, failed *wecom.Error) time.Duration {
	if failed == nil {
		return 0
	}
	switch kind {
	case quota:
		return wecom.Fault(failed).RetryAfter
	case refused:
		return doubled(firstRefusedPause, failures, longestRefusedPause)
	case tokenRefused: // not before a new token was tried
		if failures < 2 {
			return 0
		}
		return doubled(firstRefusedPause, failures, longestRefusedPause)
	default:
		d := doubled(firstUnansweredPause, failures-unansweredFailures+1, longestUnansweredPause)
		return d + p.jitter(d/4)
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
	maps.DeleteFunc(p.held, func(k pauseKey, _ pause) bool { return k.tenant == tenant && k.AppID == app })
}

func (p *pauses) liftCorp(tenant core.TenantID, corp core.CorpID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.held, func(k pauseKey, _ pause) bool { return k.tenant == tenant && k.CorpID == corp })
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
