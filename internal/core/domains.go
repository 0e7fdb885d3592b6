package core

import (
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"signet/internal/fault"
)

// TrustedDomain is a host whose pages an app signs.
type TrustedDomain struct {
	ID        DomainID
	AppID     AppID
	Host      Host
	CreatedAt time.Time
}

// Host is a trusted domain as it is stored and compared: lower-case punycode,
// "*." before it if it covers every host below, ":port" behind it if the port
// is not the scheme's default. Make one with ParseHost.
type Host string

const (
	wildcard       = "*."
	maxHostLength  = 253 // RFC 1035 2.3.4, without the length bytes
	maxLabelLength = 63
	maxEntryLength = 1024 // a host in Unicode; to map a longer text takes time that grows with its square
)

// browserIDNA maps names as browsers do (WHATWG URL, "domain to ASCII"):
// UTS-46, non-transitional, with the rules for joiners and for bidirectional
// text, without those for hyphens and for ASCII symbols. CheckHostname looks
// after the latter.
var browserIDNA = idna.New(
	idna.MapForLookup(),
	idna.Transitional(false),
	idna.StrictDomainName(false),
	idna.CheckHyphens(false),
	idna.CheckJoiners(true),
	idna.BidiRule(),
)

// ParseHost reads a trusted domain as an administrator enters it: in Unicode or
// in punycode, in any case, with blanks round it, with "*." before and ":port"
// behind if wanted. It fails with fault.RequestInvalid pointing at pointer; the
// reason names what is wrong, and no part of what was pasted along with a host
// is dropped in silence.
//
// A public suffix under ICANN's rules (com.cn) is nobody's host and is refused;
// one that a company keeps for its customers (github.io) is a site as well and
// is taken. A wildcard over either is refused, also where each name below the
// host is a public suffix of its own.
func ParseHost(pointer, text string) (Host, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxEntryLength {
		return "", fault.InvalidField(pointer, fault.ReasonHostLong, nil)
	}
	if reason := findForeignPart(text); reason != "" {
		return "", fault.InvalidField(pointer, reason, nil)
	}
	name, port, hasPort := strings.Cut(text, ":")
	name, isWildcard := strings.CutPrefix(name, wildcard)
	if strings.Contains(name, "*") {
		return "", fault.InvalidField(pointer, fault.ReasonDomainWildcard, nil)
	}
	if name == "" {
		return "", fault.InvalidField(pointer, fault.ReasonHostMissing, nil)
	}
	name, err := browserIDNA.ToASCII(name)
	if err != nil {
		return "", fault.InvalidField(pointer, fault.ReasonDomainIDN, nil)
	}
	if reason, args := CheckHostname(name); reason != "" {
		return "", fault.InvalidField(pointer, reason, args)
	}
	if reason, args := checkSuffix(name, isWildcard); reason != "" {
		return "", fault.InvalidField(pointer, reason, args)
	}
	if isWildcard {
		name = wildcard + name
	}
	if !hasPort {
		return Host(name), nil
	}
	if reason := CheckPort(port); reason != "" {
		return "", fault.InvalidField(pointer, reason, nil)
	}
	if port == "443" || port == "80" {
		return "", fault.InvalidField(pointer, fault.ReasonPortDefault, fault.Args{"port": port})
	}
	return Host(name + ":" + port), nil
}

// findForeignPart tells what stands in text besides a host and a port.
func findForeignPart(text string) fault.Reason {
	if !utf8.ValidString(text) {
		return fault.ReasonDomainIDN
	}
	for _, r := range text {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return fault.ReasonDomainBlank
		}
		if r == 'ẞ' { // "ss" until Unicode 15.0, "ß" since: browsers differ
			return fault.ReasonDomainIDN
		}
	}
	switch {
	case strings.Contains(text, "://"):
		return fault.ReasonDomainScheme
	case strings.Contains(text, "@"):
		return fault.ReasonDomainUserinfo
	case strings.ContainsAny(text, `/\?#`):
		if _, err := netip.ParsePrefix(text); err == nil {
			return fault.ReasonHostIP
		}
		return fault.ReasonDomainPath
	case strings.ContainsAny(text, "[]"):
		return fault.ReasonHostIP
	case strings.Count(text, ":") > 1:
		if _, err := netip.ParseAddr(text); err == nil {
			return fault.ReasonHostIP
		}
		return fault.ReasonPort
	}
	return ""
}

// checkSuffix tells whether a host, or what a wildcard over it covers, belongs
// to more than one owner. An unlisted top-level domain counts as a suffix only
// by itself, and a single label was refused before.
func checkSuffix(name string, isWildcard bool) (fault.Reason, fault.Args) {
	suffix, icann := publicsuffix.PublicSuffix(name)
	switch {
	case !isWildcard && icann && suffix == name:
		return fault.ReasonDomainSuffix, fault.Args{"suffix": name}
	case isWildcard && (suffix == name || coversSuffixes(name)):
		return fault.ReasonDomainWildcardSuffix, fault.Args{"suffix": name}
	}
	return "", nil
}

