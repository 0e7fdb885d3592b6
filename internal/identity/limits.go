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

// The brakes of a node.
var (
	// triesPerEmail leaves a guesser who has all the time 2,880 tries a day at
	// one member, and lets that member mistype ten times before waiting.
	triesPerEmail = allowance{burst: 10, interval: 30 * time.Second}

	// refusalRows keeps a stranger from filling the audit: 1,440 rows a day.
	refusalRows = allowance{burst: 60, interval: time.Minute}
)

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

// giveBack undoes one take.
func (b *bucket) giveBack(a allowance) { *b -= bucket(a.interval) }

const tryBuckets = 1 << 16

// tries brakes the tries at one e-mail address, whether anybody has it or not.
// It is a table of fixed size: nobody can fill the memory with addresses, nor
// push a bucket out to have it full again. Two addresses may share a bucket, by
// a hash whose seed is drawn at the start, so that nobody can choose whose.
type tries struct {
	seed maphash.Seed

	mu      sync.Mutex // guards buckets
	buckets [tryBuckets]bucket
}

func newTries() *tries { return &tries{seed: maphash.MakeSeed()} }

// take uses one try, or tells how long to wait for the next.
func (t *tries) take(email string, now time.Time) (wait time.Duration) {
	at := t.bucket(email)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buckets[at].take(triesPerEmail, now)
}

// giveBack undoes one take: what was right, or was not tried, does not count.
func (t *tries) giveBack(email string) {
	at := t.bucket(email)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buckets[at].giveBack(triesPerEmail)
}

func (t *tries) bucket(email string) uint64 {
	return maphash.String(t.seed, email) % tryBuckets
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
