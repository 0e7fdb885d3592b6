package store

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Nobody here can cut a cable; that the system was told what to do then can be
// seen.
func TestTheSystemLooksForSilentPeers(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	conn, err := dialer.DialContext(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	var set []int
	require.NoError(t, raw.Control(func(fd uintptr) {
		for _, option := range [][2]int{
			{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE}, {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE},
			{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL}, {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT},
			{syscall.IPPROTO_TCP, tcpUserTimeout},
		} {
			value, err := syscall.GetsockoptInt(int(fd), option[0], option[1])
			require.NoError(t, err)
			set = append(set, value)
		}
	}))
	require.Equal(t, []int{1, 10, 5, 3, 20_000}, set)
}
