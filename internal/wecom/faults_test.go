package wecom_test

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"golang.org/x/net/dns/dnsmessage"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/papers"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// outcome is what a row of the list of upstream faults must come to, as far
// as the client goes: breakers, budgets and alerts are the room ticket's.
type outcome struct {
	errcode int
	class   wecom.Class // "": the value is used
	code    fault.Code
	text    string // in the error
	calls   int    // 0: the fake does not see them
	wait    time.Duration
}

func used(calls int) outcome { return outcome{calls: calls} }

func refused(errcode int, class wecom.Class, code fault.Code) outcome {
	return outcome{errcode: errcode, class: class, code: code, text: fmt.Sprint("errcode ", errcode), calls: 1}
}

func noAnswer(calls int, text string) outcome {
	return outcome{class: wecom.NoAnswer, code: fault.WeComUnavailable, text: text, calls: calls}
}

func (o outcome) after(wait time.Duration) outcome { o.wait = wait; return o }

// outcomes holds every row by its id, for gettoken.
var outcomes = map[string]outcome{
	"ok":               used(1),
	"errcode-40001":    refused(40001, wecom.Configure, fault.SecretRejected),
	"40091":            refused(40091, wecom.Configure, fault.SecretRejected),
	"60020":            refused(60020, wecom.Configure, fault.IPRefused),
	"45009":            refused(45009, wecom.BackOff, fault.WeComQuota).after(time.Hour),
	"45033":            refused(45033, wecom.BackOff, fault.WeComUnavailable),
	"-1":               {errcode: -1, class: wecom.BackOff, code: fault.WeComUnavailable, text: "system busy", calls: 3},
	"50001/50002":      refused(50001, wecom.Configure, fault.WeComUnavailable),
	"unknown-errcode":  refused(99999, wecom.Unknown, fault.WeComUnavailable),
	"expires-0":        noAnswer(1, "cannot be used"),
	"expires-huge":     used(1),
	"expires-string":   used(1),
	"ticket-empty":     noAnswer(1, "cannot be used"),
	"ticket-ampersand": noAnswer(1, "cannot be used"),
	"ticket-1MiB":      noAnswer(1, "larger than 64 KiB"),
	"json-array":       noAnswer(1, "not the JSON"),
	"json-dup":         noAnswer(1, "not the JSON"),
	"json-deep":        noAnswer(1, "larger than 64 KiB"),
	"bom":              noAnswer(1, "not the JSON"),
	"truncated":        noAnswer(2, "cut off"),
	"chunk-drip":       noAnswer(1, "not whole in time"),
	"accept-no-reply":  noAnswer(1, "not whole in time"),
	"header-drip":      noAnswer(1, "not whole in time"),
	"reset-mid":        noAnswer(2, ""),
	"refused":          noAnswer(0, "connection refused"),
	"dns-nxdomain":     noAnswer(0, "name was not resolved"),
	"dns-private":      noAnswer(0, "an address that is not public"),
	"tls-selfsigned":   noAnswer(0, "certificate is not trusted"),
	"tls-wrong-host":   noAnswer(0, "certificate is not trusted"),
	"tls-1.0":          noAnswer(0, "no TLS of version 1.2"),
	"redirect-302":     noAnswer(1, "a redirect"),
	"http-500":         noAnswer(1, "status 500"),
	"http-502-html":    noAnswer(1, "status 502"),
	"http-429":         {class: wecom.BackOff, code: fault.WeComQuota, text: "status 429", calls: 1, wait: 30 * time.Second},
	"http-503-ra-huge": noAnswer(1, "status 503").after(time.Hour),
	"clock-skew-date":  used(1),
}

// ofTicket holds the rows that mean something else to a ticket fetch.
var ofTicket = map[string]outcome{
	"errcode-40001": refused(40001, wecom.Refresh, fault.WeComUnavailable),
	"40091":         refused(40091, wecom.Configure, fault.WeComUnavailable),
}

func TestFaults_of_the_list_are_all_accounted_for(t *testing.T) {
	t.Parallel()
	var list struct {
		Rows []struct {
			ID string `json:"id"`
		} `json:"rows"`
	}
	require.NoError(t, json.Unmarshal(papers.Read(t, "testdata/wecom-upstream-faults.json"), &list))
	var ids, ours []string
	for _, row := range list.Rows {
		ids = append(ids, row.ID)
	}
	for id := range outcomes {
		ours = append(ours, id)
	}
	require.ElementsMatch(t, ids, ours)
}

