package httpapi

import (
	"bufio"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/httpapi/httpapitest"
)

// However many clients have asked and keep their connections, the next one is
// served: those beyond half of the places are not kept.
func TestIdleConnectionsLeaveRoom(t *testing.T) {
	t.Parallel()
	app, _ := newApp(t, func(c *Config) { c.Concurrency = 8 })
	address := httpapitest.Serve(t, app)
	var kept int
	for range 40 {
		l, err := net.Dial("tcp", address)
		require.NoError(t, err)
		t.Cleanup(func() { _ = l.Close() })
		asked := line{Conn: l, read: bufio.NewReader(l)}
		asked.send(t, fine)
		r := asked.answer(t)
		require.Equal(t, 200, r.StatusCode)
		if !r.Close {
			kept++
		}
	}
	require.GreaterOrEqual(t, kept, 4, "a quiet listener keeps connections")
	require.Less(t, kept, 8)
}
