package upstream

import (
	"sync"
	"time"

	"signet/internal/core"
	"signet/internal/store"
)

const (
	// How long a refusal counts: an hour, and what is left of its minute.
	refusalCounts = 61 * time.Minute

	// A bound on memory. It is far above WeCom's 2,000 an hour: with so many
	// refusals no call of ours is answered any more.
	mostUnwritten = 10_000
)

// refusal names refusals that are counted as one.
type refusal struct {
	tenant  core.TenantID
	api     string
	errcode int
	at      time.Time // the beginning of their minute, by this node's clock
}

// claimed are refusals that one goroutine is writing down.
type claimed struct {
	refusal
	calls int64
}

// unwritten counts the refusals that do not stand in Postgres (yet).
type unwritten struct {
	mu   sync.Mutex // guards held
	held map[refusal]*unwrittenCalls
}

type unwrittenCalls struct{ calls, claimed int64 }

// add counts one refusal. It fails where too many are held already.
func (u *unwritten) add(tenant core.TenantID, api string, errcode int, now time.Time) bool {
	key := refusal{tenant: tenant, api: api, errcode: errcode, at: now.Truncate(time.Minute)}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.held == nil {
		u.held = map[refusal]*unwrittenCalls{}
	}
	if u.held[key] == nil {
		if len(u.held) >= mostUnwritten {
			return false
		}
		u.held[key] = &unwrittenCalls{}
	}
	u.held[key].calls++
	return true
}

// claim gives some that nobody is writing down, for the caller to do so and to
// release them. They count here until then.
func (u *unwritten) claim(now time.Time) (c claimed, found bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for key, held := range u.held {
		if now.Sub(key.at) >= refusalCounts && held.claimed == 0 {
			delete(u.held, key)
			continue
		}
		if calls := held.calls - held.claimed; calls > 0 {
			held.claimed += calls
			return claimed{key, calls}, true
		}
	}
	return claimed{}, false
}

func (u *unwritten) release(c claimed, written bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	held := u.held[c.refusal]
	held.claimed -= c.calls
	if written {
		held.calls -= c.calls
	}
	if held.calls == 0 {
		delete(u.held, c.refusal)
	}
}

// minutes gives what is held, in the form of the ledger.
func (u *unwritten) minutes(tenant core.TenantID, now time.Time) (ofTenant, ofAll []store.RefusedCalls) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for key, held := range u.held {
		m := store.RefusedCalls{Calls: held.calls, Left: key.at.Add(refusalCounts).Sub(now)}
		if m.Left <= 0 {
			continue
		}
		ofAll = append(ofAll, m)
		if key.tenant == tenant {
			ofTenant = append(ofTenant, m)
		}
	}
	return ofTenant, ofAll
}
