package ticket

import (
	"time"

	"signet/internal/core"
	"signet/internal/wecom"
)

// How long before its end a value is last used.
//
// The usual margin keeps a signature good for the minute in which a page uses
// it. A value that WeCom would not renew before its end is used almost to it:
// there is no better one to be had (design, section 7; whether WeCom gives a
// new value before the end is not documented, protocol notes 1.3).
const (
	margin         = 60 * time.Second
	repeatedMargin = 2 * time.Second
)

func useUntil(end time.Time, repeated bool) time.Time {
	if repeated {
		return end.Add(-repeatedMargin)
	}
	return end.Add(-margin)
}

// received turns WeCom's answer into the next entry after held, which may be
// nil. An answer with the value that is held already never moves its end. So
// little life that the usual margin would eat it means the same thing: WeCom
// gives this value until its end and no other.
func received(grant wecom.Grant, held *entry) *entry {
	e := &entry{value: grant.Value, generation: 1, end: grant.ReceivedAt.Add(grant.ExpiresIn)}
	if held != nil {
		e.generation = held.generation + 1
		if same(held.value, grant.Value) && grant.ReceivedAt.Before(held.end) {
			e.repeated = true
			if held.end.Before(e.end) {
				e.end = held.end
			}
		}
	}
	if grant.ExpiresIn <= 2*margin {
		e.repeated = true
	}
	e.useUntil = useUntil(e.end, e.repeated)
	return e
}

func same(a, b core.Secret) bool { return a.Expose() == b.Expose() }
