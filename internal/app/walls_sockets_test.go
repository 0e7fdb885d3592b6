package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/wecom/wecomtest"
)

// smuggling are requests whose end, target or header two servers could read in two ways.
// %[1]s is the host, %[2]s a path that takes a body, and what is smuggled follows at the
// end; status is that of the one answer, 0 where it is any refusal.
var smuggling = []struct {
	name, raw string
	status    int
}{
	{"a length and chunks", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"chunks and a length", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
	{"chunks twice", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"chunks by a name with a tab", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nTransfer-Encoding\t: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
	{"chunks behind a vertical tab", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nTransfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400},
	{"a coding beside chunks", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400},
	{"two lengths", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n12345", 400},
	{"two equal lengths", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400},
	{"a list of lengths", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nContent-Length: 2, 2\r\n\r\n{}", 400},
	{"a length below nothing", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nContent-Length: -1\r\n\r\n", 400},
	{"a length in sixteens", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nContent-Length: 0x2\r\n\r\n{}", 400},
	{"a length without end", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nContent-Length: 99999999999999999999\r\n\r\n{}", 400},
	{"a bad chunk", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400},
	{"a chunk below nothing", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n", 400},
	{"a chunk longer than it says", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n", 400},
	{"a chunk without end", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{}\r\n0\r\n\r\n", 400},
	{"a folded line", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nX-A: b\r\n Content-Length: 5\r\n\r\n", 400},
	{"a line folded by a tab", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nX-A: b\r\n\tc\r\n\r\n", 400},
	{"a NUL in a value", "GET %[2]s HTTP/1.1\r\nHost: %[1]s\r\nX-A: a\x00b\r\n\r\n", 400},
	{"a NUL in a name", "GET %[2]s HTTP/1.1\r\nHost: %[1]s\r\nX\x00A: b\r\n\r\n", 400},
	{"a NUL in the target", "GET %[2]s\x00 HTTP/1.1\r\nHost: %[1]s\r\n\r\n", 400},
	{"a bare CR in a value", "GET %[2]s HTTP/1.1\r\nHost: %[1]s\r\nX-A: a\rContent-Length: 5\r\n\r\n", 400},
	{"a blank before a colon", "POST %[2]s HTTP/1.1\r\nHost: %[1]s\r\nContent-Length : 2\r\n\r\n{}", 400},
	{"no name", "GET %[2]s HTTP/1.1\r\nHost: %[1]s\r\n: b\r\n\r\n", 400},
	{"no colon", "GET %[2]s HTTP/1.1\r\nHost: %[1]s\r\nX-A\r\n\r\n", 400},
	{"no host", "GET %[2]s HTTP/1.1\r\nX-A: b\r\n\r\n", 400},
	{"two hosts", "GET %[2]s HTTP/1.1\r\nHost: %[1]s\r\nHost: evil.example.net\r\n\r\n", 400},
	{"ten thousand lines", "GET %[2]s HTTP/1.1\r\nHost: %[1]s\r\n" + strings.Repeat("A: b\r\n", 10_000) + "\r\n", 431},
	{"a line of a hundred thousand bytes", "GET %[2]s HTTP/1.1\r\nHost: %[1]s\r\nA: " + strings.Repeat("b", 100_000) + "\r\n\r\n", 431},
	{"a target of a hundred thousand bytes", "GET %[2]s?" + strings.Repeat("b", 100_000) + " HTTP/1.1\r\nHost: %[1]s\r\n\r\n", 431},
	{"HTTP/0.9", "GET %[2]s\r\n\r\n", 0},
	{"HTTP/2 without an upgrade", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
	{"a version that is none", "GET %[2]s HTTP/1.2\r\nHost: %[1]s\r\n\r\n", 400},
	{"a version in lower case", "GET %[2]s http/1.1\r\nHost: %[1]s\r\n\r\n", 400},
	{"a blank in the target", "GET %[2]s b HTTP/1.1\r\nHost: %[1]s\r\n\r\n", 400},
	{"two requests in a line", "GET %[2]s HTTP/1.1 GET / HTTP/1.1\r\nHost: %[1]s\r\n\r\n", 400},
	{"no version", "GET %[2]s HTTP/\r\nHost: %[1]s\r\n\r\n", 400},
	{"a blank line of bare LF inside", "GET %[2]s HTTP/1.1\nHost: %[1]s\n\x00\n\n", 400},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 400},
}

// answersTo writes bytes to an address and reads answers until the server closes, which
// it must do.
func answersTo(t *testing.T, address, raw string) (answers []answer) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, _ = io.WriteString(conn, raw) // the server may have seen enough before the end
	for reader := bufio.NewReader(conn); ; {
		r, err := http.ReadResponse(reader, nil)
		if err != nil {
			require.NotErrorIs(t, err, http.ErrHandlerTimeout)
			timeout, isNet := err.(net.Error) //nolint:errorlint // it comes as it is
			require.False(t, isNet && timeout.Timeout(), "the connection stays open")
			return answers
		}
		content, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		answers = append(answers, answer{r.StatusCode, r.Header, content})
	}
}

// TestNoRequestIsSmuggledInsideAnother sends to both listeners of a node what could be
// read in two ways, with a request behind it that would change something or be signed.
func TestNoRequestIsSmuggledInsideAnother(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	before := n.db.Contents(t)
	for _, listener := range []struct{ name, address, path, smuggled string }{
		{"public", n.server.PublicAddr(), "/v1/signatures", "GET /v1/signatures?app=" + m.key + "&url=" + crmPage + " HTTP/1.1\r\nHost: h\r\n\r\n"},
		{
			"console", n.server.ConsoleAddr(), "/api/v1/tenants",
			"DELETE /api/v1/tenants/" + m.tenantID + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + n.token + "\r\n\r\n",
		},
	} {
		for _, c := range smuggling {
			raw := strings.NewReplacer("%[1]s", listener.address, "%[2]s", listener.path).Replace(c.raw) + listener.smuggled
			answers := answersTo(t, listener.address, raw)
			require.Len(t, answers, 1, "%s, %s: answers to one request", listener.name, c.name)
			if c.status == 0 { // it is answered as HTTP/1.0 would be, and nothing behind it
				require.Contains(t, []int{400, 401}, answers[0].status, "%s, %s", listener.name, c.name)
				continue
			}
			require.Equal(t, c.status, answers[0].status, "%s, %s: %s", listener.name, c.name, answers[0].body)
			require.Equal(t, "application/problem+json", answers[0].header.Get("Content-Type"), "%s, %s", listener.name, c.name)
			require.NotEmpty(t, answers[0].text(t, "code"))
		}
	}
	require.Equal(t, before, n.db.Contents(t), "nothing is changed")
	require.NotContains(t, n.logs.String(), `"panic"`)
}

// TestARequestInAnotherFormIsTheSameRequest sends forms that are allowed, and that a
// server may not take for another request: the target names the host, or several
// requests come at once.
func TestARequestInAnotherFormIsTheSameRequest(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	for listener, at := range map[string][2]string{"public": {n.server.PublicAddr(), "/v1/signatures?app=nonsense&url=" + crmPage}, "console": {n.server.ConsoleAddr(), "/api/v1/tenants"}} {
		plain := answersTo(t, at[0], fmt.Sprintf("GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", at[1]))
		require.Len(t, plain, 1)
		for _, host := range []string{"h", "evil.example.net", "127.0.0.1:1"} {
			absolute := answersTo(t, at[0], fmt.Sprintf("GET http://%s%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", host, at[1]))
			require.Len(t, absolute, 1, listener)
			require.Equal(t, plain[0].status, absolute[0].status, "%s: %s", listener, absolute[0].body)
			require.Equal(t, plain[0].text(t, "code"), absolute[0].text(t, "code"), listener)
		}
		three := answersTo(t, at[0], strings.Repeat(fmt.Sprintf("GET %s HTTP/1.1\r\nHost: h\r\n\r\n", at[1]), 2)+fmt.Sprintf("GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", at[1]))
		require.Len(t, three, 3, "%s: each has its own answer", listener)
		for _, a := range three {
			require.Equal(t, plain[0].status, a.status)
		}
	}
}
