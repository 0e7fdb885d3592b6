package consoleapi

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),    // as long as the process lives
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"), // looks up every ten seconds
	)
}

// bundle is one listener with what stands behind it.
type bundle struct {
	identity *people
	admin    *actions
	app      *fiber.App
	address  string
	log      *logBook
}

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

const consoleURL = "https://console.example.com"

func consoleFiles() fs.FS {
	return fstest.MapFS{
		"index.html":           {Data: []byte("<!doctype html><title>console</title>" + strings.Repeat("<p>", 1000))},
		"favicon.svg":          {Data: []byte("<svg/>")},
		"assets/index-Ab12.js": {Data: []byte("export const a = 1;" + strings.Repeat(" ", 2000))},
		"assets/odd.bin":       {Data: []byte{0, 1, 2}},
	}
}

func setup(t testing.TB, change func(*Config)) bundle {
	t.Helper()
	b := bundle{identity: &people{}, admin: newActions(), log: &logBook{}}
	cfg := Config{
		Identity: b.identity, Admin: b.admin, ConsoleURL: consoleURL, Files: consoleFiles(),
		Log: slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: func() time.Time { return noon },
	}
	if change != nil {
		change(&cfg)
	}
	b.app = New(cfg)
	b.address = serve(t, b.app)
	return b
}

func serve(t testing.TB, app *fiber.App) string {
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

// answer is an answer that was read whole.
type answer struct {
	*http.Response
	body []byte
}

// ask sends a request as it is; headers are name and value by turns.
func (b bundle) ask(t testing.TB, method, target, body string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequest(method, "http://"+b.address, strings.NewReader(body))
	require.NoError(t, err)
	request.URL.Opaque = target
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(request)
	require.NoError(t, err)
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.NotEmpty(t, r.Header.Get("X-Request-Id"))
	require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
	require.NotEmpty(t, r.Header.Get("Content-Security-Policy"))
	return answer{r, text}
}

// act asks the API as the member who is signed in.
func (b bundle) act(t testing.TB, method, path, body string, headers ...string) answer {
	t.Helper()
	headers = append(headers, "Authorization", "Bearer "+goodToken)
	if body != "" {
		headers = append(headers, "Content-Type", "application/json")
	}
	a := b.ask(t, method, apiPath+path, body, headers...)
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	return a
}

type problemBody struct {
	Code   string `json:"code"`
	Errors []struct {
		Pointer string `json:"pointer"`
		Code    string `json:"code"`
	} `json:"errors"`
}

func (a answer) requireProblem(t testing.TB, status int, code string) problemBody {
	t.Helper()
	require.Equal(t, status, a.StatusCode, "%s", a.body)
	require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
	var p problemBody
	require.NoError(t, json.Unmarshal(a.body, &p), "%s", a.body)
	require.Equal(t, code, p.Code, "%s", a.body)
	requireSchema(t, "Problem", a.body)
	return p
}

func (a answer) requirePlace(t testing.TB, pointer, reason string) {
	t.Helper()
	p := a.requireProblem(t, 400, "request.invalid")
	require.Len(t, p.Errors, 1, "%s", a.body)
	require.Equal(t, pointer, p.Errors[0].Pointer)
	require.Equal(t, reason, p.Errors[0].Code)
}
