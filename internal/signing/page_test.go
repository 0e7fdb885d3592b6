package signing

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"signet/internal/core"
	"signet/internal/fault"
)

func TestParsePageSignsWhatItWasGiven(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ given, signed, host string }{
		{"https://crm.example.com/", "https://crm.example.com/", "crm.example.com"},
		{"https://crm.example.com/sidebar?x=1", "https://crm.example.com/sidebar?x=1", "crm.example.com"},
		{"https://crm.example.com:8443/sidebar", "https://crm.example.com:8443/sidebar", "crm.example.com:8443"},
		{"https://crm.example.com:80/", "https://crm.example.com:80/", "crm.example.com:80"},
		{"http://crm.example.com/", "http://crm.example.com/", "crm.example.com"},
		{"http://crm.example.com:443/", "http://crm.example.com:443/", "crm.example.com:443"},
		{"https://crm.example.com:65535/", "https://crm.example.com:65535/", "crm.example.com:65535"},
		{"https://crm.example.com/#", "https://crm.example.com/", "crm.example.com"},
		{"https://crm.example.com/#/route?x=1#y", "https://crm.example.com/", "crm.example.com"},
		{"https://crm.example.com/?#top", "https://crm.example.com/?", "crm.example.com"},
		{"https://crm.example.com/#/../x", "https://crm.example.com/", "crm.example.com"},
		{"https://crm.example.com/#/" + strings.Repeat("a", maxPageLength), "https://crm.example.com/", "crm.example.com"},
		{pageOfLength(maxPageLength) + "#/" + strings.Repeat("a", maxPageLength), pageOfLength(maxPageLength), "crm.example.com"},
		{`https://crm.example.com/#\`, "https://crm.example.com/", "crm.example.com"},
		{`https://crm.example.com/?q=\&r=/../x&s=%2e%2e`, `https://crm.example.com/?q=\&r=/../x&s=%2e%2e`, "crm.example.com"},
		{"https://crm.example.com/?q=@evil.test", "https://crm.example.com/?q=@evil.test", "crm.example.com"},
		{"https://crm.example.com/.../..x/x../.x/%2ex/%2e%2e%2e/..;/", "https://crm.example.com/.../..x/x../.x/%2ex/%2e%2e%2e/..;/", "crm.example.com"},
		{"https://crm.example.com/%", "https://crm.example.com/%", "crm.example.com"},
		{"https://crm.example.com/a//b", "https://crm.example.com/a//b", "crm.example.com"},
		{"https://xn--ubt06m.example.com/", "https://xn--ubt06m.example.com/", "xn--ubt06m.example.com"},
		{"https://360.example.com/", "https://360.example.com/", "360.example.com"},
		{"https://" + longName(253) + "/", "https://" + longName(253) + "/", longName(253)},
		{pageOfLength(maxPageLength), pageOfLength(maxPageLength), "crm.example.com"},
	} {
		p, err := ParsePage(row.given, true)
		require.NoError(t, err, row.given)
		require.Equal(t, row.signed, p.String())
		require.Equal(t, row.host, p.Host())
		require.Empty(t, findMistake(p))
	}
}

// pageOfLength is an address of n bytes.
func pageOfLength(n int) string {
	const start = "https://crm.example.com/"
	return start + strings.Repeat("a", n-len(start))
}

// longName is a host of n characters whose labels are none too long.
func longName(n int) string {
	return strings.Repeat("a", n-192-len(".example.com")) + strings.Repeat("."+strings.Repeat("a", 63), 3) + ".example.com"
}

