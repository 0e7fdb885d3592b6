package wecom_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

func TestClient_fetches_token_both_tickets_and_agent(t *testing.T) {
	t.Parallel()
	fake := newFake(t, wecomtest.Config{})
	client := newClient(t, fake.URL())
	before := time.Now()

	token, err := client.AccessToken(t.Context(), corp, core.NewSecret(secret))
	require.NoError(t, err)
	corpTicket, err := client.CorpTicket(t.Context(), token.Value)
	require.NoError(t, err)
	agentTicket, err := client.AgentTicket(t.Context(), token.Value)
	require.NoError(t, err)
	found, err := client.Agent(t.Context(), token.Value, agent)
	require.NoError(t, err)

	require.Equal(t, fake.Issued(corp, agent, core.AccessToken), []string{token.Value.Expose()})
	require.Equal(t, fake.Issued(corp, agent, core.CorpTicket), []string{corpTicket.Value.Expose()})
	require.Equal(t, fake.Issued(corp, agent, core.AgentTicket), []string{agentTicket.Value.Expose()})
	require.Equal(t, 7200*time.Second, agentTicket.ExpiresIn)
	require.WithinRange(t, token.ReceivedAt, before, time.Now())
	require.Contains(t, token.ReceivedAt.String(), "m=", "the monotonic clock is kept")
	require.Equal(t, wecom.Agent{AgentID: agent, Name: "客户", Tries: 1}, found)
}

func TestClient_tells_that_an_agent_is_closed(t *testing.T) {
	t.Parallel()
	fake := newFake(t, wecomtest.Config{})
	client := newClient(t, fake.URL())
	token, err := client.AccessToken(t.Context(), corp, core.NewSecret(secret))
	require.NoError(t, err)
	fake.SetClosed(corp, agent, true)

	found, err := client.Agent(t.Context(), token.Value, agent)

	require.NoError(t, err)
	require.True(t, found.Closed)
}

func TestClient_takes_no_other_agent_for_the_one_it_asked_for(t *testing.T) {
	t.Parallel()
	fake := newFake(t, wecomtest.Config{})
	fake.Inject(wecomtest.Fault{Body: `{"errcode":0,"agentid":1000248,"name":"x","close":0}`})

	found, err := newClient(t, fake.URL()).Agent(t.Context(), core.NewSecret("t"), agent)

	require.ErrorContains(t, err, "cannot be used")
	require.Zero(t, found)
}

func TestNew_takes_only_an_address_that_secrets_may_go_to(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"", "https://qyapi.weixin.qq.com", "https://qyapi.weixin.qq.com/", "https://gate.example.com:8443", "HTTPS://gate.example.com",
		"http://localhost:8880", "http://127.0.0.1:1", "http://127.8.9.1", "http://[::1]:9",
	} {
		_, err := wecom.New(wecom.Config{BaseURL: good})
		require.NoError(t, err, good)
	}
	for bad, mend := range map[string]string{
		"http://qyapi.weixin.qq.com":        "https://",
		"http://10.0.0.1":                   "https://",
		"http://localhost.example.com":      "https://",
		"http://127.0.0.1.example.com":      "https://",
		"ftp://localhost":                   "https://",
		"qyapi.weixin.qq.com":               "https://",
		"https://":                          "https://",
		"https:qyapi":                       "https://",
		"https://u:hidden@host.example.com": "remove the user",
		"https://host.example.com/prefix":   "remove the user, path",
		"https://host.example.com?a=b":      "query",
		"https://host.example.com?":         "query",
		"https://host.example.com#f":        "fragment",
		"https://host.example.com:":         "port",
		"https://host.example.com:0":        "port",
		"https://host.example.com:70000":    "port",
		"https://hidden%zz@x":               "https://",
	} {
		_, err := wecom.New(wecom.Config{BaseURL: bad})
		require.ErrorContains(t, err, mend, bad)
		require.NotContains(t, err.Error(), "hidden", "the address is not repeated")
	}
}

