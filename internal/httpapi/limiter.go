package httpapi

import (
	"hash/maphash"
	"math"
	"sync"
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
	shards   [limiterShards]limiterShard[K]
}

const limiterShards = 32

// A shard keeps times as nanoseconds: a map without pointers is one that the
// garbage collector passes by.
type limiterShard[K comparable] struct {
	mu     sync.Mutex // guards what follows
	free   map[K]int64
	others int64 // of the keys that found no place
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
		seed:     maphash.MakeSeed(),
	}
	for i := range l.shards {
		l.shards[i] = limiterShard[K]{free: map[K]int64{}, others: math.MinInt64, swept: math.MinInt64}
	}
	return l
}

// Take uses one of key's allowance. If there is none left it gives the time
// until there is, else zero.
//
// It keeps one time for each key, at which the key's allowance will be whole
// again (the generic cell rate algorithm).
func (l *Limiter[K]) Take(key K, at time.Time) time.Duration {
	now := int64(at.Sub(l.began))
	shard := &l.shards[maphash.Comparable(l.seed, key)%limiterShards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	whole, held := shard.free[key]
	if !held && len(shard.free) >= l.most {
		shard.sweep(now)
	}
	hasPlace := held || len(shard.free) < l.most
	switch {
	case !hasPlace:
		whole = max(shard.others, now)
	case !held || whole < now:
		whole = now
	}
	if wait := time.Duration(whole-now) - l.reserve; wait > 0 {
		return wait
	}
	whole += int64(l.interval)
	if hasPlace {
		shard.free[key] = whole
	} else {
		shard.others = whole
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
	for key, whole := range s.free {
		if whole <= now {
			delete(s.free, key)
		}
	}
}