func TestParsePageRefusesAndSaysWhy(t *testing.T) {
	t.Parallel()
	rows := map[fault.Reason][]string{
		fault.ReasonURLLong:     {pageOfLength(maxPageLength + 1), pageOfLength(maxPageLength+1) + "#", "https://crm.example.com/#" + strings.Repeat("a", maxHrefLength)},
		fault.ReasonURLBlank:    {" https://crm.example.com/", "https://crm.example.com/ ", "https://crm.example.com/a b", "https://crm\t.example.com/", "https://crm.example.com/\n&url=x", "https://crm.example.com\x00/", "https://crm.example.com/\x7f", "https://crm.example.com/#a b"},
		fault.ReasonURLNotASCII: {"https://crm.example.com/侧边栏", "https://客户.example.com/", "https://crm.example.com/#é", "https://crm.example.com\u200b/", "https://crm.example.com/\xff"},
		fault.ReasonURLEncoded:  {"https%3A%2F%2Fcrm.example.com%2F", "https%3a//crm.example.com/", "HTTP%3A//crm.example.com/"},
		fault.ReasonURLScheme: {"crm.example.com", "/sidebar", "//crm.example.com/", "#", "#/route", "ftp://crm.example.com/", "wss://crm.example.com/", "file:///etc/passwd",
			"javascript:alert(1)//crm.example.com/", "view-source:https://crm.example.com/", "https", "ttps://crm.example.com/", "https+x://crm.example.com/", `\\crm.example.com\x`},
		fault.ReasonURLSchemeCase:  {"HTTPS://crm.example.com/", "Https://crm.example.com/", "hTTp://crm.example.com/"},
		fault.ReasonURLHTTP:        {"http://crm.example.com/"},
		fault.ReasonURLSlashes:     {"https:/crm.example.com/", "https:crm.example.com/", "https:///crm.example.com/", "https:////crm.example.com/", `https:\\crm.example.com/`, `https:/\crm.example.com/`, "https:", "HTTPS:/x"},
		fault.ReasonHostMissing:    {"https://", "https://#/", "https://:8443/"},
		fault.ReasonURLPathMissing: {"https://crm.example.com", "https://crm.example.com#/x", "https://crm.example.com?x=1", "https://crm.example.com?x=/y", "https://crm.example.com:8443", "https://evil.test?@crm.example.com/"},
		fault.ReasonURLUserinfo:    {"https://user@crm.example.com/", "https://user:pass@crm.example.com/", "https://@crm.example.com/", "https://crm.example.com@evil.test/", "https://crm.example.com:443@evil.test/", "https://user:pa%40ss@crm.example.com/", "https://crm.example.com@evil.test", `https://a\@crm.example.com/`, "https://[x]@crm.example.com/"},
		fault.ReasonURLBackslash:   {`https://crm.example.com\`, `https://crm.example.com\/`, `https://evil.test\.crm.example.com/`, `https://crm.example.com/a\b`, `https://crm.example.com/\`, `https://crm.example.com/\?x`},
		fault.ReasonURLHostPercent: {"https://crm%2eexample.com/", "https://%63rm.example.com/", "https://crm.example.com%2f/", "https://crm.example.com:84%34%33/"},
		fault.ReasonURLDotSegment:  {"https://crm.example.com/.", "https://crm.example.com/..", "https://crm.example.com/./", "https://crm.example.com/../x", "https://crm.example.com/a/..?x", "https://crm.example.com/a/.#x", "https://crm.example.com/%2e", "https://crm.example.com/%2E%2e/x", "https://crm.example.com/.%2e/x", "https://crm.example.com/%2e./x", "https://crm.example.com//../x"},
		fault.ReasonHostCase:       {"https://CRM.example.com/", "https://crm.example.coM/", "https://XN--ubt06m.example.com/"},
		fault.ReasonHostCharacter:  {"https://crm_1.example.com/", "https://crm.example.com;x/", "https://crm.example.com,x/", "https://crm!.example.com/", "https://crm.example.com$/", "https://*.example.com/", "https://crm.example.com&evil.test/"},
		fault.ReasonHostIP: {"https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://0/", "https://1.2.3.4:8443/",
			"https://crm.example.1/", "https://crm.example.-1/", "https://crm.example.0x7f/", "https://[::1]/", "https://[::1]:8443/", "https://[crm.example.com]/", "https://crm.example.com]/"},
		fault.ReasonHostSingle:     {"https://localhost/", "https://localhost:8443/", "https://crm/"},
		fault.ReasonHostEmptyLabel: {"https://.crm.example.com/", "https://crm..example.com/", "https://./", "https://crm.example.com../", "https://.:8443/"},
		fault.ReasonHostFinalDot:   {"https://crm.example.com./", "https://crm.example.com.:8443/", "https://localhost./"},
		fault.ReasonHostLongLabel:  {"https://" + strings.Repeat("a", 64) + ".example.com/", "https://crm.example." + strings.Repeat("a", 64) + "/"},
		fault.ReasonHostLong:       {"https://" + longName(254) + "/"},
		fault.ReasonPortEmpty:      {"https://crm.example.com:/"},
		fault.ReasonPort:           {"https://crm.example.com:0/", "https://crm.example.com:00/", "https://crm.example.com:08443/", "https://crm.example.com:65536/", "https://crm.example.com:99999/", "https://crm.example.com:100000/", "https://crm.example.com:18446744073709560059/", "https://crm.example.com:x/", "https://crm.example.com:+1/", "https://crm.example.com:84a3/", "https://crm.example.com:8443:8443/", "https://crm.example.com:1:2/", "https://crm.example.com:8443./"},
		fault.ReasonPortDefault:    {"https://crm.example.com:443/"},
	}
	for reason, texts := range rows {
		for _, text := range texts {
			p, err := ParsePage(text, false)
			require.Error(t, err, "%q taken as %q", text, p)
			require.Equal(t, Page{}, p)
			requireExplained(t, err, text)
			require.Equal(t, reason, fault.Find(err).Reason, "%q", text)
		}
	}
}

func TestParsePageRefusesDefaultPortOfHTTP(t *testing.T) {
	t.Parallel()
	_, err := ParsePage("http://crm.example.com:80/", true)
	require.Equal(t, fault.ReasonPortDefault, fault.Find(err).Reason)
}

func TestParsePageTellsMissingFromInvalid(t *testing.T) {
	t.Parallel()
	_, err := ParsePage("", true)
	require.True(t, fault.Has(err, fault.URLMissing))
	_, err = ParsePage("#", true)
	require.True(t, fault.Has(err, fault.URLInvalid))
}

func TestParsePageNamesThePlaceOfAForeignByte(t *testing.T) {
	t.Parallel()
	_, err := ParsePage("https://crm.example.com/侧", false)
	require.Contains(t, fault.Find(err).Detail(fault.English), "byte 25 ")
}

func TestParsePageDoesNotAllocate(t *testing.T) {
	page, origin := "https://crm.example.com:8443/sidebar?x=1#/route", "https://crm.example.com:8443"
	host := core.Host("crm.example.com:8443")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		p, err := ParsePage(page, false)
		if err != nil || !p.HasOrigin(origin) || !host.Matches(p.Host()) {
			t.Fatal(err)
		}
	}))
}

