package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// CheckAddr tells what is wrong with an address to listen on: HOST:PORT, where
// an empty HOST is every address of the machine and PORT 0 a free one. The error
// follows the name of the key or flag that holds the address.
func CheckAddr(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("is %q, which is no address to listen on: write HOST:PORT or :PORT", text)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("is %q: the port should be a number from 0 to 65535", text)
	}
	if host != "" && !isHost(host) {
		return fmt.Errorf("is %q, and %q is neither an IP address nor a name: write HOST:PORT or :PORT", text, host)
	}
	return nil
}

// Collide tells whether two addresses that CheckAddr takes cannot be listened on
// both: they have one port, and one host or every host. Names are compared and
// not looked up.
func Collide(a, b string) bool {
	hostA, portA := splitAddr(a)
	hostB, portB := splitAddr(b)
	return portA == portB && portA != 0 && (hostA == "" || hostB == "" || hostA == hostB)
}

// splitAddr gives host and port in the form in which they can be compared: every
// address of the machine is "".
func splitAddr(text string) (host string, port uint64) {
	host, digits, _ := net.SplitHostPort(text)
	port, _ = strconv.ParseUint(digits, 10, 16)
	if host = strings.ToLower(host); host == "localhost" {
		return "127.0.0.1", port
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return host, port
	case addr.IsUnspecified(): // of either family: Go listens on both
		return "", port
	}
	return addr.Unmap().String(), port
}

func setAddr(to *string, text string) error {
	if err := CheckAddr(text); err != nil {
		return err
	}
	*to = text
	return nil
}

// isHost tells whether text is an IP address or has the form of a name. A name
// whose last part is a number is a mistyped address: browsers and resolvers read
// it as one.
func isHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	const maxLength, maxPart = 253, 63
	parts := strings.Split(strings.TrimSuffix(text, "."), ".")
	for _, part := range parts {
		if part == "" || len(part) > maxPart || strings.ContainsFunc(part, notOfNames) {
			return false
		}
	}
	_, err := strconv.ParseUint(parts[len(parts)-1], 0, 64)
	return err != nil && len(text) <= maxLength
}

func notOfNames(r rune) bool {
	isName := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r >= 0x80
	return !isName
}

// setOrigin takes a scheme, a host and perhaps a port, and nothing else.
func setOrigin(to *string, text string) error {
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.User != nil ||
		parsed.Path != "" && parsed.Path != "/" || strings.ContainsAny(text, "?#"):
		return fmt.Errorf("is %q: write scheme and host as the outside sees them, such as https://signet.example.com", printableURL(text))
	case !isHost(parsed.Hostname()):
		return fmt.Errorf("is %q, and %q is neither an IP address nor a name: write scheme and host, such as https://signet.example.com", text, parsed.Hostname())
	case !portFits(parsed.Host, parsed.Port()):
		return fmt.Errorf("is %q: the port should be a number from 1 to 65535, or left out with its colon", text)
	}
	*to = parsed.Scheme + "://" + parsed.Host
	return nil
}

func portFits(host, port string) bool {
	if port == "" {
		return !strings.HasSuffix(host, ":")
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number != 0
}

func setWeCom(to *string, text string) error {
	var origin string
	if err := setOrigin(&origin, text); err != nil {
		return err
	}
	parsed, err := url.Parse(origin)
	if err != nil || parsed.Scheme != "https" && !loopback(parsed.Hostname()) {
		return fmt.Errorf("is %q: secrets travel there, so it must be https:// (plain http only for a loopback address)", text)
	}
	*to = origin
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// printableURL hides a password that somebody has put into an address where
// none belongs.
func printableURL(text string) string {
	if parsed, err := url.Parse(text); err == nil && parsed.User != nil {
		return parsed.Redacted()
	}
	return text
}

// refuseCollisions compares the listeners. Of two on one address the later is to
// blame, but for one that a flag has moved there; it loses its value, so that
// nothing else is said about it.
func (c *Config) refuseCollisions(found *problems) {
	type listener struct {
		key  string
		addr *string
	}
	listeners := []listener{{PublicAddr, &c.PublicAddr}, {ConsoleAddr, &c.ConsoleAddr}, {MetricsAddr, &c.MetricsAddr}}
	for i, later := range listeners {
		for _, earlier := range listeners[:i] {
			if *later.addr == "" || *earlier.addr == "" || !Collide(*later.addr, *earlier.addr) {
				continue
			}
			blamed, other := later, earlier
			if found.isByFlag(earlier.key) && !found.isByFlag(later.key) {
				blamed, other = earlier, later
			}
			found.add(blamed.key, "is %q, where %s (%q) listens already: give each a port of its own", *blamed.addr, found.name(other.key), *other.addr)
			*blamed.addr = ""
		}
	}
}
