package signing

import (
	"flag"
	"math/rand/v2"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

var (
	urlCount    = flag.Int("urls", 200_000, "hostile addresses that TestMutatedAddresses tries")
	honestCount = flag.Int("honest", 200_000, "honest addresses that TestHonestAddresses tries")
	urlSeed     = flag.Uint64("seed", 1, "seed of both")
)

// The hosts that the tenant under attack trusts.
var mutantTrust = []core.Host{"app.trusted.example", "app.trusted.example:8443", "xn--fiq228c5hs.trusted.example"}

// mutantSeeds are what mutation begins with: honest pages, and some that
// already hold an attack.
var mutantSeeds = []string{
	"https://app.trusted.example/",
	"https://app.trusted.example/sidebar",
	"https://app.trusted.example/a/b/c.html?x=1&y=2",
	"https://app.trusted.example/#/route",
	"https://app.trusted.example:8443/x",
	"https://app.trusted.example:8443/?a=b#c",
	"https://xn--fiq228c5hs.trusted.example/x",
	"https://app.trusted.example/%E4%BE%A7?n=%E4%BC%81",
	"https://app.trusted.example//x",
	"https://app.trusted.example/@evil.attacker.test/",
	"https://evil.attacker.test/?app.trusted.example/",
	"https://app.trusted.example.evil.attacker.test/",
	"https://evil.attacker.test@app.trusted.example/",
	"https://x.app.trusted.example/",
	"http://app.trusted.example/",
	"https://trusted.example/app",
}

// mutantTokens are what parsers of addresses are known to disagree about.
var mutantTokens = []string{
	"@", ":", "/", "//", "///", `\`, `\\`, `/\`, "?", "#", "[", "]", "%", ";", "&", "=", "+", "!", "$", "'", `"`, "(", ")", "*", ",", "~", "_", "-", "--", "|", "^", "`", "{", "}", "<", ">",
	".", "..", "...", "/.", "/..", "/./", "/../", "/%2e", "/%2e%2e/", "/.%2E/", "%2e", "%2E", "%2f", "%5c", "%40", "%3a", "%23", "%3f", "%00", "%0a", "%20", "%25", "%25%32%65",
	" ", "\t", "\n", "\r", "\x00", "\x0b", "\x0c", "\x1f", "\x7f", "\u0080", "\u00a0", "\u00ad", "\u200b", "\u200d", "\u2028", "\u202e", "\u2060", "\ufeff", "\u3000", "\xff", "\xc0\xaf",
	"。", "．", "｡", "／", "＼", "＠", "：", "？", "＃", "％", "ａ", "Ⓐ", "а", "ѕ", "ſ", "K", "ß", "İ", "☃",
	"evil.attacker.test", "@evil.attacker.test", ".evil.attacker.test", "evil.attacker.test/", "app.trusted.example", ".trusted.example", "xn--", "XN--", "xn--a", "0x7f.1", "127.0.0.1", "[::1]", "1", ".1", ".0x", "0",
	":443", ":80", ":8443", ":08443", ":65536", ":99999", ":0", ":", ":8443:8443", ":+8443", ":1e3", "user:pass@", "https:", "https://", "http://", "HTTPS://", "javascript:", "ftp://", "A", "APP", "Trusted",
}

// mutator makes hostile addresses. It is not safe for concurrent use.
type mutator struct {
	random *rand.Rand
	buffer []byte
}

// next gives an address with one to four mutations near its authority.
func (m *mutator) next() string {
	b := append(m.buffer[:0], mutantSeeds[m.random.IntN(len(mutantSeeds))]...)
	for range 1 + m.random.IntN(4) {
		at := m.random.IntN(min(len(b), 44) + 1)
		b = m.mutate(b, at)
	}
	m.buffer = b
	return string(b)
}

func (m *mutator) mutate(b []byte, at int) []byte {
	token := mutantTokens[m.random.IntN(len(mutantTokens))]
	switch kind := m.random.IntN(10); {
	case kind < 4 || at == len(b): // put a token in
		return splice(b, at, at, token)
	case kind < 6: // put it in the place of a byte
		return splice(b, at, at+1, token)
	case kind == 6: // take some bytes out
		return splice(b, at, min(len(b), at+1+m.random.IntN(3)), "")
	case kind == 7: // turn the case
		b[at] ^= 0x20
		return b
	case kind == 8: // percent-encode a byte
		return splice(b, at, at+1, "%"+string(hexDigits[b[at]>>4])+string(hexDigits[b[at]&15]))
	default: // repeat some bytes
		return splice(b, at, at, string(b[at:min(len(b), at+1+m.random.IntN(8))]))
	}
}

// splice puts text in the place of b[from:to].
func splice(b []byte, from, to int, text string) []byte {
	tail := string(b[to:])
	return append(append(b[:from], text...), tail...)
}

// verdicts counts what became of addresses. mistakes holds the first few.
type verdicts struct {
	tried, pages, signed, loose, unknownNames, asked int
	mistakes                                         []string
}

func (v *verdicts) add(w verdicts) {
	v.tried += w.tried
	v.pages += w.pages
	v.signed += w.signed
	v.loose += w.loose
	v.unknownNames += w.unknownNames
	v.asked += w.asked
	v.mistakes = append(v.mistakes, w.mistakes...)
}

func (v *verdicts) complain(text, mistake string) {
	if len(v.mistakes) < 20 {
		v.mistakes = append(v.mistakes, mistake+": "+text)
	}
}

// judge holds the rule against the oracle for one address. What the rule takes
// for a page must be one, with that host, whether trusted or not; what it
// refuses must not be a trusted page just as a browser reports it. The oracle
// is slow, so of the refused it sees those that begin like a trusted page, the
// only ones that can be one, and a sample of the others.
func (v *verdicts) judge(text string, sampled bool) {
	v.tried++
	p, err := ParsePage(text, false)
	if err == nil {
		if claimedHost(text) != p.Host() {
			v.complain(text, "claims another host")
		}
		v.judgePage(p)
		return
	}
	if !sampled && !beginsLikeTrusted(text) {
		return
	}
	v.asked++
	o, ok := askBrowser(text)
	if ok && o.href == text && o.protocol == "https:" && !o.userinfo && isTrustedHost(o.host) {
		v.complain(text, "wrongly refused")
	}
}

func (v *verdicts) judgePage(p Page) {
	v.pages++
	v.asked++
	trusted := isTrustedHost(p.Host())
	if !trusted && strings.Contains("."+p.Host(), ".xn--") {
		// Made-up punycode: whether it is a name depends on the age of the
		// browser. Only names that core.ParseHost knows are ever trusted.
		if _, err := core.ParseHost("", p.Host()); err != nil {
			v.unknownNames++
			return
		}
	}
	if mistake := findMistake(p); mistake != "" {
		v.complain(p.String(), mistake)
	}
	if trusted {
		v.signed++
		if escapeAsBrowsers(p.String()) != p.String() {
			v.loose++
		}
	}
}

func isTrustedHost(hostport string) bool {
	for _, host := range mutantTrust {
		if host.Matches(hostport) {
			return true
		}
	}
	return false
}

func beginsLikeTrusted(text string) bool {
	rest, ok := strings.CutPrefix(text, secure)
	if !ok {
		return false
	}
	authority, _, ok := strings.Cut(rest, "/")
	return ok && isTrustedHost(authority)
}

// inChunks calls work for count addresses in pieces, on all processors. Each
// piece has a source of its own, so that a seed gives the same addresses on
// every machine.
func inChunks(count int, work func(random *rand.Rand, n int) verdicts) verdicts {
	const chunk = 10_000
	var (
		wait  sync.WaitGroup
		mu    sync.Mutex // guards next and total
		next  int
		total verdicts
	)
	take := func() (first int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		first = next
		next += chunk
		return first, first < count
	}
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for first, ok := take(); ok; first, ok = take() {
				got := work(rand.New(rand.NewPCG(*urlSeed, uint64(first))), min(chunk, count-first))
				mu.Lock()
				total.add(got)
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return total
}

func TestMutatedAddresses(t *testing.T) {
	begun := time.Now()
	got := inChunks(*urlCount, func(random *rand.Rand, n int) (v verdicts) {
		m := mutator{random: random}
		for i := range n {
			v.judge(m.next(), i%256 == 0)
		}
		return v
	})
	t.Logf("seed %d: %d hostile addresses tried in %s; %d were pages, %d of them on a trusted host (%d with bytes that a browser escapes), %d under made-up punycode; the oracle was asked %d times; %d mistakes",
		*urlSeed, got.tried, time.Since(begun).Round(time.Millisecond), got.pages, got.signed, got.loose, got.unknownNames, got.asked, len(got.mistakes))
	for _, mistake := range got.mistakes {
		t.Errorf("%q", mistake)
	}
	require.Equal(t, *urlCount, got.tried)
	require.Greater(t, got.signed, *urlCount/1000, "the mutants are too wild to say anything")
}

// What people write first, and how many mutants it takes until the oracle
// catches each of them signing for a host that nobody trusts, or for no address
// at all. It is the proof that the test above can fail.
func TestOracleCatchesNaiveRules(t *testing.T) {
	t.Parallel()
	const host = "app.trusted.example"
	loose := regexp.MustCompile(`^https?://[\w.-]*app\.trusted\.example`)
	upToDelimiter := regexp.MustCompile(`^https?://([^/?#:]+)`)
	exactly := func(hostname string) bool { return hostname == host }
	orBelow := func(hostname string) bool { return exactly(hostname) || strings.HasSuffix(hostname, "."+host) }
	rules := []struct {
		name   string
		signs  func(text string) bool
		honest func(hostname string) bool // what the rule means to trust
	}{
		{"strings.HasPrefix", func(s string) bool { return strings.HasPrefix(s, "https://"+host) }, exactly},
		{"a loose regular expression", loose.MatchString, orBelow},
		{"the third part between slashes", func(s string) bool {
			parts := strings.Split(s, "/")
			return len(parts) > 2 && parts[2] == host
		}, exactly},
		{"a regular expression up to a delimiter", func(s string) bool {
			found := upToDelimiter.FindStringSubmatch(s)
			return found != nil && found[1] == host
		}, exactly},
		{"url.Parse and a suffix of Hostname", func(s string) bool {
			u, err := url.Parse(s)
			return err == nil && strings.HasSuffix(u.Hostname(), host)
		}, orBelow},
		{"url.Parse and the exact Hostname", func(s string) bool {
			u, err := url.Parse(s)
			return err == nil && u.Hostname() == host
		}, exactly},
	}
	m := mutator{random: rand.New(rand.NewPCG(1, 1))}
	signed, wrong := make([]int, len(rules)), make([]int, len(rules))
	for range 60_000 {
		text := m.next()
		for i, rule := range rules {
			if !rule.signs(text) {
				continue
			}
			signed[i]++
			o, ok := askBrowser(text)
			if !ok || o.protocol != "https:" && o.protocol != "http:" || !rule.honest(o.hostname) {
				wrong[i]++
			}
		}
	}
	for i, rule := range rules {
		t.Logf("%-40s signed %5d, %5d of them wrong", rule.name, signed[i], wrong[i])
		require.Positive(t, wrong[i], rule.name)
	}
}
