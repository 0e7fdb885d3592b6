package httpapi

import (
	"hash/maphash"
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

// Above a certain rate calls are counted by the cell first.
var quick = Rate{PerSecond: 1000, Burst: 5000}

func TestAQuickLimiterHoldsNoKeyThatIsFarBelowItsRate(t *testing.T) {
	t.Parallel()
	l := NewLimiter[int](quick, 1000)
	for second := range 10 {
		for key := range 5000 { // more than may be held, some to a cell
			require.Zero(t, l.Take(key, noon.Add(time.Duration(second)*time.Second)))
		}
	}
	for i := range l.shards {
		require.Empty(t, l.shards[i].free)
	}
}

func TestAQuickLimiterGivesTheBurstAndThenTheRate(t *testing.T) {
	t.Parallel()
	l := NewLimiter[string](quick, 1000)
	for range quick.Burst {
		require.Zero(t, l.Take("a", noon))
	}
	require.Equal(t, time.Millisecond, l.Take("a", noon), "what the cell has counted is the key's")
	passed := 0
	for i := range 10_000 { // tries for ten seconds, ten times its rate
		if l.Take("a", noon.Add(time.Duration(i)*time.Millisecond)) == 0 {
			passed++
		}
	}
	require.LessOrEqual(t, passed, 10*1000+1000/4)
	require.GreaterOrEqual(t, passed, 9*1000)
}

func TestAQuickLimiterNeverLetsMoreThroughThanItsRateAndAQuarter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := NewLimiter[int](quick, 1000)
		now, passed := noon, 0
		for range rapid.IntRange(1, 40).Draw(t, "crowds") {
			now = now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "pause")) * time.Millisecond)
			for range rapid.IntRange(1, 2000).Draw(t, "tries") {
				if l.Take(1, now) == 0 {
					passed++
				}
			}
		}
		// Each second in which the cell was quiet may have a quarter that is counted nowhere.
		require.LessOrEqual(t, float64(passed), float64(quick.Burst)+now.Sub(noon).Seconds()*quick.PerSecond*5/4+quick.PerSecond/4+1)
	})
}

// A stranger in the same cell as a crowd pays a quarter of its own rate at most.
func TestAStrangerBesideACrowdKeepsMostOfItsAllowance(t *testing.T) {
	t.Parallel()
	l := NewLimiter[int](quick, 100_000)
	const crowded = 0
	stranger := 1
	for cellOf(l, stranger) != cellOf(l, crowded) {
		stranger++
	}
	for l.Take(crowded, noon) == 0 { // until it is refused
	}
	passed := 0
	for l.Take(stranger, noon) == 0 {
		passed++
	}
	require.GreaterOrEqual(t, passed, quick.Burst-int(quick.PerSecond)/4)
	require.LessOrEqual(t, passed, quick.Burst)
}

func cellOf(l *Limiter[int], key int) uint64 {
	return maphash.Comparable(l.seed, key) >> 32 % crowds
}