func TestFaults_end_as_they_must(t *testing.T) {
	t.Parallel()
	for id, want := range outcomes {
		for _, api := range []wecom.API{wecom.GetToken, wecom.GetCorpTicket, wecom.GetAgentTicket} {
			want := want
			if special, ok := ofTicket[id]; ok && api != wecom.GetToken {
				want = special
			}
			t.Run(id+" "+string(api), func(t *testing.T) {
				t.Parallel()
				switch upstream, ok := wecomtest.FindFault(id); {
				case upstream.Delay > 0 || upstream.Behaviour == wecomtest.Hang:
					synctest.Test(t, func(t *testing.T) {
						begun := time.Now()
						fake, client, end := inBubble(t, wecom.Config{})
						defer end()
						check(t, want, fake, meet(t, fake, client, upstream, api))
						require.Equal(t, 3*time.Second, time.Since(begun), "the deadline holds for the call as a whole")
					})
				case ok:
					fake := newFake(t, wecomtest.Config{})
					check(t, want, fake, meet(t, fake, newClient(t, fake.URL()), upstream, api))
				default:
					check(t, want, nil, call(t, unreachable(t, id), api, core.NewSecret(canaryToken)))
				}
			})
		}
	}
}

const canaryToken = "CANARYaccess_token_tttttttttttttttttttttttt"

// meet lays the fault over the API and makes the call.
func meet(t *testing.T, fake *wecomtest.Server, client *wecom.Client, upstream wecomtest.Fault, api wecom.API) error {
	t.Helper()
	token, err := client.AccessToken(t.Context(), corp, core.NewSecret(secret))
	require.NoError(t, err)
	fake.ForgetCalls()
	upstream.API = api
	fake.Inject(upstream)
	return call(t, client, api, token.Value)
}

func call(t *testing.T, client *wecom.Client, api wecom.API, token core.Secret) error {
	t.Helper()
	var grant wecom.Grant
	var err error
	switch api {
	case wecom.GetToken:
		grant, err = client.AccessToken(t.Context(), corp, core.NewSecret(secret))
	case wecom.GetCorpTicket:
		grant, err = client.CorpTicket(t.Context(), token)
	case wecom.GetAgentTicket:
		grant, err = client.AgentTicket(t.Context(), token)
	}
	if err != nil {
		require.Equal(t, wecom.Grant{}, grant, "no half of a value")
		requireSilent(t, err, token.Expose())
		return err
	}
	require.GreaterOrEqual(t, grant.ExpiresIn, 7190*time.Second)
	require.LessOrEqual(t, grant.ExpiresIn, 7200*time.Second)
	require.WithinDuration(t, time.Now(), grant.ReceivedAt, time.Minute, "by our clock alone")
	return nil
}

func check(t *testing.T, want outcome, fake *wecomtest.Server, err error) {
	t.Helper()
	if fake != nil {
		require.Equal(t, want.calls, fake.Count(wecomtest.Filter{}))
	}
	if want.class == "" {
		require.NoError(t, err)
		return
	}
	e := asError(t, err)
	require.Equal(t, want.errcode, e.Errcode)
	require.Equal(t, want.class, e.Class)
	require.ErrorContains(t, err, want.text)
	public := wecom.Fault(err)
	require.Equal(t, want.code, public.Code)
	require.Positive(t, public.RetryAfter)
	if want.wait != 0 {
		require.Equal(t, want.wait, public.RetryAfter)
	}
}

// requireSilent looks for what must not be seen, in every form, in the error,
// in all that it wraps and in what the outside is told.
func requireSilent(t *testing.T, err error, token string) {
	t.Helper()
	public := wecom.Fault(err)
	texts := []string{public.Error(), public.Detail(fault.Chinese), public.Detail(fault.English)}
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		texts = append(texts, fmt.Sprintf("%v|%+v|%#v|%s|%q", inner, inner, inner, inner, inner))
	}
	text := strings.Join(texts, "\n")
	for _, hidden := range []string{secret, token} {
		sum := sha1.Sum([]byte(hidden))
		for _, form := range []string{
			hidden, hidden[:12], url.QueryEscape(hidden), hex.EncodeToString([]byte(hidden)), hex.EncodeToString(sum[:]),
			base64.StdEncoding.EncodeToString([]byte(hidden)), base64.URLEncoding.EncodeToString([]byte(hidden)),
		} {
			require.NotContains(t, text, form)
		}
	}
	for _, foreign := range []string{"127.0.0.1", "localhost", "wecom.invalid", "cgi-bin", "corpsecret", "access_token", "http://", "https://", "hint", "more info"} {
		require.NotContains(t, strings.ReplaceAll(text, `IP:"127.0.0.1"`, ""), foreign)
	}
}

