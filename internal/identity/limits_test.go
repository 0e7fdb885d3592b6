package identity

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestBucket(t *testing.T) {
	t.Parallel()
	three := allowance{burst: 3, interval: time.Minute}

	t.Run("gives the burst and then one for each interval", func(t *testing.T) {
		t.Parallel()
		var b bucket
		for range 3 {
			require.Zero(t, b.take(three, noon))
		}
		require.Equal(t, time.Minute, b.take(three, noon))
		require.Equal(t, 20*time.Second, b.take(three, noon.Add(40*time.Second)))
		require.Zero(t, b.take(three, noon.Add(time.Minute)))
		require.Equal(t, time.Minute, b.take(three, noon.Add(time.Minute)))
	})

	t.Run("shuts nobody out for longer when the clock is set back", func(t *testing.T) {
		t.Parallel()
		var b bucket
		for range 3 {
			require.Zero(t, b.take(three, noon))
		}
		before := noon.Add(-48 * time.Hour)
		require.LessOrEqual(t, b.take(three, before), time.Minute)
		require.Zero(t, b.take(three, before.Add(time.Minute)))
	})

	t.Run("never gives more than the burst and what came back since", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			a := allowance{
				burst:    rapid.IntRange(1, 20).Draw(t, "burst"),
				interval: time.Duration(rapid.IntRange(1, 1000).Draw(t, "seconds")) * time.Second,
			}
			var b bucket
			now, given := noon, 0
			for _, step := range rapid.SliceOfN(rapid.IntRange(0, 3000), 1, 200).Draw(t, "steps") {
				now = now.Add(time.Duration(step) * time.Second / 4)
				if b.take(a, now) == 0 {
					given++
				}
			}
			if most := a.burst + int(now.Sub(noon)/a.interval); given > most {
				t.Fatalf("gave %d, should give %d at most", given, most)
			}
		})
	})
}

func TestTries(t *testing.T) {
	t.Parallel()
	three := allowance{burst: 3, interval: time.Minute}

	t.Run("brake one key and no other", func(t *testing.T) {
		t.Parallel()
		tries := newTries[string](three)
		for range three.burst {
			require.Zero(t, tries.take("owner@example.com", noon))
		}
		require.Equal(t, three.interval, tries.take("owner@example.com", noon))
		// Of 50 others one in a thousand runs would share the bucket.
		shared := 0
		for n := range 50 {
			if tries.take("other"+strconv.Itoa(n)+"@example.com", noon) > 0 {
				shared++
			}
		}
		require.LessOrEqual(t, shared, 1)
	})

	t.Run("do not forget a key under a flood of others", func(t *testing.T) {
		t.Parallel()
		tries := newTries[string](three)
		for range three.burst {
			require.Zero(t, tries.take("owner@example.com", noon))
		}
		for n := range 200_000 {
			tries.take(strconv.Itoa(n)+"@example.com", noon)
		}
		require.Positive(t, tries.take("owner@example.com", noon))
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	var r refusals
	written := 0
	for range 10_000 {
		if skipped, write := r.next(noon); write {
			require.Zero(t, skipped)
			written++
		}
	}
	require.Equal(t, refusalRows.burst, written)

	skipped, write := r.next(noon.Add(refusalRows.interval))
	require.True(t, write)
	require.Equal(t, 10_000-refusalRows.burst, skipped, "the next row accounts for all that had none")

	r.skip(skipped + 1)
	skipped, write = r.next(noon.Add(2 * refusalRows.interval))
	require.True(t, write)
	require.Equal(t, 10_001-refusalRows.burst, skipped, "a row that could not be written is not lost from the count")
}
