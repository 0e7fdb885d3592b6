package identity

import (
	"hash/maphash"
	"sync"
	"time"
)

// allowance is how often something may happen: burst times at once, then once
// in every interval.
type allowance struct {
	burst    int
	interval time.Duration
}

// refusalRows keeps a stranger from filling the audit: 1,440 rows a day.
var refusalRows = allowance{burst: 60, interval: time.Minute}

// bucket counts against an allowance in one number: the moment at which the
// whole burst will be there again (the generic cell rate algorithm of ATM
// Forum TM 4.0). The zero bucket is full.
type bucket int64

// take uses the allowance once, or tells how long to wait for the next time.
func (b *bucket) take(a allowance, now time.Time) (wait time.Duration) {
	at := now.UnixNano()
	// Bounded from above too: a clock that was set back must not shut anybody
	// out for as long as it was wrong.
	full := min(max(int64(*b), at), at+int64(a.burst)*int64(a.interval))
	if wait = time.Duration(full-at) - time.Duration(a.burst-1)*a.interval; wait > 0 {
		*b = bucket(full)
		return wait
	}
	*b = bucket(full + int64(a.interval))
	return 0
}

const tryBuckets = 1 << 16

// tries holds an allowance for each key apart. It is a table of fixed size:
// nobody can fill the memory with keys, nor push a bucket out to have it full
// again. Two keys may share a bucket, by a hash whose seed is drawn at the start,
// so that nobody can choose whose. It is safe for concurrent use.
type tries[K comparable] struct {
	allowance allowance
	seed      maphash.Seed

	mu      sync.Mutex // guards buckets
	buckets [tryBuckets]bucket
}

func newTries[K comparable](a allowance) *tries[K] {
	return &tries[K]{allowance: a, seed: maphash.MakeSeed()}
}

// take uses one try, or tells how long to wait for the next.
func (t *tries[K]) take(key K, now time.Time) (wait time.Duration) {
	at := t.bucket(key)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buckets[at].take(t.allowance, now)
}

func (t *tries[K]) bucket(key K) uint64 {
	return maphash.Comparable(t.seed, key) % tryBuckets
}

// refusals decides which refused sign-ins get an audit row, and counts those
// that got none.
type refusals struct {
	mu      sync.Mutex // guards what follows
	bucket  bucket
	skipped int
}

// next tells whether this refusal gets a row, and if so how many got none since
// the last that did.
func (r *refusals) next(now time.Time) (skipped int, write bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bucket.take(refusalRows, now) > 0 {
		r.skipped++
		return 0, false
	}
	skipped, r.skipped = r.skipped, 0
	return skipped, true
}

// skip counts refusals whose row could not be written.
func (r *refusals) skip(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skipped += n
}
