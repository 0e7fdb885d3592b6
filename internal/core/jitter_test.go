package core_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

func TestJitterIsDrawnBelowItsLimit(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for range 1000 {
		d := core.Jitter(200 * time.Millisecond)
		require.True(t, d >= 0 && d < 200*time.Millisecond)
		seen[d] = true
	}
	require.Greater(t, len(seen), 900)
	require.Zero(t, core.Jitter(0))
}
