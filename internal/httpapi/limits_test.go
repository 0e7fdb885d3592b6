package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// inBubble runs a test in synctest's time.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	// The clock of fasthttp's Date header starts with the first answer and never
	// ends: not in the bubble.
	(&fasthttp.ResponseHeader{}).AppendBytes(nil)
	synctest.Test(t, test)
}

// line is one connection to an app, in memory: what one end writes has to be
// read by the other at once.
type line struct {
	net.Conn
	read  *bufio.Reader
	ended chan error // gets the end of serving
}

func connect(t *testing.T, app *fiber.App) line {
	t.Helper()
	app.Handler() // makes the routes known, as listening does
	ours, theirs := net.Pipe()
	l := line{ours, bufio.NewReader(ours), make(chan error, 1)}
	go func() {
		err := app.Server().ServeConn(theirs)
		_ = theirs.Close()
		l.ended <- err
	}()
	t.Cleanup(func() { _ = ours.Close() })
	return l
}

func (l line) send(t *testing.T, text string) {
	t.Helper()
	_, err := io.WriteString(l, text)
	require.NoError(t, err)
}

func (l line) answer(t *testing.T) *http.Response {
	t.Helper()
	r, err := http.ReadResponse(l.read, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}

// requireEnd waits for the end of the connection and tells how long it took.
func (l line) requireEnd(t *testing.T, since time.Time, want time.Duration) {
	t.Helper()
	<-l.ended
	require.Equal(t, want, time.Since(since))
	_, err := l.read.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

const fine = "GET /fine HTTP/1.1\r\nHost: x\r\n\r\n"

func TestARequestHasFiveSecondsToCome(t *testing.T) {
	t.Parallel()
	for name, begun := range map[string]string{
		"nothing": "", "half a header": "GET /fine HTTP/1.1\r\nHost:", "half a body": "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				app, _ := newApp(t, nil)
				l, began := connect(t, app), time.Now()
				l.send(t, begun)
				requireProblem(t, l.answer(t), http.StatusRequestTimeout, "request.timeout")
				l.requireEnd(t, began, 5*time.Second)
			})
		})
	}
}

// Whoever sends a byte now and then gets no more time by it.
func TestARequestThatDripsHasFiveSecondsInAll(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		app, _ := newApp(t, nil)
		l, began := connect(t, app), time.Now()
		l.send(t, "GET /fine HTTP/1.1\r\nX-Drip: ")
		dripped := make(chan struct{})
		go func() {
			defer close(dripped)
			for every := time.NewTicker(time.Second); ; <-every.C {
				if _, err := io.WriteString(l, "x"); err != nil {
					return
				}
			}
		}()
		requireProblem(t, l.answer(t), http.StatusRequestTimeout, "request.timeout")
		l.requireEnd(t, began, 5*time.Second)
		require.NoError(t, l.Close())
		<-dripped
	})
}

func TestAConnectionMayBeIdleForAMinute(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		app, _ := newApp(t, nil)
		l := connect(t, app)
		for range 2 {
			l.send(t, fine)
			require.Equal(t, http.StatusOK, l.answer(t).StatusCode)
		}
		l.requireEnd(t, time.Now(), time.Minute)
	})
}

func TestAnAnswerThatNobodyReadsIsGivenUpAfterTenSeconds(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		app, _ := newApp(t, nil)
		l := connect(t, app)
		l.send(t, fine)
		l.requireEnd(t, time.Now(), 10*time.Second)
	})
}

func TestTheWorkForARequestEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ chosen, want time.Duration }{{0, 15 * time.Second}, {30 * time.Second, 30 * time.Second}} {
		inBubble(t, func(t *testing.T) {
			app, _ := newApp(t, func(cfg *Config) { cfg.Timeout = c.chosen })
			var cause error
			app.Get("/endless", func(c *fiber.Ctx) error {
				ctx := EventOf(c).Context()
				<-ctx.Done()
				cause = ctx.Err()
				return c.SendString("given up")
			})
			l, began := connect(t, app), time.Now()
			l.send(t, "GET /endless HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			require.Equal(t, http.StatusOK, l.answer(t).StatusCode)
			l.requireEnd(t, began, c.want)
			require.ErrorIs(t, cause, context.DeadlineExceeded)
		})
	}
}

func TestMoreConnectionsThanThereIsRoomForAreSentAway(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		app, _ := newApp(t, func(cfg *Config) { cfg.Concurrency = 1 })
		first := connect(t, app)
		first.send(t, "GET / HTTP/1.1\r\n") // and no more: an answered one is not kept where there is so little room
		synctest.Wait()
		second := connect(t, app)
		require.Equal(t, http.StatusServiceUnavailable, second.answer(t).StatusCode)
		require.ErrorIs(t, <-second.ended, fasthttp.ErrConcurrencyLimit)
	})
	app, _ := newApp(t, nil)
	require.Equal(t, 8192, app.Server().Concurrency)
}
