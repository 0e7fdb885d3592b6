package signing

import (
	"strconv"
	"strings"

	"signet/internal/core"
	"signet/internal/fault"
)

// Page is an address that already is what a browser reports as location.href,
// without its fragment. Nothing in it was ever rewritten: what was received is
// what is signed. The zero Page is no page; make one with ParsePage.
type Page struct {
	text   string // what is signed
	origin string // scheme://host[:port], the beginning of text
	host   string // host[:port], the end of origin
}

const (
	maxPageLength = 2048     // of what is signed
	maxHrefLength = 16 << 10 // of what is sent, with the fragment of a page that keeps its route there
	secure        = "https://"
	insecure      = "http://"
)

// ParsePage reads the address of a page. It compares and never normalises: an
// address that a browser would write in any other way is refused, and from the
// first "#" on it is cut. Whether the host is trusted is not asked here.
//
// It fails with fault.URLMissing for "" and with fault.URLInvalid, whose reason
// says what is wrong with the address. The Page shares the memory of text, so
// text must not change afterwards. A page costs no allocation.
//
// The rule is the design's (section 6), measured against browsers. Bytes
// such as { } < > " ^ ` may stand unescaped in path and query, because web
// views differ there; they cannot move the host.
func ParsePage(text string, allowHTTP bool) (Page, error) {
	if text == "" {
		return Page{}, fault.New(fault.URLMissing, nil)
	}
	href := text
	text, _, _ = strings.Cut(href, "#")
	if len(text) > maxPageLength || len(href) > maxHrefLength {
		return Page{}, invalid(fault.ReasonURLLong, fault.Args{"max": strconv.Itoa(maxPageLength)})
	}
	for i := range len(href) {
		if c := href[i]; c <= ' ' || c >= 0x7F {
			return Page{}, explainByte(c, i)
		}
	}

	scheme, defaultPort := secure, "443"
	if !strings.HasPrefix(text, secure) {
		if !allowHTTP || !strings.HasPrefix(text, insecure) {
			return Page{}, explainScheme(text)
		}
		scheme, defaultPort = insecure, "80"
	}
	slash := strings.IndexByte(text[len(scheme):], '/')
	if slash < 0 {
		return Page{}, explainAuthority(text[len(scheme):], fault.ReasonURLPathMissing, nil)
	}
	end := len(scheme) + slash
	authority := text[len(scheme):end]
	name, port, hasPort := strings.Cut(authority, ":")
	if reason, args := core.CheckHostname(name); reason != "" {
		return Page{}, explainAuthority(authority, reason, args)
	}
	if hasPort {
		if reason := core.CheckPort(port); reason != "" {
			return Page{}, explainAuthority(authority, reason, nil)
		}
		if port == defaultPort {
			return Page{}, invalid(fault.ReasonPortDefault, fault.Args{"port": port})
		}
	}
	if reason := checkPath(text[end:]); reason != "" {
		return Page{}, invalid(reason, nil)
	}
	return Page{text: text, origin: text[:end], host: authority}, nil
}

// claimedHost gives the host that an address is meant for, whatever else is wrong
// with it, so that what is wrong can be told by the app of that host. It is the
// Host of every address that is a page, and it admits none that is not.
func claimedHost(href string) string {
	_, rest, _ := strings.Cut(href, "://")
	if end := strings.IndexAny(rest, `/?#\`); end >= 0 {
		rest = rest[:end]
	}
	return strings.ToLower(rest)
}

// String is the address byte for byte as it is signed.
func (p Page) String() string { return p.text }

// Host is the host, with ":port" behind it unless the port is the scheme's
// default; what core.Host.Matches takes.
func (p Page) Host() string { return p.host }

// HasOrigin tells whether origin, as a browser sends it in the header of that
// name, is the origin of the page. It does not allocate.
func (p Page) HasOrigin(origin string) bool { return p.origin != "" && p.origin == origin }

// checkPath reads rest, which begins with "/", up to the query.
func checkPath(rest string) fault.Reason {
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '?':
			return ""
		case '\\':
			return fault.ReasonURLBackslash
		case '/':
			if beginsWithDots(rest[i+1:]) {
				return fault.ReasonURLDotSegment
			}
		}
	}
	return ""
}

// beginsWithDots tells whether the first segment of path reads as "." or "..";
// a browser takes %2e and %2E for a dot there.
func beginsWithDots(path string) bool {
	dots := 0
	for path != "" {
		switch {
		case path[0] == '.':
			path = path[1:]
		case len(path) >= 3 && path[0] == '%' && path[1] == '2' && path[2]|0x20 == 'e':
			path = path[3:]
		case path[0] == '/' || path[0] == '?':
			return dots == 1 || dots == 2
		default:
			return false
		}
		dots++
	}
	return dots == 1 || dots == 2
}

func invalid(reason fault.Reason, args fault.Args) error {
	return fault.New(fault.URLInvalid, args).WithReason(reason)
}

// explainByte tells of a byte that no browser leaves in an address.
func explainByte(c byte, at int) error {
	reason := fault.ReasonURLBlank
	if c >= 0x80 {
		reason = fault.ReasonURLNotASCII
	}
	return invalid(reason, fault.Args{"at": strconv.Itoa(at + 1)})
}

// explainScheme tells why an address does not begin as it should.
func explainScheme(text string) error {
	begins := func(prefix string) bool {
		return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
	}
	switch {
	case strings.HasPrefix(text, insecure):
		return invalid(fault.ReasonURLHTTP, nil)
	case begins(secure), begins(insecure):
		return invalid(fault.ReasonURLSchemeCase, nil)
	case begins("https%3a"), begins("http%3a"):
		return invalid(fault.ReasonURLEncoded, nil)
	case begins("https:"), begins("http:"):
		return invalid(fault.ReasonURLSlashes, nil)
	}
	return invalid(fault.ReasonURLScheme, nil)
}

// explainAuthority tells why what stands before the path is no host and port.
// A sign that says more about the mistake than reason does goes first.
func explainAuthority(authority string, reason fault.Reason, args fault.Args) error {
	before, _, _ := strings.Cut(authority, "?")
	switch {
	case strings.Contains(before, "@"):
		return invalid(fault.ReasonURLUserinfo, nil)
	case strings.Contains(before, `\`):
		return invalid(fault.ReasonURLBackslash, nil)
	case before != authority:
		return invalid(fault.ReasonURLPathMissing, nil)
	case authority == "" && reason == fault.ReasonURLPathMissing: // "https://" and no more
		return invalid(fault.ReasonHostMissing, nil)
	case authority == "": // "https:///host/"
		return invalid(fault.ReasonURLSlashes, nil)
	case strings.Contains(authority, "%"):
		return invalid(fault.ReasonURLHostPercent, nil)
	case strings.ContainsAny(authority, "[]"):
		return invalid(fault.ReasonHostIP, nil)
	}
	return invalid(reason, args)
}
