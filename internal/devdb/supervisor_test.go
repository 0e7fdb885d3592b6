package devdb

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// In its first moments a server ignores what would end it. It is told again, and
// not killed after a grace.
func TestAnOrderIsRepeatedUntilItIsObeyed(t *testing.T) {
	t.Parallel()
	account, err := serverAccount()
	require.NoError(t, err)
	h, err := claimThrowaway(account)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, h.remove())
		h.release()
	})
	idle, err := h.waitIdle(t.Context(), 0)
	require.NoError(t, err)
	s, err := h.supervise(shell, []string{"-c", `
told=0
trap 'told=$((told + 1)); echo told $told; [ $told -lt 3 ] || exit 0' TERM
echo up
while :; do sleep 0.05; done`}, idle)
	require.NoError(t, err)
	require.NoError(t, idle.Close())
	require.Eventually(t, func() bool {
		said, err := os.ReadFile(h.entry(logName))
		return err == nil && strings.Contains(string(said), "up")
	}, 10*time.Second, pollInterval)
	patience, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s.halt(patience, "TERM")
	require.NoError(t, patience.Err(), "it came to a harder order")
	said, err := os.ReadFile(h.entry(logName))
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(string(said), "told"))
}
