package signing

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

// What a browser leaves as it is in a path and in a query, "/", "?" and "%"
// aside (standard of 2023 and later: "^" is escaped in paths, "|" by some).
const (
	inPaths   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@[]"
	inQueries = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&()*+,;=:@[]/?{}|^`\\"
)

var honestText = []string{"侧边栏", "客户", "张三", "é", "😀", "a b", `"x"`, "<x>", "100%", "#1", "企业微信", "\u00a0", "ß"}

// honestHosts are trusted domains as administrators enter them.
var honestHosts = []string{
	"crm.trusted.example", "CRM.Trusted.Example", "crm.trusted.example:8443", "客户.trusted.example", "客户.公司", "straße.trusted.example", "a.b.c.d.trusted.example:1", "360.trusted.example", "r3---sn-j5pe.trusted.example", "x.com.cn", "xn--ubt06m.trusted.example:65535",
}

// webPage makes addresses as a browser reports them.
type webPage struct {
	random *rand.Rand
	text   strings.Builder
}

// next gives location.href of a page on host, and the page without its fragment.
func (w *webPage) next(host core.Host) (href, page string) {
	w.text.Reset()
	w.text.WriteString(secure)
	w.text.WriteString(string(host))
	for range 1 + w.random.IntN(5) {
		w.text.WriteByte('/')
		w.segment()
	}
	if w.random.IntN(2) == 0 {
		w.text.WriteByte('?')
		for range w.random.IntN(5) {
			w.some(inQueries)
		}
	}
	page = w.text.String()
	if w.random.IntN(3) > 0 {
		return page, page
	}
	w.text.WriteByte('#')
	w.some(inPaths)
	return w.text.String(), page
}

// segment writes a part of a path that does not read as "." or "..".
func (w *webPage) segment() {
	before := w.text.String()
	for range w.random.IntN(4) {
		w.some(inPaths)
	}
	written := strings.ReplaceAll(strings.ToLower(w.text.String()[len(before):]), "%2e", ".")
	if written == "." || written == ".." {
		w.text.WriteByte('x')
	}
}

// some writes a few characters that may stand, or some that may not as a
// browser escapes them, or an escape of the page's own, or a lone "%".
func (w *webPage) some(letters string) {
	switch w.random.IntN(8) {
	case 0:
		for _, b := range []byte(honestText[w.random.IntN(len(honestText))]) {
			w.escape(b, "0123456789ABCDEF")
		}
	case 1:
		w.escape(byte(w.random.IntN(256)), hexDigits)
	case 2:
		w.text.WriteByte('%')
	default:
		for range 1 + w.random.IntN(12) {
			w.text.WriteByte(letters[w.random.IntN(len(letters))])
		}
	}
}

func (w *webPage) escape(b byte, digits string) {
	w.text.WriteByte('%')
	w.text.WriteByte(digits[b>>4])
	w.text.WriteByte(digits[b&15])
}

func TestHonestAddresses(t *testing.T) {
	t.Parallel()
	var hosts []core.Host
	for _, entered := range honestHosts {
		host, err := core.ParseHost("/host", entered)
		require.NoError(t, err)
		hosts = append(hosts, host)
	}
	begun := time.Now()
	got := inChunks(*honestCount, func(random *rand.Rand, n int) (v verdicts) {
		w := webPage{random: random}
		for i := range n {
			v.tried++
			host := hosts[random.IntN(len(hosts))]
			href, page := w.next(host)
			p, err := ParsePage(href, false)
			switch {
			case err != nil:
				v.complain(href, "refused: "+err.Error())
			case p.String() != page:
				v.complain(href, "changed to "+p.String())
			case !host.Matches(p.Host()):
				v.complain(href, "not on "+string(host))
			default:
				v.signed++
			}
			if i%8 == 0 { // is it honest at all?
				v.asked++
				if o, ok := askBrowser(href); !ok || o.href != href || o.page != page {
					v.complain(href, "a browser reports "+o.href)
				}
			}
		}
		return v
	})
	t.Logf("seed %d: %d honest addresses in %s; %d signed; the oracle was asked about %d; %d mistakes",
		*urlSeed, got.tried, time.Since(begun).Round(time.Millisecond), got.signed, got.asked, len(got.mistakes))
	for _, mistake := range got.mistakes {
		t.Errorf("%q", mistake)
	}
	require.Equal(t, *honestCount, got.signed)
}
