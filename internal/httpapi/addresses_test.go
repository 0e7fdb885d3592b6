package httpapi

import (
	"io"
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/httpapi/httpapitest"
)

func TestTheClientIsWhomTheTrustedProxiesName(t *testing.T) {
	t.Parallel()
	loopback := netip.MustParsePrefix("127.0.0.0/8")
	inner := netip.MustParsePrefix("10.0.0.0/8")
	for _, row := range []struct {
		name      string
		trusted   []netip.Prefix
		forwarded []string
		want      string
	}{
		{"nobody is trusted", nil, []string{"203.0.113.9"}, "127.0.0.1"},
		{"the peer is not trusted", []netip.Prefix{inner}, []string{"203.0.113.9"}, "127.0.0.1"},
		{"a trusted proxy that says nothing", []netip.Prefix{loopback}, nil, "127.0.0.1"},
		{"a trusted proxy", []netip.Prefix{loopback}, []string{"203.0.113.9"}, "203.0.113.9"},
		{"what the client wrote stands on the left", []netip.Prefix{loopback}, []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		{"or on an earlier line", []netip.Prefix{loopback}, []string{"1.1.1.1", "203.0.113.9"}, "203.0.113.9"},
		{"two proxies", []netip.Prefix{loopback, inner}, []string{"1.1.1.1, 203.0.113.9, 10.1.2.3"}, "203.0.113.9"},
		{"proxies alone", []netip.Prefix{loopback, inner}, []string{"10.1.2.4, 10.1.2.3"}, "10.1.2.4"},
		{"with a port", []netip.Prefix{loopback}, []string{"203.0.113.9:4711"}, "203.0.113.9"},
		{"IPv6", []netip.Prefix{loopback}, []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv6 with a port", []netip.Prefix{loopback}, []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		{"IPv4 in IPv6", []netip.Prefix{loopback}, []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"no address", []netip.Prefix{loopback}, []string{"203.0.113.9, unknown"}, "127.0.0.1"},
		{"no address behind a proxy", []netip.Prefix{loopback, inner}, []string{"<script>, 10.1.2.3"}, "10.1.2.3"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			app, _ := newApp(t, func(c *Config) { c.TrustedProxies = row.trusted })
			request, err := http.NewRequest("GET", "http://"+httpapitest.Serve(t, app)+"/client", nil)
			require.NoError(t, err)
			for _, line := range row.forwarded {
				request.Header.Add("X-Forwarded-For", line)
			}
			r, err := httpapitest.Client(t).Do(request)
			require.NoError(t, err)
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.NoError(t, r.Body.Close())
			require.Equal(t, row.want, string(body))
		})
	}
}

func TestAClientIsAnIPv4AddressOrTheNetworkOfAnIPv6One(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"203.0.113.9":          "203.0.113.9/32",
		"::ffff:203.0.113.9":   "203.0.113.9/32",
		"127.0.0.1":            "127.0.0.1/32",
		"2001:db8:1:2::1":      "2001:db8:1:2::/64",
		"2001:db8:1:2:f:f:f:f": "2001:db8:1:2::/64",
		"2001:db8:1:3::1":      "2001:db8:1:3::/64",
		"fe80::1%eth0":         "fe80::/64",
		"::ffff:127.0.0.1":     "127.0.0.1/32",
		"::1":                  "::1/128",
		"::2":                  "::/64",
	} {
		require.Equal(t, netip.MustParsePrefix(want), NetworkOf(netip.MustParseAddr(address)), address)
	}
	require.Equal(t, netip.Prefix{}, NetworkOf(netip.Addr{}))
}

func TestTheTrailersOfABodyNameNoClient(t *testing.T) {
	t.Parallel()
	app, book := newApp(t, func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	exchange(t, httpapitest.Serve(t, app), "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Forwarded-For: 203.0.113.9\r\n"+
		"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n{\"name\":\"a\"}\r\n0\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n")
	require.Equal(t, "203.0.113.9", book.Lines(t, 1)[0]["client"])
}
