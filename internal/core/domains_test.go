package core_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pgregory.net/rapid"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/papers"
)

func TestParseHostStoresPunycodeInLowerCase(t *testing.T) {
	t.Parallel()
	label63 := strings.Repeat("a", 63)
	for _, row := range []struct{ name, entered, stored, unicode string }{
		{"a plain host", "crm.example.com", "crm.example.com", "crm.example.com"},
		{"upper case", "CRM.Example.COM", "crm.example.com", "crm.example.com"},
		{"blanks that came along when copying", "\u3000 crm.example.com\t\n", "crm.example.com", "crm.example.com"},
		{"a port", "crm.example.com:8443", "crm.example.com:8443", "crm.example.com:8443"},
		{"the smallest port", "crm.example.com:1", "crm.example.com:1", "crm.example.com:1"},
		{"the largest port", "crm.example.com:65535", "crm.example.com:65535", "crm.example.com:65535"},
		{"a wildcard", "*.example.com", "*.example.com", "*.example.com"},
		{"a wildcard with a port", "*.crm.example.com:8443", "*.crm.example.com:8443", "*.crm.example.com:8443"},
		{"Chinese", "客户.example.com", "xn--ubt06m.example.com", "客户.example.com"},
		{"a Chinese top-level domain", "客户.公司", "xn--ubt06m.xn--55qx5d", "客户.公司"},
		{"punycode as it is", "xn--ubt06m.example.com", "xn--ubt06m.example.com", "客户.example.com"},
		{"punycode in upper case", "XN--UBT06M.example.com", "xn--ubt06m.example.com", "客户.example.com"},
		{"a wildcard over Chinese", "*.客户.example.com:8443", "*.xn--ubt06m.example.com:8443", "*.客户.example.com:8443"},
		{"ideographic full stops", "crm。example。com", "crm.example.com", "crm.example.com"},
		{"full-width letters", "ｃｒｍ.example.com", "crm.example.com", "crm.example.com"},
		{"ß stays ß, as in browsers", "straße.example.com", "xn--strae-oqa.example.com", "straße.example.com"},
		{"a soft hyphen vanishes, as in browsers", "c\u00adrm.example.com", "crm.example.com", "crm.example.com"},
		{"hyphens in the third and fourth place", "r3---sn-apo3qvuoxuxbt-j5pe.example.com", "r3---sn-apo3qvuoxuxbt-j5pe.example.com", "r3---sn-apo3qvuoxuxbt-j5pe.example.com"},
		{"a label of digits that is not the last", "360.example.com", "360.example.com", "360.example.com"},
		{"the registrable domain itself", "example.com.cn", "example.com.cn", "example.com.cn"},
		{"a suffix that a company keeps for customers", "github.io", "github.io", "github.io"},
		{"a host under such a suffix", "crm.github.io", "crm.github.io", "crm.github.io"},
		{"a wildcard below such a suffix", "*.crm.github.io", "*.crm.github.io", "*.crm.github.io"},
		{"a top-level domain nobody lists", "crm.trusted.example", "crm.trusted.example", "crm.trusted.example"},
		{"a label of 63", label63 + ".example.com", label63 + ".example.com", label63 + ".example.com"},
		{"253 characters", longHost(253), longHost(253), longHost(253)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			host, err := core.ParseHost("/host", row.entered)
			require.NoError(t, err)
			require.Equal(t, row.stored, string(host))
			require.Equal(t, row.unicode, host.Unicode())
			again, err := core.ParseHost("/host", host.Unicode())
			require.NoError(t, err)
			require.Equal(t, host, again)
		})
	}
}

