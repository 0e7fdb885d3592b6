package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"signet/internal/httpapi/httpapitest"
)

// dial opens a raw connection.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return conn
}

// exchange sends raw bytes and reads answers until the server closes.
func exchange(t *testing.T, address, raw string) []*http.Response {
	t.Helper()
	conn := dial(t, address)
	_, err := io.WriteString(conn, raw)
	require.NoError(t, err)
	var answers []*http.Response
	for reader := bufio.NewReader(conn); ; {
		r, err := http.ReadResponse(reader, nil)
		if err != nil {
			return answers
		}
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		answers = append(answers, r)
	}
}

func TestATargetWithAControlCharacterIsNotTakenForAnother(t *testing.T) {
	t.Parallel()
	app, _ := newApp(t, nil)
	app.Get("/", func(c *fiber.Ctx) error { return c.SendString("the root") })
	address := httpapitest.Serve(t, app)
	for _, control := range []string{"\x00", "\x01", "\t", "\v", "\x1f", "\x7f"} {
		for _, target := range []string{"/fine" + control, "/" + control + "fine", "/fine?x=" + control, "http://h/fine" + control} {
			answers := exchange(t, address, "GET "+target+" HTTP/1.1\r\nHost: h\r\n\r\n")
			require.Len(t, answers, 1, "%q", target)
			requireProblem(t, answers[0], 400, "request.invalid")
		}
	}
	answers := exchange(t, address, "GET /fine?x=\xe5\xbc\xa0\xff HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	require.Len(t, answers, 1)
	require.Equal(t, 200, answers[0].StatusCode)
}

func TestARequestThatCanBeReadInTwoWaysIsRefusedAndTheConnectionClosed(t *testing.T) {
	t.Parallel()
	app, _ := newApp(t, nil)
	address := httpapitest.Serve(t, app)
	const smuggled = "GET /panic HTTP/1.1\r\nHost: h\r\n\r\n" // would be a second answer, 500
	post := func(headers, body string) string {
		return "POST /echo HTTP/1.1\r\n" + headers + "\r\n\r\n" + body + smuggled
	}
	for _, row := range []struct {
		name, raw, code string
		status          int
	}{
		{"length and chunks", post("Host: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), "request.invalid", 400},
		{"chunks and length", post("Host: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"), "request.invalid", 400},
		{"two lengths", post("Host: h\r\nContent-Length: 0\r\nContent-Length: 5", "12345"), "request.invalid", 400},
		{"two equal lengths", post("Host: h\r\nContent-Length: 2\r\nContent-Length: 2", "{}"), "request.invalid", 400},
		{"a list of lengths", post("Host: h\r\nContent-Length: 2, 2", "{}"), "request.invalid", 400},
		{"a signed length", post("Host: h\r\nContent-Length: +2", "{}"), "request.invalid", 400},
		{"an unknown coding", post("Host: h\r\nTransfer-Encoding: xchunked", "0\r\n\r\n"), "request.invalid", 400},
		{"two codings", post("Host: h\r\nTransfer-Encoding: gzip, chunked", "0\r\n\r\n"), "request.invalid", 400},
		{"a coding that is none", post("Host: h\r\nTransfer-Encoding: identity\r\nContent-Length: 2", "{}"), "request.invalid", 400},
		{"chunks in HTTP/1.0", strings.Replace(post("Host: h\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), "HTTP/1.1", "HTTP/1.0", 1), "request.invalid", 400},
		{"a bad chunk size", post("Host: h\r\nTransfer-Encoding: chunked", "zz\r\n\r\n"), "request.invalid", 400},
		{"a blank before the colon", post("Host: h\r\nContent-Length : 2", "{}"), "request.invalid", 400},
		{"a folded line", post("Host: h\r\nX-A: b\r\n c: d\r\nContent-Length: 2", "{}"), "request.invalid", 400},
		{"a folded first line", "GET /fine HTTP/1.1\r\n X-A: b\r\nHost: h\r\n\r\n" + smuggled, "request.invalid", 400},
		{"NUL in a header", "GET /fine HTTP/1.1\r\nHost: h\r\nX-A: a\x00b\r\n\r\n" + smuggled, "request.invalid", 400},
		{"a bare CR in a header", "GET /fine HTTP/1.1\r\nHost: h\r\nX-A: a\rb\r\n\r\n" + smuggled, "request.invalid", 400},
		{"no host", "GET /fine HTTP/1.1\r\nX-A: b\r\n\r\n" + smuggled, "request.invalid", 400},
		{"two hosts", "GET /fine HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + smuggled, "request.invalid", 400},
		{"an empty header name", "GET /fine HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n" + smuggled, "request.invalid", 400},
		{"more lines than there may be", "GET /fine HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("A: b\r\n", headerLinesLimit) + "\r\n" + smuggled, "request.header_too_large", 431},
		{"ten thousand lines", "GET /fine HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("A: b\r\n", 10_000) + "\r\n", "request.header_too_large", 431},
		{"one line that never ends", "GET /fine HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("b", 100_000), "request.header_too_large", 431},
		{"no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", "request.invalid", 400},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			answers := exchange(t, address, row.raw)
			require.Len(t, answers, 1, "the connection stayed open for what came after")
			requireProblem(t, answers[0], row.status, row.code)
		})
	}
}

func TestWellFramedRequestsPassOneAfterTheOther(t *testing.T) {
	t.Parallel()
	app, _ := newApp(t, nil)
	answers := exchange(t, httpapitest.Serve(t, app),
		"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"c\r\n{\"name\":\"a\"}\r\n0\r\n\r\n"+
			"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: 12\r\n\r\n{\"name\":\"b\"}"+
			"GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n"+
			"GET /fine HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	require.Len(t, answers, 4)
	for i, want := range []int{200, 200, 404, 200} {
		require.Equal(t, want, answers[i].StatusCode, "request %d", i)
	}
}

func TestABodyMayNotBePacked(t *testing.T) {
	t.Parallel()
	app, _ := newApp(t, nil)
	for _, coding := range []string{"gzip", "deflate", "br", "identity, gzip"} {
		answers := exchange(t, httpapitest.Serve(t, app), fmt.Sprintf(
			"POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Encoding: %s\r\nContent-Length: 12\r\n\r\n{\"name\":\"a\"}", coding))
		require.Len(t, answers, 1)
		requireProblem(t, answers[0], 415, "request.not_json")
		app, _ = newApp(t, nil)
	}
}

func TestWhoeverSendsTooMuchCanStillReadTheAnswer(t *testing.T) {
	t.Parallel()
	app, _ := newApp(t, nil)
	address := httpapitest.Serve(t, app)
	much := strings.Repeat("a", 4<<20) // more than the sockets of both sides hold
	for name, head := range map[string]string{
		"a body":   "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4194304\r\n\r\n",
		"a header": "GET /fine HTTP/1.1\r\nHost: h\r\nX-A: ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := exchange(t, address, head+much)
			require.Len(t, answers, 1)
			require.Contains(t, []int{413, 431}, answers[0].StatusCode)
		})
	}
}

func TestASlowClientIsTurnedAway(t *testing.T) {
	t.Parallel()
	app, _ := newApp(t, nil)
	require.Equal(t, readTimeout, app.Server().ReadTimeout)
	app.Server().ReadTimeout = 200 * time.Millisecond // the same path, without the wait
	address := httpapitest.Serve(t, app)
	for name, raw := range map[string]string{
		"in the header": "GET /fine HTTP/1.1\r\nHost: h\r\nX-A",
		"in the body":   "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			answers := exchange(t, address, raw)
			require.Less(t, time.Since(began), 5*time.Second)
			require.Len(t, answers, 1)
			requireProblem(t, answers[0], 408, "request.timeout")
		})
	}
}

func TestSlowClientsDoNotKeepOthersWaiting(t *testing.T) {
	t.Parallel()
	app, _ := newApp(t, nil)
	address := httpapitest.Serve(t, app)
	for range 500 {
		_, err := io.WriteString(dial(t, address), "GET /fine HTTP/1.1\r\nHost: h\r\nX-A")
		require.NoError(t, err)
	}
	r, err := httpapitest.Client(t).Get("http://" + address + "/fine")
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	require.Equal(t, 200, r.StatusCode)
}
