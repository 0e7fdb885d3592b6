package signing

import (
	"sync/atomic"
	"time"

	"signet/internal/core"
)

// lately is how long after its last page an app's tickets are kept fresh ahead
// of need.
const lately = 24 * time.Hour

// hourOf counts hours, which is as finely as the last use is known: so a busy app
// writes it once an hour and reads it otherwise.
func hourOf(now time.Time) uint32 { return uint32(now.Unix() / 3600) }

// use notes that a page of the app asks for a signature.
func (a *app) use(now time.Time) {
	if hour := hourOf(now); atomic.LoadUint32(&a.used) != hour {
		atomic.StoreUint32(&a.used, hour)
	}
}

// useLike takes over the last use of another, if that was later.
func (a *app) useLike(other *app) { a.usedIn(atomic.LoadUint32(&other.used)) }

func (a *app) usedIn(hour uint32) {
	if hour > atomic.LoadUint32(&a.used) {
		atomic.StoreUint32(&a.used, hour)
	}
}

func (a *app) usedAt() time.Time { return time.Unix(int64(atomic.LoadUint32(&a.used))*3600, 0) }

func (a *app) usedLately(now time.Time) bool {
	return a.usedAt().After(now.Add(-lately).Truncate(time.Hour))
}

// mayBeSigned tells whether any page of the app would be.
func (a *app) mayBeSigned() bool { return a.is(ready) && !a.is(appSuspended) && !a.is(tenantSuspended) }

// renewal is an app whose tickets are to be renewed, and from when.
type renewal struct {
	key  core.AppKey
	app  *app
	from time.Time
}

// dueBy gives the apps in use whose tickets are to be renewed by then.
func (s *Signer) dueBy(now, then time.Time) []renewal {
	var due []renewal
	s.directory.held.Load().apps.Range(func(key core.AppKey, a *app) bool {
		if !a.mayBeSigned() || !a.usedLately(now) || s.ahead.rests(key, now) {
			return true
		}
		from, held := s.renewFrom(a)
		if held && !from.After(then) {
			due = append(due, renewal{key, a, from})
		}
		return true
	})
	return due
}

func (s *Signer) renewFrom(a *app) (from time.Time, held bool) {
	if a.tickets != nil {
		return a.tickets.RenewFrom(), true
	}
	return s.tickets.RenewFrom(a.ticketApp())
}