func TestParseHostRefusesAndSaysWhy(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		reason  fault.Reason
		entered []string
	}{
		{fault.ReasonHostMissing, []string{"", "  ", "*.", ":8443", "*.:8443"}},
		{fault.ReasonDomainScheme, []string{"https://crm.example.com", "http://crm.example.com/", "HTTPS://crm.example.com", "https://*.example.com", "ftp://crm.example.com", "://crm.example.com"}},
		{fault.ReasonDomainUserinfo, []string{"user@crm.example.com", "user:pass@crm.example.com", "crm.example.com:8443@evil.example"}},
		{fault.ReasonDomainPath, []string{"crm.example.com/", "crm.example.com/sidebar", "crm.example.com?x=1", "crm.example.com#top", "//crm.example.com", `crm.example.com\x`, `\\crm.example.com`}},
		{fault.ReasonDomainBlank, []string{"crm.example.com crm2.example.com", "crm. example.com", "crm.example.com :8443", "crm\x00.example.com", "crm.example.com\n*.example.com", "crm\u00a0.example.com"}},
		{fault.ReasonHostCharacter, []string{"crm_1.example.com", "crm,example.com", "crm.example.com;x", "crm.example.com：8443", "a%2eexample.com", "crm!.example.com", "crm／x.example.com", "＊.example.com", "~.example.com"}},
		{fault.ReasonDomainIDN, []string{"xn--a.example.com", "\u200dx.example.com", "crm.example.com\u202e", "\ufffd.example.com", "\xff.example.com", "يa.example.com", "xn--crm-.example.com", "xn--zn7c.com", "straẞe.example.com", "crm‥example.com"}},
		{fault.ReasonHostIP, []string{
			"127.0.0.1", "10.0.0.1:8443", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0", "1.2.3.4.5", "999.999.999.999",
			"127。0。0。1", "①②⑦.0.0.1", "１２７.0.0.1", "*.0.0.1", "crm.example.0x7f", "crm.example.1a", "crm.example.-1", "crm.example.-x", "192.0.2.1/24",
			"::1", "[::1]", "[::1]:8443", "fe80::1%eth0", "2001:db8::1", "::ffff:127.0.0.1", "[crm.example.com]", "2001:db8::/32",
		}},
		{fault.ReasonHostSingle, []string{"localhost", "localhost:8443", "crm", "com", "cn", "*.com", "*.localhost", "中国"}},
		{fault.ReasonDomainSuffix, []string{"com.cn", "co.uk", "COM.CN", "公司.cn", "xn--55qx5d.cn", "com.cn:8443", "anything.ck"}},
		{fault.ReasonDomainWildcardSuffix, []string{"*.com.cn", "*.co.uk", "*.github.io", "*.github.io:8443", "*.公司.cn", "*.anything.ck", "*.kawasaki.jp", "*.compute.amazonaws.com"}},
		{fault.ReasonDomainWildcard, []string{"*", "crm.*.example.com", "*crm.example.com", "crm*.example.com", "crm.example.*", "*.*.example.com", "**.example.com"}},
		{fault.ReasonHostEmptyLabel, []string{".crm.example.com", "crm..example.com", "*..example.com", "...", "xn--.example.com"}},
		{fault.ReasonHostFinalDot, []string{"crm.example.com.", "crm.example.com.:8443", "localhost.", "crm.example.com。"}},
		{fault.ReasonHostLongLabel, []string{strings.Repeat("a", 64) + ".example.com", strings.Repeat("客户", 40) + ".example.com"}},
		{fault.ReasonHostLong, []string{longHost(254), longHost(254) + ":8443", "crm" + strings.Repeat("\u00ad", 1000) + ".example.com"}},
		{fault.ReasonPortEmpty, []string{"crm.example.com:", "*.example.com:"}},
		{fault.ReasonPort, []string{"crm.example.com:0", "crm.example.com:08443", "crm.example.com:65536", "crm.example.com:99999", "crm.example.com:100000", "crm.example.com:x", "crm.example.com:+1", "crm.example.com:-1", "crm.example.com:８４４３", "crm.example.com:8443:8443", "crm.example.com:1e3"}},
		{fault.ReasonPortDefault, []string{"crm.example.com:443", "crm.example.com:80", "*.example.com:443"}},
	} {
		for _, entered := range row.entered {
			t.Run(string(row.reason)+"/"+entered[:min(len(entered), 80)], func(t *testing.T) {
				t.Parallel()
				host, err := core.ParseHost("/host", entered)
				require.Error(t, err, "taken as %q", host)
				require.Empty(t, host)
				e := fault.Find(err)
				require.Equal(t, fault.RequestInvalid, e.Code)
				require.Len(t, e.Fields, 1)
				require.Equal(t, "/host", e.Fields[0].Pointer)
				require.Equal(t, row.reason, e.Fields[0].Reason)
				for _, language := range []fault.Language{fault.Chinese, fault.English} {
					text := e.Fields[0].Reason.Text(language, e.Fields[0].Args)
					require.NotEmpty(t, text)
					require.NotRegexp(t, `\{[a-z]+\}`, text, "a name was left unfilled")
				}
			})
		}
	}
}

