package httpapi

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var noon = time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)

func TestALimiterGivesTheBurstAndThenTheRate(t *testing.T) {
	t.Parallel()
	l := NewLimiter[string](Rate{PerSecond: 10, Burst: 5}, 100)
	for range 5 {
		require.Zero(t, l.Take("a", noon))
	}
	require.Equal(t, 100*time.Millisecond, l.Take("a", noon))
	require.Zero(t, l.Take("b", noon), "one key's crowd is not another's trouble")
	require.Equal(t, 1*time.Millisecond, l.Take("a", noon.Add(99*time.Millisecond)))
	require.Zero(t, l.Take("a", noon.Add(100*time.Millisecond)))
	require.NotZero(t, l.Take("a", noon.Add(100*time.Millisecond)))
	for range 5 {
		require.Zero(t, l.Take("a", noon.Add(time.Hour)))
	}
	require.NotZero(t, l.Take("a", noon.Add(time.Hour)))
}

func TestALimiterNeverLetsMoreThroughThanItsRateAndKeepsItsWord(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := Rate{PerSecond: float64(rapid.IntRange(1, 50).Draw(t, "rate")), Burst: rapid.IntRange(1, 20).Draw(t, "burst")}
		l := NewLimiter[int](rate, 1000)
		now, passed := noon, 0
		for range rapid.IntRange(1, 300).Draw(t, "tries") {
			now = now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "pause")) * time.Millisecond)
			wait := l.Take(1, now)
			if wait == 0 {
				passed++
				continue
			}
			if rapid.Bool().Draw(t, "patient") {
				now = now.Add(wait)
				require.Zero(t, l.Take(1, now), "it is worth another try when it said so")
				passed++
			}
		}
		require.LessOrEqual(t, float64(passed), float64(rate.Burst)+now.Sub(noon).Seconds()*rate.PerSecond+1)
	})
}

func TestALimiterDoesNotGrow(t *testing.T) {
	t.Parallel()
	const most = 64 * limiterShards
	l := NewLimiter[int](Rate{PerSecond: 1, Burst: 2}, most)
	held := func() (n int) {
		for i := range l.shards {
			n += len(l.shards[i].free)
		}
		return n
	}
	refused := 0
	for key := range 100_000 {
		if l.Take(key, noon) > 0 {
			refused++
		}
	}
	require.Equal(t, most, held())
	require.Equal(t, 100_000-most-2*limiterShards, refused, "those without a place share one allowance a shard")
	later := noon.Add(time.Hour)
	for key := 200_000; key < 200_000+most/4; key++ {
		require.Zero(t, l.Take(key, later), "the idle ones made room")
	}
	require.LessOrEqual(t, held(), most)
}
