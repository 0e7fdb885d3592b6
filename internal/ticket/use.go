package ticket

import (
	"hash/fnv"
	"time"

	"signet/internal/core"
	"signet/internal/store"
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

// When a value is fetched anew although it can still be used: after this part of
// its life, which differs from key to key, so that what was fetched at one time
// is not renewed at one time.
const (
	renewEarliest = 0.70
	renewSpread   = 0.15
)

// entry is a value with its end. It never changes; a newer one takes its place.
type entry struct {
	value      core.Secret
	useUntil   time.Time // by our word: never used after
	end        time.Time // by WeCom's
	renewFrom  time.Time // when to fetch the next, behind the pages
	generation int64
	version    int32 // of the secret behind an access token; 0: not known
	repeated   bool  // WeCom gives this value until its end, and no other
}

// newEntry makes an entry of a value that lives from begin to end. One that WeCom
// only repeats is renewed at its end: to ask before would bring nothing.
func newEntry(k key, value core.Secret, generation int64, begin, end time.Time, repeated bool) *entry {
	if repeated {
		until := end.Add(-repeatedMargin)
		return &entry{value: value, generation: generation, end: end, useUntil: until, renewFrom: until, repeated: true}
	}
	life := end.Sub(begin)
	age := min(part(life, renewEarliest+renewSpread*k.spread()), part(life-margin, renewEarliest+renewSpread))
	return &entry{value: value, generation: generation, end: end, useUntil: end.Add(-margin), renewFrom: end.Add(age - life)}
}

func part(whole time.Duration, share float64) time.Duration {
	return time.Duration(float64(whole) * share)
}

// spread gives each key its own place between 0 and 1, the same on every node.
func (k key) spread() float64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.flight(0)))
	return float64(h.Sum32()) / (1 << 32)
}

// usable tells whether the value may be used at now.
func (e *entry) usable(now time.Time) bool { return now.Before(e.useUntil) }

// stored makes an entry of what a row holds. A value that was fetched in times to
// come, or that ends later than any lives, was written by a clock that went wrong:
// it counts as held, and is not used. An error of the clocks that is no greater
// than the margin is what the margin is for.
func stored(k key, value core.Secret, row store.TicketRow, end, now time.Time) *entry {
	e := newEntry(k, value, row.Generation, end.Add(-row.ExpiresAt.Sub(row.FetchedAt)), end, row.Repeated)
	e.version = row.SecretVersion
	if end.Sub(now) > wecom.MaxLife+margin || row.FetchedAt.Sub(now) > margin {
		e.useUntil = time.Time{}
	}
	return e
}

// received turns WeCom's answer into the next entry after held, which may be
// nil. An answer with the value that is held already never moves its end. So
// little life that the usual margin would eat it means the same thing: WeCom
// gives this value until its end and no other.
func received(k key, grant wecom.Grant, held *entry) *entry {
	generation, end, repeated := int64(1), grant.ReceivedAt.Add(grant.ExpiresIn), false
	if held != nil {
		generation = held.generation + 1
		if same(held.value, grant.Value) && grant.ReceivedAt.Before(held.end) {
			repeated = true
			if held.end.Before(end) {
				end = held.end
			}
		}
	}
	return newEntry(k, grant.Value, generation, grant.ReceivedAt, end, repeated || grant.ExpiresIn <= 2*margin)
}

func same(a, b core.Secret) bool { return a.Expose() == b.Expose() }
