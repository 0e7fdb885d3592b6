package signing

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNonceIsSixteenLettersAndDigitsEachAsLikely(t *testing.T) {
	t.Parallel()
	const draws = 200_000
	var counts [16][256]int
	for range draws {
		var text [16]byte
		nonce(&text)
		for place, c := range text {
			counts[place][c]++
		}
	}
	total := [256]int{}
	for place := range counts {
		for c, n := range counts[place] {
			total[c] += n
			if n > 0 {
				require.Contains(t, nonceAlphabet, string(rune(c)))
			}
		}
	}
	// Chi-square over 62 characters: with 61 degrees of freedom 140 is passed
	// once in ten million runs. A remainder of 64 values would give 90,000.
	expected := float64(draws) * 16 / 62
	chi := 0.0
	for _, c := range nonceAlphabet {
		off := float64(total[c]) - expected
		chi += off * off / expected
	}
	require.Less(t, chi, 140.0)
}

func TestNoncesDoNotRepeat(t *testing.T) {
	t.Parallel()
	const draws = 200_000
	seen := make(map[[16]byte]bool, draws)
	for range draws {
		var text [16]byte
		nonce(&text)
		require.False(t, seen[text])
		seen[text] = true
	}
}

func TestSpellDropsWhatWouldFavourCharacters(t *testing.T) {
	t.Parallel()
	var text [16]byte
	require.Equal(t, 4, spell(&text, 0, []byte{0, 62, 63, 61, 0x40 | 26, 0x80 | 62, 0xC0 | 63, 0xC0 | 1}))
	require.Equal(t, "A9aB", string(text[:4]))
}

func TestSpellStopsWhenTheNonceIsFull(t *testing.T) {
	t.Parallel()
	var text [16]byte
	require.Equal(t, 16, spell(&text, 10, make([]byte, 20)))
	require.Equal(t, "AAAAAA", string(text[10:]))
}

func TestNonceDoesNotAllocate(t *testing.T) {
	if raceDetector {
		t.Skip("under the race detector crypto/rand.Read allocates")
	}
	var text [16]byte
	require.Zero(t, testing.AllocsPerRun(100, func() { nonce(&text) }))
}
