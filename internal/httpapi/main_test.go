package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp keeps the time for its Date header as long as the process lives.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		// And the janitor of its workers looks up from its sleep every ten seconds.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
}

// logBook gathers what is logged.
type logBook struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logBook) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// lines waits for n log lines, since an answer is on its way before its line is.
func (l *logBook) lines(t *testing.T, n int) []map[string]any {
	t.Helper()
	require.Eventually(t, func() bool { return bytes.Count([]byte(l.String()), []byte("\n")) >= n }, 5*time.Second, time.Millisecond)
	var lines []map[string]any
	for line := range bytes.Lines([]byte(l.String())) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal(line, &fields), "%s", line)
		lines = append(lines, fields)
	}
	require.Len(t, lines, n)
	return lines
}

// serve lets app listen on an address of its own until the test ends.
func serve(t testing.TB, app *fiber.App) (address string) {
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

// newApp makes an app with routes that do what their names say.
func newApp(t testing.TB, change func(*Config)) (*fiber.App, *logBook) {
	t.Helper()
	book := &logBook{}
	cfg := Config{Name: "test", Log: book.logger(), BodyLimit: 4 << 10}
	if change != nil {
		change(&cfg)
	}
	app := New(cfg)
	app.Get("/fine", func(c *fiber.Ctx) error {
		EventOf(c).Operation = "fine"
		return c.SendString("fine")
	})
	app.Post("/echo", func(c *fiber.Ctx) error {
		var body struct {
			Name string `json:"name"`
		}
		if err := DecodeBody(c, &body); err != nil {
			return err
		}
		return c.JSON(body)
	})
	app.Get("/panic", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderETag, `"1"`)
		panic("of a handler")
	})
	app.Get("/client", func(c *fiber.Ctx) error { return c.SendString(EventOf(c).Client.String()) })
	return app, book
}

// client makes a client that keeps no connection, so that no test waits for one.
func client(t testing.TB) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

type problemBody struct {
	Type, Title, Detail, Code string
	Status                    int
	RequestID                 string `json:"request_id"`
	Errors                    []struct{ Pointer, Code, Detail string }
	Upstream                  *struct{ Errcode int }
}

// requireProblem reads an answer that must be a problem with that code.
func requireProblem(t testing.TB, r *http.Response, status int, code string) problemBody {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.Equal(t, status, r.StatusCode, "%s", body)
	require.Equal(t, ProblemType, r.Header.Get("Content-Type"), "%s", body)
	require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
	var p problemBody
	require.NoError(t, json.Unmarshal(body, &p), "%s", body)
	require.Equal(t, code, p.Code)
	require.Equal(t, status, p.Status)
	require.Equal(t, "urn:signet:problem:"+code, p.Type)
	require.NotEmpty(t, p.Title)
	require.NotEmpty(t, p.Detail)
	require.Equal(t, r.Header.Get("X-Request-Id"), p.RequestID)
	return p
}

// get asks for a page and lets go of the connection.
func get(t testing.TB, url string) *http.Response {
	t.Helper()
	r, err := client(t).Get(url)
	require.NoError(t, err)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}