// longHost is a host of n characters whose labels are none too long.
func longHost(n int) string {
	return strings.Repeat("a", n-192-len(".example.com")) + strings.Repeat("."+strings.Repeat("a", 63), 3) + ".example.com"
}

func TestHostMatchesWholeLabelsOnTheSamePort(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		host    core.Host
		covered []string
		others  []string
	}{
		{
			"crm.example.com",
			[]string{"crm.example.com"},
			[]string{"", "example.com", "a.crm.example.com", "crm.example.com:8443", "crm.example.com.", "CRM.example.com", "xcrm.example.com", "crm.example.comx", "crm.example.com.evil.test"},
		},
		{
			"crm.example.com:8443",
			[]string{"crm.example.com:8443"},
			[]string{"crm.example.com", "crm.example.com:8444", "crm.example.com:843", "a.crm.example.com:8443"},
		},
		{
			"*.example.com",
			[]string{"crm.example.com", "a.b.c.example.com", "xn--ubt06m.example.com"},
			[]string{"", "example.com", ".example.com", "..example.com", ".crm.example.com", "evilexample.com", "crm-example.com", "crm.example.com:8443", "crm.example.com.evil.test", "example.com.evil.test"},
		},
		{
			"*.example.com:8443",
			[]string{"crm.example.com:8443", "a.b.example.com:8443"},
			[]string{"example.com:8443", "crm.example.com", "crm.example.com:443", "crm.example.com:18443"},
		},
		{"", nil, []string{"", "crm.example.com"}},
	} {
		for _, page := range row.covered {
			require.True(t, row.host.Matches(page), "%q should cover %q", row.host, page)
		}
		for _, page := range row.others {
			require.False(t, row.host.Matches(page), "%q should not cover %q", row.host, page)
		}
	}
}

func TestHostMatchesWithoutAllocating(t *testing.T) {
	for _, host := range []core.Host{"crm.example.com", "*.example.com:8443"} {
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if host.Matches("crm.example.com:8444") {
				t.Error(host)
			}
		}))
	}
}

func TestCheckHostnameTakesWithoutAllocating(t *testing.T) {
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if reason, _ := core.CheckHostname("crm.example.com"); reason != "" {
			t.Fatal(reason)
		}
	}))
}

func TestMixedScriptsFindsLookAlikes(t *testing.T) {
	t.Parallel()
	for host, mixed := range map[string]bool{
		"crm.example.com":             false,
		"客户.example.com":              false, // Han beside Latin is how Chinese hosts are written
		"客户中心crm.公司":                  false,
		"ひらがなカタカナ漢字.example.com":      false,
		"고객漢字.example.com":            false,
		"ㄅㄆ漢.example.com":             false,
		"bücher.example.com":          false,
		"пример.рф":                   false,
		"аpp.trusted.example":         true, // Cyrillic а
		"app.truѕted.example":         true, // Cyrillic ѕ
		"аррӏе.com":                   true, // Cyrillic throughout, under a Latin name
		"*.аpp.trusted.example:8443":  true,
		"οpp.trusted.example":         true, // Greek ο
		"app.trusted.example.рф":      true,
		"ひらがな한글.example.com":          true, // each fits Han, not each other
		"1-2-3.example.com":           false,
		"q\u0301pp.trusted.example":   false, // an accent belongs to all scripts
		"նmn.trusted.example":         true,  // Armenian
		"xn--pp-6kc.trusted.example":  true,  // the same as аpp…, as it is stored
		"xn--fiq228c5hs.trusted.test": false,
	} {
		parsed, err := core.ParseHost("/host", host)
		require.NoError(t, err, host)
		require.Equal(t, mixed, parsed.MixedScripts(), "%s (%s)", host, parsed)
	}
}

func TestUnicodeLeavesWhatIsNoPunycode(t *testing.T) {
	t.Parallel()
	require.Equal(t, "xn--a.example.com", core.Host("xn--a.example.com").Unicode())
	require.Empty(t, core.Host("").Unicode())
}