// unreachable gives a client of a WeCom that cannot be talked to at all.
func unreachable(t *testing.T, id string) *wecom.Client {
	t.Helper()
	switch id {
	case "refused":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		return newClient(t, "http://"+listener.Addr().String())
	case "dns-nxdomain", "dns-private":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		accepted := make(chan error, 1)
		go func() {
			_, err := listener.Accept()
			accepted <- err
		}()
		t.Cleanup(func() {
			_ = listener.Close()
			require.ErrorIs(t, <-accepted, net.ErrClosed, "nobody connected")
		})
		var answer []net.IP
		if id == "dns-private" {
			answer = []net.IP{{127, 0, 0, 1}, {10, 0, 0, 1}, {169, 254, 169, 254}}
		}
		port := listener.Addr().(*net.TCPAddr).Port
		return newClient(t, fmt.Sprintf("https://wecom.invalid:%d", port), func(c *wecom.Config) { c.Resolver = nameServer(t, answer) })
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"access_token":"t","ticket":"t","expires_in":7200}`)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	base := func() string { return server.URL }
	trusted := func(c *wecom.Config) {
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AddCert(server.Certificate())
	}
	changes := []func(*wecom.Config){trusted}
	switch id {
	case "tls-selfsigned":
		changes = nil
	case "tls-wrong-host": // the certificate names 127.0.0.1 and not localhost
		base = func() string { return strings.Replace(server.URL, "127.0.0.1", "localhost", 1) }
	case "tls-1.0":
		server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}
	default:
		t.Fatalf("nothing shows the fault %s", id)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return newClient(t, base(), changes...)
}

func TestClient_talks_TLS_to_whom_it_trusts(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"access_token":"t","expires_in":7200}`)
		}))
		server.TLS = &tls.Config{MinVersion: version, MaxVersion: version}
		server.StartTLS()
		t.Cleanup(server.Close)
		client := newClient(t, server.URL, func(c *wecom.Config) {
			c.RootCAs = x509.NewCertPool()
			c.RootCAs.AddCert(server.Certificate())
		})
		_, err := client.AccessToken(t.Context(), corp, core.NewSecret(secret))
		require.NoError(t, err)
	}
}

// Header lines are read before anybody can tell how many there will be.
func TestClient_does_not_read_a_flood_of_header_lines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lines int
		used  bool
	}{{10, true}, {64, false}, {5000, false}} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for i := range c.lines {
				w.Header().Set(fmt.Sprint("X-Line-", i), strings.Repeat("x", 1<<10))
			}
			_, _ = io.WriteString(w, `{"access_token":"t","expires_in":7200}`)
		}))
		t.Cleanup(server.Close)
		_, err := newClient(t, server.URL).AccessToken(t.Context(), corp, core.NewSecret(secret))
		if c.used {
			require.NoError(t, err)
			continue
		}
		require.Error(t, err, "%d KiB of header were read", c.lines)
		require.Equal(t, wecom.NoAnswer, asError(t, err).Class)
		requireSilent(t, err, canaryToken)
	}
}

// nameServer resolves every name to the addresses, or to none.
func nameServer(t *testing.T, addresses []net.IP) *net.Resolver {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() { _ = socket.Close(); <-done })
	go func() {
		defer close(done)
		packet := make([]byte, 1500)
		for {
			n, from, err := socket.ReadFrom(packet)
			if err != nil {
				return
			}
			if reply, err := resolve(packet[:n], addresses); err == nil {
				_, _ = socket.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
}

func resolve(packet []byte, addresses []net.IP) ([]byte, error) {
	var message dnsmessage.Message
	if err := message.Unpack(packet); err != nil {
		return nil, err
	}
	message.Response, message.Additionals = true, nil
	if len(addresses) == 0 {
		message.RCode = dnsmessage.RCodeNameError
		return message.Pack()
	}
	for _, q := range slices.Clip(message.Questions) {
		for _, ip := range addresses {
			if q.Type == dnsmessage.TypeA {
				message.Answers = append(message.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: [4]byte(ip.To4())},
				})
			}
		}
	}
	return message.Pack()
}
