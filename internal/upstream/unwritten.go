package upstream

import (
	"sync"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// A bound on memory. It is far above WeCom's 2,000 wrong calls an hour: with so
// many refusals no call of ours is answered any more.
const mostUnwritten = 10_000

// refusal names refused calls that are counted as one.
type refusal struct {
	tenant  core.TenantID
	api     string
	errcode int
}

// made names calls of the budget that are counted as one.
type made struct {
	tenant   core.TenantID
	key      store.CallKey
	accepted bool
}

// minuteOf is something within a minute, which begins at at by this node's clock.
type minuteOf[K comparable] struct {
	what K
	at   time.Time
}

// claimed is what one goroutine is writing down.
type claimed[K comparable] struct {
	minuteOf[K]
	calls int64
}

// unwritten counts by minute what does not stand in Postgres (yet).
type unwritten[K comparable] struct {
	mu   sync.Mutex // guards held
	held map[minuteOf[K]]*unwrittenCalls
}

type unwrittenCalls struct{ calls, claimed int64 }

// add counts calls. It fails where too much is held already.
func (u *unwritten[K]) add(what K, calls int64, now time.Time) bool {
	key := minuteOf[K]{what, now.Truncate(time.Minute)}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.held == nil {
		u.held = map[minuteOf[K]]*unwrittenCalls{}
	}
	if u.held[key] == nil {
		if len(u.held) >= mostUnwritten {
			u.forgetOld(now)
		}
		if len(u.held) >= mostUnwritten {
			return false
		}
		u.held[key] = &unwrittenCalls{}
	}
	u.held[key].calls += calls
	return true
}

// forgetOld drops what counts no more. The caller holds mu.
func (u *unwritten[K]) forgetOld(now time.Time) {
	for key, held := range u.held {
		if now.Sub(key.at) >= counts && held.claimed == 0 {
			delete(u.held, key)
		}
	}
}

// claim gives something that nobody is writing down, for the caller to do so and
// to release it; not what it has tried already. It counts here until then.
func (u *unwritten[K]) claim(now time.Time, tried map[minuteOf[K]]bool) (c claimed[K], found bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forgetOld(now)
	for key, held := range u.held {
		if calls := held.calls - held.claimed; calls > 0 && !tried[key] {
			held.claimed += calls
			return claimed[K]{key, calls}, true
		}
	}
	return claimed[K]{}, false
}

func (u *unwritten[K]) release(c claimed[K], written bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	held := u.held[c.minuteOf]
	held.claimed -= c.calls
	if written {
		held.calls -= c.calls
	}
	if held.calls == 0 {
		delete(u.held, c.minuteOf)
	}
}

// minutes gives what is held of those that match, in the form of the ledgers.
func (u *unwritten[K]) minutes(now time.Time, match func(K) bool) []store.CallMinute {
	u.mu.Lock()
	defer u.mu.Unlock()
	var list []store.CallMinute
	for key, held := range u.held {
		if left := key.at.Add(counts).Sub(now); left > 0 && match(key.what) {
			list = append(list, store.CallMinute{Calls: held.calls, Left: left})
		}
	}
	return list
}

// settle hands everything that is held to write. What cannot be written keeps
// nothing else waiting, but where Postgres is away nothing more is tried.
func (u *unwritten[K]) settle(now func() time.Time, write func(what K, calls int64, ago time.Duration) error) error {
	var failed error
	tried := map[minuteOf[K]]bool{}
	for !fault.Has(failed, fault.StoreUnavailable) {
		c, found := u.claim(now(), tried)
		if !found {
			break
		}
		tried[c.minuteOf] = true
		err := write(c.what, c.calls, now().Sub(c.at))
		u.release(c, err == nil)
		if err != nil {
			failed = err
		}
	}
	return failed
}
