package signapi

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClientsAreCountedByTheirNetworks(t *testing.T) {
	t.Parallel()
	key := func(address string) [16]byte { return networkKey(netip.MustParseAddr(address)) }
	require.Equal(t, key("203.0.113.9"), key("::ffff:203.0.113.9"))
	require.Equal(t, key("2001:db8:1:2::1"), key("2001:db8:1:2::2"))
	others := []string{"203.0.113.9", "203.0.113.10", "2001:db8:1:2::1", "2001:db8:1:3::1", "::cb00:7109", "::1"}
	seen := map[[16]byte]bool{}
	for _, address := range others {
		seen[key(address)] = true
	}
	require.Len(t, seen, len(others))
}