func TestHasOriginComparesWholeOrigins(t *testing.T) {
	t.Parallel()
	p, err := ParsePage("https://crm.example.com:8443/sidebar", false)
	require.NoError(t, err)
	require.True(t, p.HasOrigin("https://crm.example.com:8443"))
	for _, origin := range []string{
		"", "null", "https://", "https://crm.example.com", "https://crm.example.com:844", "https://crm.example.com:8443/", "https://crm.example.com:84430",
		"http://crm.example.com:8443", "HTTPS://crm.example.com:8443", "https://CRM.example.com:8443", "https://a.crm.example.com:8443",
		"https://crm.example.com:8443, https://evil.test", "crm.example.com:8443", " https://crm.example.com:8443",
	} {
		require.False(t, p.HasOrigin(origin), origin)
	}
	require.False(t, Page{}.HasOrigin(""), "the zero page has no origin")
}

// The two rules that make a page signable, the one for addresses and the one
// for the entry of domains, must be about the same hosts.
func TestEveryHostThatCanBeEnteredCanBeSigned(t *testing.T) {
	t.Parallel()
	label := rapid.OneOf(
		rapid.StringMatching(`[a-zA-Z0-9-]{1,20}`),
		rapid.SampledFrom([]string{"客户", "中文网址", "straße", "bücher", "xn--ubt06m", "пример", "ＣＲＭ", "نامه", "ශ්\u200dරී", "x\u00ady", "r3---sn", "360", "-x-"}),
	)
	end := rapid.SampledFrom([]string{"example.com", "trusted.example", "公司", "xn--55qx5d", "com.cn", "рф", "co"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(label, 1, 4).Draw(t, "labels"), ".") + "." + end.Draw(t, "end") +
			rapid.SampledFrom([]string{"", "", ":8443", ":1", ":65535"}).Draw(t, "port")
		host, err := core.ParseHost("/host", text)
		if err != nil {
			t.Skip("no host")
		}
		requireSignable(t, host)
		wildcard, err := core.ParseHost("/host", "*."+text)
		if err == nil {
			requireSignable(t, "crm"+core.Host(strings.TrimPrefix(string(wildcard), "*")))
		}
	})
}

func requireSignable(t require.TestingT, host core.Host) {
	for _, scheme := range []string{secure, insecure} {
		p, err := ParsePage(scheme+string(host)+"/", true)
		require.NoError(t, err, host)
		require.True(t, host.Matches(p.Host()))
		require.Empty(t, findMistake(p))
	}
}

func ExampleParsePage() {
	p, err := ParsePage("https://crm.example.com/sidebar?x=1#/chat", false)
	if err != nil {
		return
	}
	fmt.Println(p, p.Host())

	_, err = ParsePage("https://crm.example.com:443/sidebar", false)
	fmt.Println(fault.Find(err).Reason)
	// Output:
	// https://crm.example.com/sidebar?x=1 crm.example.com
	// port_default
}
