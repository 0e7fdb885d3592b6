package httpapi

import (
	"bytes"
	"net"
	"net/netip"
	"strings"

	"github.com/valyala/fasthttp"
)

// clientAddress gives the address of the client: the peer's, unless the peer is
// a trusted proxy. Then X-Forwarded-For is read from the right, because whatever
// stands left of the last entry that a trusted proxy wrote was sent by the
// client and may be anything.
func clientAddress(fctx *fasthttp.RequestCtx, trusted []netip.Prefix) netip.Addr {
	address := peerAddress(fctx.RemoteAddr())
	if !isTrusted(address, trusted) {
		return address
	}
	var room [4][]byte
	lines := forwardedFor(room[:0], fctx.Request.Header.RawHeaders())
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			var text []byte
			rest, text, more = cutLast(rest)
			entry, ok := parseForwarded(string(text))
			if !ok {
				return address // the last that somebody trusted vouched for
			}
			address = entry
			if !isTrusted(address, trusted) {
				return address
			}
		}
	}
	return address
}

// cutLast parts a list at its last comma; more tells whether there was one.
func cutLast(list []byte) (rest, last []byte, more bool) {
	comma := bytes.LastIndexByte(list, ',')
	if comma < 0 {
		return nil, list, false
	}
	return list[:comma], list[comma+1:], true
}

// NetworkOf gives what is counted as one client: an IPv4 address, or the /64 of
// an IPv6 one, within which a client picks addresses as it likes. An IPv4 address
// written as IPv6 is the IPv4 one, the machine itself is an address alone, and no
// address at all gives the zero Prefix.
func NetworkOf(client netip.Addr) netip.Prefix {
	client = client.Unmap()
	bits := client.BitLen()
	if client.Is6() && !client.IsLoopback() {
		bits = 64
	}
	network, _ := client.Prefix(bits) // fails for no address at all
	return network
}

func peerAddress(addr net.Addr) netip.Addr {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}

func isTrusted(address netip.Addr, trusted []netip.Prefix) bool {
	for _, network := range trusted {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// forwardedFor adds the values of all X-Forwarded-For lines to values, in order.
// It reads the raw header, because fasthttp adds the trailers of a chunked body
// to the parsed one, where a proxy no longer looks.
func forwardedFor(values [][]byte, raw []byte) [][]byte {
	const header = "X-Forwarded-For"
	for len(raw) > 0 {
		line := raw
		if end := bytes.IndexByte(raw, '\n'); end >= 0 {
			line, raw = raw[:end], raw[end+1:]
		} else {
			raw = nil
		}
		if len(line) > len(header) && line[len(header)] == ':' && equalFold(line[:len(header)], header) {
			values = append(values, line[len(header)+1:])
		}
	}
	return values
}

// parseForwarded reads an address as proxies write it: bare, or with a port.
func parseForwarded(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if address, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return address.Unmap().WithZone(""), true
	}
	if both, err := netip.ParseAddrPort(text); err == nil {
		return both.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}
