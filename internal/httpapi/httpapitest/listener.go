package httpapitest

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

const patience = 10 * time.Second // for an answer

// Leftovers are the goroutines that fasthttp keeps when its servers are gone. A
// test binary that looks for goroutines passes them by.
func Leftovers() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),    // as long as the process lives
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"), // looks up every ten seconds
	}
}

// Serve lets app listen on an address of its own, host:port on the loopback
// interface, until the test ends.
func Serve(t testing.TB, app *fiber.App) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- app.Listener(listener) }()
	t.Cleanup(func() {
		require.NoError(t, app.ShutdownWithTimeout(5*time.Second))
		_ = listener.Close() // for a test that was over before the app had begun to serve
		require.NoError(t, <-done)
	})
	return listener.Addr().String()
}

// Answer is an answer that was read whole. The Body of its Response is closed.
type Answer struct {
	*http.Response
	Text []byte // the body, as it came: nothing was unpacked
}

// Ask sends a request and reads the answer. target is sent as it is, whatever it
// is; headers are name and value by turns. It fails the test where the answer
// lacks what every answer has.
func Ask(t testing.TB, address, method, target, body string, headers ...string) Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+address, strings.NewReader(body))
	require.NoError(t, err)
	request.URL.Opaque = target
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	client := newClient()
	defer client.CloseIdleConnections()
	r, err := client.Do(request)
	require.NoError(t, err)
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.NotEmpty(t, r.Header.Get("X-Request-Id"))
	require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
	return Answer{r, text}
}

// Client makes a client that keeps no connection and unpacks nothing.
func Client(t testing.TB) *http.Client {
	t.Helper()
	client := newClient()
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