func TestParsedHostsAreFixedPoints(t *testing.T) {
	t.Parallel()
	piece := rapid.OneOf(
		rapid.StringMatching(`[a-zA-Z0-9-]{1,12}`),
		rapid.SampledFrom([]string{"客户", "中文网址", "ß", "bücher", "xn--ubt06m", "пример", "ＣＲＭ", "نامه", "x\u00ady", "_", "1", "0x7f", "*", "", " "}),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 1, 4).Draw(t, "labels"), rapid.SampledFrom([]string{".", "。"}).Draw(t, "dot"))
		text = rapid.SampledFrom([]string{"", "*."}).Draw(t, "wildcard") + text +
			rapid.SampledFrom([]string{"", "", ".example.com", ".公司", ".com.cn"}).Draw(t, "end") +
			rapid.SampledFrom([]string{"", "", ":8443", ":443", ":0"}).Draw(t, "port")
		host, err := core.ParseHost("/host", text)
		if err != nil {
			require.True(t, fault.Has(err, fault.RequestInvalid))
			return
		}
		for _, spelling := range []string{string(host), host.Unicode(), strings.ToUpper(string(host))} {
			again, err := core.ParseHost("/host", spelling)
			require.NoError(t, err, spelling)
			require.Equal(t, host, again, spelling)
		}
		if !host.IsWildcard() {
			require.True(t, host.Matches(string(host)))
			return
		}
		bare := strings.TrimPrefix(string(host), "*.")
		require.False(t, host.Matches(bare))
		require.True(t, host.Matches("a."+bare))
		require.False(t, host.Matches("a"+bare))
	})
}

// unlike are the rows of the WPT file that ParseHost refuses although the newest
// standard has a host for them: letters whose mapping changed after Unicode 15.0
// (so that browsers of different years go to different hosts) and xn-- labels
// that decode to nothing valid, which the newest browsers let through as they
// are and the older ones refuse. Tables of a newer Unicode make the list shorter.
var unlike = []string{
	"look\u180eout.net", "look\u206bout.net", "\u04c0.com", "\U0002f868.com", "\u2183.com", "\u1e9e.com", "\u1e9e.foo.com",
	"xn--a", "xn--a.xn--zca", "xn--1ug.example", "xn--a-yoc", "xn--zn7c.com", "xn--0.com",
}

func TestParseHostMapsNamesAsBrowsersDo(t *testing.T) {
	t.Parallel()
	var rows []json.RawMessage
	require.NoError(t, json.Unmarshal(papers.Read(t, "testdata/wpt-toascii.json"), &rows))
	taken, refused, known := 0, 0, []string{}
	for _, raw := range rows {
		var row struct {
			Input  string
			Output *string
		}
		if json.Unmarshal(raw, &row) != nil {
			continue // a comment
		}
		// Most rows are single labels, and some begin with a blank, which
		// would be cut at the ends of an entry.
		const first, parent = "crm.", ".trusted.example"
		host, err := core.ParseHost("/host", first+row.Input+parent)
		switch {
		case row.Output == nil:
			require.Error(t, err, "%q is no name to a browser, but taken as %q", row.Input, host)
			refused++
		case err == nil:
			require.Equal(t, first+*row.Output+parent, string(host), row.Input)
			taken++
		default:
			if reason, _ := core.CheckHostname(first + *row.Output + parent); reason != "" {
				refused++ // a name that no page's host may have
				continue
			}
			known = append(known, row.Input)
		}
	}
	require.Subset(t, unlike, known)
	require.Positive(t, taken)
	t.Logf("%d names mapped alike, %d refused, %d known differences", taken, refused, len(known))
}

// Below a wildcard stands what nobody has entered: a label that only claims to
// be punycode is no host that a browser reports.
func TestWildcardsCoverOnlyWhatABrowserReports(t *testing.T) {
	t.Parallel()
	wildcard := core.Host("*.example.com")
	for _, host := range []string{"xn--a.example.com", "xn--zzzzzz999.example.com", "a.xn--0.example.com", "xn--abc-.example.com", "xn--.example.com"} {
		require.False(t, wildcard.Matches(host), host)
	}
	for _, host := range []string{"a.example.com", "xn--fsqu00a.example.com", "b.xn--fsqu00a.example.com"} {
		require.True(t, wildcard.Matches(host), host)
	}
}
