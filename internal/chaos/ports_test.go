package chaos_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// freePorts asks the system for addresses on which nobody listens. Another
// program may take one before it is used.
func freePorts(t *testing.T, n int) (addresses []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}
