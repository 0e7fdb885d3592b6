package outbound_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/outbound"
)

// Where an address that a stranger names must not lead: first and last address of each
// network, and an address inside.
var inside = []string{
	"0.0.0.0", "0.0.0.1", "0.255.255.255", "10.0.0.0", "10.1.2.3", "10.255.255.255", "100.64.0.0", "100.100.100.200", "100.127.255.255",
	"127.0.0.0", "127.0.0.1", "127.0.0.53", "127.255.255.255", "169.254.0.0", "169.254.169.254", "169.254.170.2", "169.254.255.255",
	"172.16.0.0", "172.17.0.1", "172.20.10.1", "172.31.255.255", "192.0.0.0", "192.0.0.192", "192.0.0.255", "192.0.2.0", "192.0.2.255",
	"192.31.196.1", "192.52.193.1", "192.88.99.0", "192.88.99.255", "192.168.0.0", "192.168.1.1", "192.168.255.255", "192.175.48.1",
	"198.18.0.0", "198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255", "168.63.129.16",
	"224.0.0.0", "224.0.0.1", "239.255.255.255", "240.0.0.0", "255.255.255.254", "255.255.255.255",

	"::", "::1", "::2", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:192.168.1.1", "::ffff:0.0.0.0",
	"::127.0.0.1", "::10.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1",
	"2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::1", "2001:db8::1", "2001:db8:ffff::1",
	"2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:101::1", "2620:4f:8000::1", "3fff::1", "3fff:fff::1", "5f00::1",
	"fc00::1", "fd00::1", "fd00:ec2::254", "fdff:ffff::1", "fe80::1", "fe80::1%lo", "fe80::a9fe:a9fe", "febf::1", "fec0::1", "ff00::1", "ff02::1", "ff0e::1",
	"4000::1", "8000::1", "1::1", "1fff:ffff::1",
}

var outside = []string{
	"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0",
	"172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
	"203.0.112.255", "203.0.114.0", "223.255.255.255", "::ffff:1.1.1.1",
	"2001:200::1", "2001:4860:4860::8888", "2003::1", "2400:3200::1", "2606:4700:4700::1111", "3ffe::1",
}

func TestWhatAStrangerNamesLeadsToTheInternetAlone(t *testing.T) {
	t.Parallel()
	for _, text := range inside {
		require.False(t, outbound.Allowed(netip.MustParseAddr(text)), text)
	}
	for _, text := range outside {
		require.True(t, outbound.Allowed(netip.MustParseAddr(text)), text)
	}
	require.False(t, outbound.Allowed(netip.Addr{}))
}

func limits() outbound.Limits { return outbound.Limits{Timeout: 2 * time.Second, MaxBytes: 1000} }

// The guard looks at what a name was resolved to, whatever it was written like.
func TestTheGuardLooksAtWhatIsDialled(t *testing.T) {
	t.Parallel()
	reached := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached <- r.Host }))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	get := func(c *http.Client, address string) error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		require.NoError(t, err)
		answer, err := c.Do(r)
		if err == nil {
			require.NoError(t, answer.Body.Close())
		}
		return err
	}
	guarded := outbound.Guarded(limits())
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1"} {
		err := get(guarded, "http://"+host+":"+port+"/")
		require.Error(t, err, host)
		require.NotContains(t, strings.TrimPrefix(err.Error(), "Get "), " 127.0.0.1", "%s: nobody is told what it was resolved to", host)
	}
	err = get(guarded, "http://127.0.0.1:"+port+"/")
	require.ErrorContains(t, err, "its network is not the internet")
	err = get(guarded, "http://1.1.1.1:22/")
	require.ErrorContains(t, err, "its port is neither 80 nor 443")
	require.Empty(t, reached)

	require.NoError(t, get(outbound.Client(limits()), "http://127.0.0.1:"+port+"/"), "who runs Signet may name an internal host")
	require.Len(t, reached, 1)
}

func TestAClientIsBoundedAndGoesNowhereElse(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/reached":
			reached.Store(true)
		case "/elsewhere":
			http.Redirect(w, r, "/reached", http.StatusFound)
		case "/slow":
			select {
			case <-r.Context().Done():
			case <-release:
			}
		default:
			_, _ = w.Write(make([]byte, 1000))
			if r.URL.Path == "/long" {
				_, _ = w.Write([]byte("x"))
			}
		}
	}))
	t.Cleanup(server.Close)
	defer close(release)
	l := limits()
	l.Timeout = 500 * time.Millisecond
	client := outbound.Client(l)
	get := func(path string) (*http.Response, []byte, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		answer, err := client.Do(r)
		if err != nil {
			return nil, nil, err
		}
		defer func() { _ = answer.Body.Close() }()
		body, err := io.ReadAll(answer.Body)
		return answer, body, err
	}
	_, body, err := get("/whole")
	require.NoError(t, err)
	require.Len(t, body, 1000)
	_, body, err = get("/long")
	require.ErrorIs(t, err, outbound.ErrTooLong)
	require.Len(t, body, 1000)
	answer, _, err := get("/elsewhere")
	require.NoError(t, err)
	require.Equal(t, http.StatusFound, answer.StatusCode)
	_, _, err = get("/slow")
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())
	require.False(t, reached.Load())
}

// The variables that name a proxy are read once for a process, by net/http; a client
// that would heed them has a function for it.
func TestNoProxyOfTheEnvironmentIsUsed(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(proxy.Close)
	at, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	for _, client := range []*http.Client{outbound.Client(limits()), outbound.Guarded(limits())} {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://signet.invalid/", nil)
		require.NoError(t, err)
		_, err = client.Do(r)
		var lookup *net.DNSError
		require.ErrorAs(t, err, &lookup, "it looks for the host itself, and not for %s", at.Host)
	}
}

func TestACertificateThatNobodyHasSignedIsRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	l := limits()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	require.NoError(t, err)
	_, err = outbound.Client(l).Do(r)
	require.ErrorContains(t, err, "certificate")
}
