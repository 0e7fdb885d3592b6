package chaos_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// metric reads one metric without labels of a node.
func (c *cluster) metric(t *testing.T, n *node, name string) int {
	t.Helper()
	a, err := send(t.Context(), "GET", n.at.Load().metrics+"/metrics", nil)
	require.NoError(t, err)
	for line := range strings.Lines(string(a.body)) {
		if text, found := strings.CutPrefix(line, name+" "); found {
			value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			require.NoError(t, err)
			return int(value)
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
