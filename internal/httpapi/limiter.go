package httpapi

import (
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Rate is how often something may happen: Burst at once, and PerSecond on and on.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Limiter holds a rate for each key apart. Its memory is bounded: a key that has
// used nothing lately is not held at all, and where too many keys are in use at
// once, the newcomers share one allowance until others fall idle. It is safe for
// concurrent use.
type Limiter[K comparable] struct {
	interval time.Duration // that one request uses up
	reserve  time.Duration // the burst, as time
	most     int           // keys in a shard
	began    time.Time     // from which the shards count
	seed     maphash.Seed
	quiet    int64 // calls in a second that need no exact count
	crowds   [crowds]atomic.Int64
	shards   [limiterShards]limiterShard[K]
}

// allowance is what a key has used up: it is whole again at the time whole.
type allowance struct {
	whole   int64
	charged int64 // the second whose uncounted calls are in it
}

var nothingUsed = allowance{whole: math.MinInt64, charged: math.MinInt64}

const limiterShards = 32

// Most keys are far below their rate, and to look one of many thousand up costs
// more than the rest of a call. So calls are first counted by the second in few
// enough cells to lie at hand, many keys to a cell. Only where a cell is busier
// than a quarter of the rate of a single key, its keys are counted each apart
// for the rest of the second; and a key's exact count then begins with all that
// the cell has had, so that nothing went by uncounted. A stranger in a busy cell
// is so charged a quarter of its rate at most.
const (
	crowds    = 1 << 12
	crowdBits = 24 // of a cell, for the count; above them stands the second
)

// A shard keeps times as nanoseconds: a map without pointers is one that the
// garbage collector passes by.
type limiterShard[K comparable] struct {
	mu     sync.Mutex // guards what follows
	free   map[K]allowance
	others allowance // of the keys that found no place
	swept  int64
}

// NewLimiter makes a Limiter for at most about that many keys in use at once.
func NewLimiter[K comparable](rate Rate, keys int) *Limiter[K] {
	interval := time.Duration(float64(time.Second) / rate.PerSecond)
	l := &Limiter[K]{
		interval: interval,
		reserve:  interval * time.Duration(max(rate.Burst, 1)-1),
		most:     max(keys/limiterShards, 1),
		began:    time.Now(),
		quiet:    quietShare(rate),
		seed:     maphash.MakeSeed(),
	}
	for i := range l.shards {
		l.shards[i] = limiterShard[K]{free: map[K]allowance{}, others: nothingUsed, swept: math.MinInt64}
	}
	return l
}

// quietShare is none for a rate so low that a quarter of it would be felt.
func quietShare(rate Rate) int64 {
	const least = 100
	share := int64(min(rate.PerSecond, float64(rate.Burst))) / 4
	if share < least {
		return 0
	}
	return min(share, 1<<crowdBits-2)
}

// crowd counts a call in its cell and gives how many the cell has had in this
// second, up to one more than quiet.
func (l *Limiter[K]) crowd(hash uint64, now int64) int64 {
	cell, second := &l.crowds[hash>>32%crowds], now/int64(time.Second)<<crowdBits
	for {
		was := cell.Load()
		next := was + 1
		if was>>crowdBits<<crowdBits != second {
			next = second + 1
		} else if was-second > l.quiet {
			return was - second
		}
		if cell.CompareAndSwap(was, next) {
			return next - second
		}
	}
}

// Take uses one of key's allowance. If there is none left it gives the time
// until there is, else zero.
//
// It keeps one time for each key, at which the key's allowance will be whole
// again (the generic cell rate algorithm).
func (l *Limiter[K]) Take(key K, at time.Time) time.Duration {
	now := int64(at.Sub(l.began))
	hash := maphash.Comparable(l.seed, key)
	if l.quiet > 0 && l.crowd(hash, now) <= l.quiet {
		return 0
	}
	shard := &l.shards[hash%limiterShards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	a, held := shard.free[key]
	if !held && len(shard.free) >= l.most {
		shard.sweep(now)
	}
	hasPlace := held || len(shard.free) < l.most
	if !hasPlace {
		a = shard.others
	}
	if !held && hasPlace {
		a = nothingUsed
	}
	a.whole = max(a.whole, now)
	if second := now / int64(time.Second); l.quiet > 0 && a.charged != second {
		a.whole += l.quiet * int64(l.interval)
		a.charged = second
	}
	if wait := time.Duration(a.whole-now) - l.reserve; wait > 0 {
		return wait
	}
	a.whole += int64(l.interval)
	if hasPlace {
		shard.free[key] = a
	} else {
		shard.others = a
	}
	return 0
}

// sweep forgets the keys whose allowance is whole. It looks at all of them, so
// it does so once a second at most.
func (s *limiterShard[K]) sweep(now int64) {
	if s.swept > now-int64(time.Second) {
		return
	}
	s.swept = now
	for key, a := range s.free {
		if a.whole <= now {
			delete(s.free, key)
		}
	}
}