func TestClient_sends_neither_referer_nor_cookie_nor_asks_a_proxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	var headers []http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers = append(headers, r.Header)
		http.SetCookie(w, &http.Cookie{Name: "c", Value: "v"})
		_, _ = fmt.Fprint(w, `{"access_token":"t","expires_in":7200}`)
	}))
	defer server.Close()
	client := newClient(t, server.URL)

	for range 2 {
		_, err := client.AccessToken(t.Context(), corp, core.NewSecret(secret))
		require.NoError(t, err)
	}

	require.Len(t, headers, 2)
	for _, h := range headers {
		require.Empty(t, h.Values("Referer"))
		require.Empty(t, h.Values("Cookie"))
		require.Equal(t, "signet", h.Get("User-Agent"))
	}
	// Go never sends loopback to a proxy, so the setting itself is looked at.
	require.Nil(t, client.Transport().Proxy)
}

func TestClient_lets_no_byte_of_an_answer_into_the_log_of_the_program(t *testing.T) {
	var written bytes.Buffer
	log.SetOutput(&written)
	defer log.SetOutput(os.Stderr)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	served := make(chan error, 1)
	go func() {
		served <- func() error {
			conn, err := listener.Accept()
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close() }()
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
				return err
			}
			const answer = `{"access_token":"t","expires_in":7200}`
			_, err = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s%s", len(answer), answer, "CANARYafterTheAnswer")
			if err == nil {
				_, _ = io.Copy(io.Discard, conn) // until the client has hung up
			}
			return err
		}()
	}()

	_, err = newClient(t, "http://"+listener.Addr().String()).AccessToken(t.Context(), corp, core.NewSecret(secret))

	require.NoError(t, err)
	require.NoError(t, <-served)
	require.Empty(t, written.String())
}

func TestClient_never_follows_a_redirect(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var elsewhere atomic.Int32
		target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
		defer target.Close()
		fake := newFake(t, wecomtest.Config{})
		fake.Inject(wecomtest.Fault{Status: status, Header: map[string]string{"Location": target.URL}})

		_, err := newClient(t, fake.URL()).AccessToken(t.Context(), corp, core.NewSecret(secret))

		require.Equal(t, wecom.NoAnswer, asError(t, err).Class, status)
		require.ErrorContains(t, err, "a redirect, which is not followed")
		require.Zero(t, elsewhere.Load())
		require.Equal(t, 1, fake.Count(wecomtest.Filter{}))
	}
}

func TestClient_reads_answers_up_to_64_KiB(t *testing.T) {
	t.Parallel()
	const start, end = `{"access_token":"t","expires_in":7200,"more":"`, `"}`
	for size, works := range map[int]bool{64 << 10: true, 64<<10 + 1: false, 4 << 20: false} {
		fake := newFake(t, wecomtest.Config{})
		fake.Inject(wecomtest.Fault{Body: start + strings.Repeat("x", size-len(start)-len(end)) + end})
		_, err := newClient(t, fake.URL()).AccessToken(t.Context(), corp, core.NewSecret(secret))
		if works {
			require.NoError(t, err, size)
			continue
		}
		require.ErrorContains(t, err, "larger than 64 KiB", size)
	}
}

func TestClient_holds_no_more_connections_than_it_may(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, client, end := inBubble(t, wecom.Config{MaxConns: 2})
		defer end()
		fake.Inject(wecomtest.Fault{Behaviour: wecomtest.Hang})
		results := make(chan error)
		for range 5 {
			go func() {
				_, err := client.AccessToken(t.Context(), corp, core.NewSecret(secret))
				results <- err
			}()
		}
		synctest.Wait()
		require.Equal(t, 2, fake.Count(wecomtest.Filter{}), "three wait for a connection")

		begun := time.Now()
		for range 5 {
			require.ErrorContains(t, <-results, "not whole in time")
		}
		require.Equal(t, wecom.DefaultTimeout, time.Since(begun), "the wait counts as part of the call")
	})
}

func TestClient_gives_up_when_its_caller_does(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, client, end := inBubble(t, wecom.Config{})
		defer end()
		fake.Inject(wecomtest.Fault{Behaviour: wecomtest.Hang})
		ctx, cancel := contextWithCancelAfter(t, time.Second)
		defer cancel()
		begun := time.Now()

		_, err := client.AccessToken(ctx, corp, core.NewSecret(secret))

		require.ErrorIs(t, err, ctx.Err())
		require.ErrorContains(t, err, "the caller gave up")
		require.Equal(t, time.Second, time.Since(begun))
	})
}
