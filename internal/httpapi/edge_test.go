package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"signet/internal/fault"
	"signet/internal/httpapi/httpapitest"
)

func TestEveryFailureOfTheFrameworkIsAProblem(t *testing.T) {
	t.Parallel()
	app, book := newApp(t, nil)
	address := httpapitest.Serve(t, app)
	for _, row := range []struct {
		name, method, path, contentType, body string
		status                                int
		code, allow                           string
	}{
		{"an unknown route", "GET", "/nothing?secret=1", "", "", 404, "route.unknown", ""},
		{"a wrong method", "POST", "/fine", "", "", 405, "method.refused", "GET, HEAD"},
		{"a method that fiber does not know", "PROPFIND", "/fine", "", "", 405, "method.refused", "GET, HEAD"},
		{"such a method on an unknown route", "PROPFIND", "/nothing", "", "", 404, "route.unknown", ""},
		{"a body over the limit", "POST", "/echo", "application/json", strings.Repeat(" ", 5<<10), 413, "request.too_large", ""},
		{"a header over the limit", "GET", "/fine?" + strings.Repeat("a", 20<<10), "", "", 431, "request.header_too_large", ""},
		{"no JSON", "POST", "/echo", "text/plain", "{}", 415, "request.not_json", ""},
		{"a form", "POST", "/echo", "application/x-www-form-urlencoded", "name=a", 415, "request.not_json", ""},
		{"a multipart form", "POST", "/echo", "multipart/form-data; boundary=x", "--x--", 415, "request.not_json", ""},
		{"an error of a handler", "GET", "/panic", "", "", 500, "internal", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			request, err := http.NewRequest(row.method, "http://"+address+row.path, strings.NewReader(row.body))
			require.NoError(t, err)
			if row.contentType != "" {
				request.Header.Set("Content-Type", row.contentType)
			}
			r, err := httpapitest.Client(t).Do(request)
			require.NoError(t, err)
			requireProblem(t, r, row.status, row.code)
			require.Equal(t, row.allow, r.Header.Get("Allow"))
			require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
			require.Equal(t, "no-referrer", r.Header.Get("Referrer-Policy"))
			require.Empty(t, r.Header.Get("Server"))
		})
	}
	require.NotContains(t, book.String(), "secret", "the query is in the log")
}

func TestAPanicIsOneLogLineWithItsStackAndAProblem(t *testing.T) {
	t.Parallel()
	app, book := newApp(t, nil)
	r := get(t, "http://"+httpapitest.Serve(t, app)+"/panic")
	p := requireProblem(t, r, 500, "internal")
	require.Empty(t, r.Header.Get("ETag"), "a header of the answer that was not given")
	require.NotContains(t, book.String(), "in-an-address", "an error that panics may hold a secret")
	require.NotContains(t, p.Detail, "in-an-address")
	line := book.Lines(t, 1)[0]
	require.Equal(t, "ERROR", line["level"])
	require.Equal(t, "a *url.Error", line["panic"])
	require.Contains(t, line["stack"], "newApp")
	require.Equal(t, p.RequestID, line["request_id"])
}

func TestARequestIDIsTakenOverIfItIsWellFormed(t *testing.T) {
	t.Parallel()
	app, _ := newApp(t, nil)
	address := httpapitest.Serve(t, app)
	for sent, isTaken := range map[string]bool{
		"":                      false,
		"abcdefg":               false,
		"abcdefgh":              true,
		"AZaz09_-":              true,
		strings.Repeat("a", 64): true,
		strings.Repeat("a", 65): false,
		"abcd efgh":             false,
		"abcdefgh\x1b[31m":      false,
		"abcdefgh,ijklmnop":     false,
		"请求编号请求编号":              false,
	} {
		request, err := http.NewRequest("GET", "http://"+address+"/fine", nil)
		require.NoError(t, err)
		if isHeaderValue([]byte(sent)) {
			request.Header.Set("X-Request-Id", sent)
		}
		r, err := httpapitest.Client(t).Do(request)
		require.NoError(t, err)
		require.NoError(t, r.Body.Close())
		got := r.Header.Get("X-Request-Id")
		require.GreaterOrEqual(t, len(got), 8)
		require.Equal(t, isTaken, got == sent, "sent %q, got %q", sent, got)
	}
}

