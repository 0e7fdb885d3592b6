package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
)

// On one connection the answer to the next request begins where the head of a streamed
// answer ends.
func TestTheHeadOfAStreamedAnswerIsAllOfIt(t *testing.T) {
	t.Parallel()
	app := New(Config{Name: "test", Log: slog.New(slog.DiscardHandler), BodyLimit: 1 << 10, Timeout: time.Second})
	app.Get("/stream", func(c *fiber.Ctx) error {
		given := false
		Stream(c, slog.New(slog.DiscardHandler), func(context.Context) ([]byte, error) {
			if given {
				return nil, io.EOF
			}
			given = true
			return []byte("all of it"), nil
		})
		return nil
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = app.Listener(listener) }()
	t.Cleanup(func() { _ = app.Shutdown() })
	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	r := bufio.NewReader(conn)
	for _, method := range []string{"HEAD", "GET", "HEAD", "GET"} {
		_, err := fmt.Fprintf(conn, "%s /stream HTTP/1.1\r\nHost: test\r\n\r\n", method)
		require.NoError(t, err)
		a, err := http.ReadResponse(r, &http.Request{Method: method})
		require.NoError(t, err, method)
		body, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"HEAD": "", "GET": "all of it"}[method], string(body))
		require.Equal(t, 200, a.StatusCode)
	}
}
