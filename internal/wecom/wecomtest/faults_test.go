package wecomtest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// start makes a fake that listens, with the app sales.
func start(t *testing.T) (*wecomtest.Server, *http.Client) {
	t.Helper()
	s := wecomtest.Start(t, wecomtest.Config{})
	s.AddApp(sales)
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 1 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s, client
}

func fetch(ctx context.Context, s *wecomtest.Server, client *http.Client) (status int, body string, err error) {
	query := url.Values{"corpid": {string(sales.Corp)}, "corpsecret": {sales.Secret}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"/cgi-bin/gettoken?"+query.Encode(), nil)
	if err != nil {
		return 0, "", err
	}
	response, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

func TestFault_hangs_calls_until_they_are_released(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.Inject(wecomtest.Fault{Behaviour: wecomtest.Hang, Times: 3})
	errs := make(chan error, 3)
	for range 3 {
		go func() {
			_, _, err := fetch(t.Context(), s, client)
			errs <- err
		}()
	}
	require.NoError(t, s.AwaitHanging(t.Context(), 3))
	require.Empty(t, errs)
	require.Equal(t, 3, s.Count(wecomtest.Filter{}), "a call is logged when it arrives")
	s.Release()
	for range 3 {
		require.NoError(t, <-errs)
	}
	_, _, err := fetch(t.Context(), s, client)
	require.NoError(t, err, "used up")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.AwaitHanging(ctx, 1), context.Canceled)
}

func TestFault_lets_a_hanging_call_go_when_the_fake_ends(t *testing.T) {
	t.Parallel()
	s := wecomtest.New(wecomtest.Config{})
	s.Inject(wecomtest.Fault{Behaviour: wecomtest.Hang})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served, called := make(chan error, 1), make(chan error, 1)
	go func() { served <- s.Serve(ctx, listener) }()
	go func() {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err == nil {
			_, err = io.WriteString(conn, "GET /cgi-bin/gettoken HTTP/1.1\r\nHost: x\r\n\r\n")
			err = errors.Join(err, conn.SetReadDeadline(time.Now().Add(time.Minute)))
			_, _ = io.ReadAll(conn)
			err = errors.Join(err, conn.Close())
		}
		called <- err
	}()
	require.NoError(t, s.AwaitHanging(t.Context(), 1))
	cancel()
	require.NoError(t, <-served)
	require.NoError(t, <-called)
	require.Equal(t, "http://"+listener.Addr().String(), s.URL())
}

// oneConn listens for one connection, which is there already.
type oneConn struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *oneConn) Close() error   { close(l.closed); return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

func TestServe_waits_for_the_calls_that_it_began(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		s := wecomtest.New(wecomtest.Config{Caller: func(*http.Request) netip.Addr {
			<-leave
			return netip.IPv4Unspecified()
		}})
		ours, theirs := net.Pipe()
		listener := &oneConn{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
		listener.conns <- theirs
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx, listener) }()
		_, err := io.WriteString(ours, "GET /cgi-bin/gettoken HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)

		synctest.Wait()
		cancel()
		synctest.Wait()
		require.Empty(t, served, "a call is inside")
		close(leave)
		require.NoError(t, <-served)
		require.NoError(t, ours.Close())
	})
}

func TestFault_breaks_connections(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	for behaviour, want := range map[wecomtest.Behaviour]func(int, string, error) bool{
		wecomtest.Reset:    func(status int, _ string, err error) bool { return status == 0 && err != nil },
		wecomtest.ResetMid: func(_ int, _ string, err error) bool { return err != nil },
		wecomtest.Truncate: func(status int, body string, err error) bool {
			return status == 200 && body != "" && errors.Is(err, io.ErrUnexpectedEOF)
		},
		wecomtest.Empty: func(status int, body string, err error) bool { return status == 200 && body == "" && err == nil },
	} {
		s.Inject(wecomtest.Fault{Behaviour: behaviour, Times: 1})
		status, body, err := fetch(t.Context(), s, client)
		require.True(t, want(status, body, err), "%s: %d %q %v", behaviour, status, body, err)
	}
}

func TestFault_drips(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.Inject(wecomtest.Fault{Behaviour: wecomtest.Drip, Delay: time.Microsecond, Times: 1})
	status, body, err := fetch(t.Context(), s, client)
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Contains(t, body, "access_token", "in the end it is whole")

	s.Inject(wecomtest.Fault{Behaviour: wecomtest.HeaderDrip, Delay: time.Microsecond, Times: 1})
	_, _, err = fetch(t.Context(), s, client)
	require.Error(t, err, "a header that never ends")
}

func TestFault_changes_what_it_names_and_nothing_else(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	s.Inject(wecomtest.Fault{API: wecom.GetCorpTicket, Corp: sales.Corp, Agent: sales.Agent, Value: new("a&b"), ExpiresIn: "5"})
	token := tokenOf(t, s, sales)
	bent := ticketOf(t, s, core.CorpTicket, token)
	require.Equal(t, "a&b", bent.Ticket)
	require.Equal(t, 5, bent.ExpiresIn)
	require.Equal(t, 7200, ticketOf(t, s, core.AgentTicket, token).ExpiresIn, "another call")
	require.Equal(t, 7200, ticketOf(t, s, core.CorpTicket, tokenOf(t, s, support)).ExpiresIn, "another app")
	require.Equal(t, 7200, ticketOf(t, s, core.CorpTicket, tokenOf(t, s, other)).ExpiresIn, "another corp")
	s.ClearFaults()
	require.NotEqual(t, "a&b", ticketOf(t, s, core.CorpTicket, token).Ticket)
	require.NotContains(t, s.Issued(sales.Corp, sales.Agent, core.CorpTicket), "a&b")
}

func TestFault_that_replaces_the_answer_leaves_no_value_behind(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	s.Inject(wecomtest.Fault{Errcode: 45033, Times: 1})
	require.Equal(t, 45033, ask(t, s, wecom.GetToken, "corpid", string(sales.Corp), "corpsecret", sales.Secret).Errcode)
	require.Empty(t, s.Issued(sales.Corp, sales.Agent, core.AccessToken))
}

func TestFault_can_show_every_number_of_the_notes(t *testing.T) {
	t.Parallel()
	s, _ := newFake(func(c *wecomtest.Config) { c.Limits.WrongCalls = 1000 })
	for _, errcode := range wecom.Errcodes() {
		s.Inject(wecomtest.Fault{Errcode: errcode, Times: 1})
		a := ask(t, s, wecom.GetToken, "corpid", string(sales.Corp), "corpsecret", sales.Secret)
		require.Equal(t, errcode, a.Errcode)
		require.Contains(t, a.Errmsg, ", from ip: 192.0.2.1, more info at https://open.work.weixin.qq.com/devtool/query?e=")
	}
}