func TestEachRequestIsOneLogLineWithoutWhatAStrangerWrote(t *testing.T) {
	t.Parallel()
	app, book := newApp(t, nil)
	address := httpapitest.Serve(t, app)
	request, err := http.NewRequest("GET", "http://"+address+"/fine?q=STRANGER", nil)
	require.NoError(t, err)
	request.Header.Set("User-Agent", "STRANGER")
	request.Header.Set("Referer", "https://x.example.com/STRANGER")
	r, err := httpapitest.Client(t).Do(request)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	get(t, "http://"+address+"/STRANGER")
	lines := book.Lines(t, 2)
	require.Equal(t, "fine", lines[0]["operation"])
	require.EqualValues(t, 200, lines[0]["status"])
	require.Equal(t, "GET", lines[0]["method"])
	require.Equal(t, "127.0.0.1", lines[0]["client"])
	require.Equal(t, "route.unknown", lines[1]["code"])
	require.NotContains(t, book.String(), "STRANGER")
}

func TestAPlainErrorShowsNothingAndIsLogged(t *testing.T) {
	t.Parallel()
	app, book := newApp(t, nil)
	app.Get("/plain", func(*fiber.Ctx) error { return errors.New("disk on fire") })
	app.Get("/wrapped", func(*fiber.Ctx) error {
		return fault.Wrap(errors.New("socket closed"), fault.StoreUnavailable, nil).WithRetryAfter(1200 * time.Millisecond)
	})
	address := httpapitest.Serve(t, app)
	r := get(t, "http://"+address+"/plain")
	require.NotContains(t, requireProblem(t, r, 500, "internal").Detail, "fire")
	r = get(t, "http://"+address+"/wrapped")
	require.NotContains(t, requireProblem(t, r, 503, "store.unavailable").Detail, "socket")
	require.Equal(t, "2", r.Header.Get("Retry-After"), "seconds are rounded up")
	lines := book.Lines(t, 2)
	require.Equal(t, "disk on fire", strings.TrimPrefix(lines[0]["error"].(string), "internal: "))
	require.Equal(t, "ERROR", lines[0]["level"])
	require.Equal(t, "WARN", lines[1]["level"])
}

func TestAFailureCarriesNoHeaderOfTheAnswerThatWasNotGiven(t *testing.T) {
	t.Parallel()
	app, _ := newApp(t, nil)
	app.Get("/halfway", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderETag, `"1"`)
		c.Set(fiber.HeaderLocation, "/there")
		c.Set(fiber.HeaderCacheControl, "public, max-age=600")
		c.Status(fiber.StatusCreated)
		if err := c.SendString("half of it"); err != nil {
			return err
		}
		return fault.New(fault.AppExists, nil)
	})
	r := get(t, "http://"+httpapitest.Serve(t, app)+"/halfway")
	requireProblem(t, r, 409, "app.exists")
	require.Empty(t, r.Header.Get("ETag"))
	require.Empty(t, r.Header.Get("Location"))
}

func TestTheContextOfARequestEnds(t *testing.T) {
	t.Parallel()
	app, _ := newApp(t, func(c *Config) { c.Timeout = 20 * time.Millisecond })
	kept := make(chan context.Context, 1)
	app.Get("/wait", func(c *fiber.Ctx) error {
		ctx := EventOf(c).Context()
		child, cancel := context.WithCancel(ctx)
		defer cancel()
		<-child.Done()
		return c.SendString(context.Cause(child).Error())
	})
	app.Get("/keep", func(c *fiber.Ctx) error {
		kept <- EventOf(c).Context()
		return nil
	})
	address := httpapitest.Serve(t, app)
	r := get(t, "http://"+address+"/wait")
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.Equal(t, context.DeadlineExceeded.Error(), string(body))
	get(t, "http://"+address+"/keep")
	<-(<-kept).Done()
}

func TestAnObserverIsToldOfEveryRequest(t *testing.T) {
	t.Parallel()
	seen := make(chan Observation, 2)
	app, _ := newApp(t, func(c *Config) { c.Observe = func(o Observation) { seen <- o } })
	address := httpapitest.Serve(t, app)
	for _, path := range []string{"/fine", "/nothing"} {
		get(t, "http://"+address+path)
	}
	fine, nothing := <-seen, <-seen
	require.Equal(t, Observation{Listener: "test", Operation: "fine", Status: 200, Duration: fine.Duration}, fine)
	require.Equal(t, Observation{Listener: "test", Status: 404, Code: "route.unknown", Duration: nothing.Duration}, nothing)
}