// coversSuffixes tells whether every name directly below this one is a public
// suffix (the list has *.kawasaki.jp, for one). A label that no rule names
// falls under such a rule.
func coversSuffixes(name string) bool {
	below := "a-label-that-no-rule-names." + name
	suffix, _ := publicsuffix.PublicSuffix(below)
	return suffix == below
}

// CheckHostname tells what keeps name from being the host of a page that may be
// signed, as a browser writes hosts: lower-case letters, digits and hyphens in
// at least two labels of 1 to 63, at most 253 in all, no final dot, the last
// label beginning with a letter. With a digit there a browser reads an IP
// address, and some parsers do with a hyphen as well, taking -1 for a number.
// The reason is "" if nothing is in the way. It does not allocate then.
func CheckHostname(name string) (fault.Reason, fault.Args) {
	if name == "" {
		return fault.ReasonHostMissing, nil
	}
	if len(name) > maxHostLength {
		return fault.ReasonHostLong, nil
	}
	label := 0 // where the label begins that is being read
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
			if i-label == maxLabelLength {
				return fault.ReasonHostLongLabel, nil
			}
		case c == '.':
			if i == label {
				return fault.ReasonHostEmptyLabel, nil
			}
			label = i + 1
		case c >= 'A' && c <= 'Z':
			return fault.ReasonHostCase, nil
		default:
			r, _ := utf8.DecodeRuneInString(name[i:])
			return fault.ReasonHostCharacter, fault.Args{"character": string(r)}
		}
	}
	switch {
	case label == len(name):
		return fault.ReasonHostFinalDot, nil
	case name[label] < 'a': // a digit or a hyphen
		return fault.ReasonHostIP, nil
	case label == 0:
		return fault.ReasonHostSingle, nil
	}
	return "", nil
}

// CheckPort tells what keeps port, the digits behind the colon, from being one
// that a browser writes: 1 to 65535 without leading zeros. Whether it is the
// default of a scheme is for the caller to say. The reason is "" if nothing
// does; it does not allocate.
func CheckPort(port string) fault.Reason {
	if port == "" {
		return fault.ReasonPortEmpty
	}
	if len(port) > 5 || port[0] == '0' {
		return fault.ReasonPort
	}
	number := 0
	for i := range len(port) {
		if port[i] < '0' || port[i] > '9' {
			return fault.ReasonPort
		}
		number = number*10 + int(port[i]-'0')
	}
	if number > 65535 {
		return fault.ReasonPort
	}
	return ""
}

// Matches tells whether h covers hostport, the host[:port] of a page: the very
// same text, or for a wildcard one or more labels more, on the same port. It
// does not allocate, but for a host with a label that claims to be punycode: an
// exact host was checked when it was entered, and what stands below a wildcard
// has yet to be one that a browser reports.
func (h Host) Matches(hostport string) bool {
	if !h.IsWildcard() {
		return hostport != "" && string(h) == hostport
	}
	tail := string(h[len(wildcard)-1:]) // with its dot, so that it matches whole labels
	if len(hostport) <= len(tail) || hostport[0] == '.' || !strings.HasSuffix(hostport, tail) {
		return false
	}
	below := hostport[:len(hostport)-len(tail)]
	return !strings.Contains(below, punycode) || reported(below)
}

// punycode begins every label that stands for Unicode.
const punycode = "xn--"

// reported tells whether a browser writes these labels as they are.
func reported(labels string) bool {
	ascii, err := browserIDNA.ToASCII(labels)
	return err == nil && ascii == labels
}

// IsWildcard tells whether h covers the hosts below it (and not itself).
func (h Host) IsWildcard() bool { return strings.HasPrefix(string(h), wildcard) }

// Unicode gives the host as people read it, for display beside the stored form.
// ParseHost makes the same Host of it again.
func (h Host) Unicode() string {
	name, port, hasPort := strings.Cut(string(h), ":")
	name, isWildcard := strings.CutPrefix(name, wildcard)
	if readable, err := browserIDNA.ToUnicode(name); err == nil {
		name = readable
	}
	if isWildcard {
		name = wildcard + name
	}
	if hasPort {
		name += ":" + port
	}
	return name
}

// usualMixtures are the scripts that one host may join without looking like
// another: those that UTS-39 5.2 (highly restrictive) lets stand together.
var usualMixtures = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"},
	{"Latin", "Han", "Bopomofo"},
	{"Latin", "Han", "Hangul"},
}

// MixedScripts tells whether the host joins scripts that do not usually stand
// together, such as Cyrillic letters under a Latin domain: reason for a warning
// that it may have been made to look like another host. The whole host is read
// at once, because a label made of look-alikes alone is of one script.
func (h Host) MixedScripts() bool {
	found := map[string]bool{}
	for _, r := range h.Unicode() {
		if script := scriptOf(r); script != "" {
			found[script] = true
		}
	}
	if len(found) < 2 {
		return false
	}
	for _, usual := range usualMixtures {
		known := 0
		for _, script := range usual {
			if found[script] {
				known++
			}
		}
		if known == len(found) {
			return false
		}
	}
	return true
}

// scriptOf names the script of a letter, "" for what belongs to all scripts.
func scriptOf(r rune) string {
	if unicode.In(r, unicode.Common, unicode.Inherited) {
		return ""
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return ""
}
