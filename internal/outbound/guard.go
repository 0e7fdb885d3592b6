package outbound

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"
)

// global is the one part of IPv6 that is given out to the internet (RFC 4291, IANA).
var global = netip.MustParsePrefix("2000::/3")

// refused lists the networks that an address named by a stranger may not lead into:
// those of the special-purpose registries of IANA (RFC 6890), those that carry an IPv4
// address inside, and what clouds answer at.
var refused = networks(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
	"192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32", // where Azure's machines find their platform
	"2001::/23",        // Teredo, benchmarks, ORCHID and the rest of the special block
	"2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48",
)

func networks(list ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(list))
	for n, text := range list {
		parsed[n] = netip.MustParsePrefix(text)
	}
	return parsed
}

// Allowed tells whether an address that a stranger has named may be spoken to.
func Allowed(addr netip.Addr) bool {
	if addr.Zone() != "" {
		return false
	}
	addr = addr.Unmap()
	if !addr.IsValid() || addr.Is6() && !global.Contains(addr) {
		return false
	}
	for _, network := range refused {
		if network.Contains(addr) {
			return false
		}
	}
	return true
}

// control is called for every address that is about to be dialled, after its name was
// resolved: what a name says a moment later does not matter.
func control(network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	switch {
	case !strings.HasPrefix(network, "tcp"), err != nil:
		return refusedError("it is no address of TCP")
	case !Allowed(at.Addr()):
		return refusedError("its network is not the internet")
	case at.Port() != 80 && at.Port() != 443:
		return refusedError("its port is neither 80 nor 443")
	}
	return nil
}

// refusedError says why nobody was called. It names no address: whoever asked has
// named one, and must not learn what it was resolved to.
type refusedError string

// Error implements error.
func (e refusedError) Error() string { return fmt.Sprintf("the address is not called: %s", string(e)) }
