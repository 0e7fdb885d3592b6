package signing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/papers"
)

// attackRow is one address of the corpus of attacks and what must be done.
type attackRow struct {
	ID, Category, Input, Must string
	SignURL                   string `json:"sign_url"`
}

// attackCorpus reads the corpus; trusted are the hosts of its one tenant.
func attackCorpus(t testing.TB, data []byte) (trusted []core.Host, rows []attackRow) {
	t.Helper()
	var corpus struct {
		Trusted []string
		Cases   []attackRow
	}
	require.NoError(t, json.Unmarshal(data, &corpus))
	for _, text := range corpus.Trusted {
		host, err := core.ParseHost("/host", text)
		require.NoError(t, err)
		require.Equal(t, text, string(host))
		trusted = append(trusted, host)
	}
	return trusted, corpus.Cases
}

func isTrusted(trusted []core.Host, p Page) bool {
	for _, host := range trusted {
		if host.Matches(p.Host()) {
			return true
		}
	}
	return false
}

func TestAttackCorpusRowByRow(t *testing.T) {
	t.Parallel()
	trusted, rows := attackCorpus(t, papers.Read(t, "testdata/url-attack-corpus.json"))
	require.Len(t, rows, 289)
	signed, refused, untrusted := 0, 0, 0
	for _, row := range rows {
		p, err := ParsePage(row.Input, false)
		accepted := err == nil && isTrusted(trusted, p)
		require.Equal(t, row.Must == "accept", accepted, "%s %s %q: %v", row.ID, row.Category, row.Input, err)
		switch {
		case accepted:
			require.Equal(t, row.SignURL, p.String(), row.ID)
			require.Empty(t, findMistake(p), row.ID)
			signed++
		case err != nil:
			requireExplained(t, err, row.Input)
			refused++
		default:
			untrusted++
		}
	}
	require.Equal(t, 26, signed)
	t.Logf("%d signed, %d refused as addresses, %d as hosts that are not trusted", signed, refused, untrusted)
}

// requireExplained holds that a refusal has its code and says in both languages
// what is wrong.
func requireExplained(t *testing.T, err error, text string) {
	t.Helper()
	e := fault.Find(err)
	if text == "" {
		require.Equal(t, fault.URLMissing, e.Code)
		return
	}
	require.Equal(t, fault.URLInvalid, e.Code, "%q", text)
	require.NotEmpty(t, e.Reason, "%q", text)
	for _, language := range []fault.Language{fault.Chinese, fault.English} {
		sentence := e.Reason.Text(language, e.Args)
		require.NotEmpty(t, sentence, "%s has no text", e.Reason)
		require.NotRegexp(t, `\{[a-z]+\}`, sentence, "a name was left unfilled")
		require.True(t, strings.HasSuffix(e.Detail(language), sentence))
	}
}

func TestWebPlatformTestsAreFrozen(t *testing.T) {
	t.Parallel()
	// An update of the file is a deliberate change, made together with the
	// figures below.
	sum := sha256.Sum256(papers.Read(t, "testdata/wpt-urltestdata.json"))
	require.Equal(t, "355c9f1e5f34aae66ba8adfabf3c853f5cd30ea22964ef7a53eb292e7975d81e", hex.EncodeToString(sum[:]))
}

// wptLoose are the inputs of the Web Platform Tests that ParsePage takes and a
// browser reports with a byte escaped. The host is the same.
var wptLoose = []string{
	`http://example.org/test?"`,
	`http://example.org/test?<`,
	`http://example.org/test?>`,
	`https://example.com/"quoted"`,
}

func TestWebPlatformTestsClassified(t *testing.T) {
	t.Parallel()
	loose, hrefs, taken, refused := []string{}, map[string]bool{}, 0, map[fault.Reason]int{}
	for _, row := range wptRows(t, "testdata/wpt-urltestdata.json") {
		if p, err := ParsePage(row.Input, true); err == nil {
			require.False(t, row.Failure, "%q is no address to a browser", row.Input)
			require.Equal(t, row.Host, p.Host(), row.Input)
			href, _, _ := strings.Cut(row.Href, "#")
			if href != p.String() {
				require.Equal(t, href, escapeAsBrowsers(p.String()))
				loose = append(loose, row.Input)
			}
		}
		isPage := strings.HasPrefix(row.Href, secure) || strings.HasPrefix(row.Href, insecure)
		if !isPage || hrefs[row.Href] {
			continue
		}
		hrefs[row.Href] = true
		p, err := ParsePage(row.Href, true)
		if err != nil {
			requireExplained(t, err, row.Href)
			refused[fault.Find(err).Reason]++
			continue
		}
		taken++
		require.Equal(t, row.Host, p.Host())
		href, _, _ := strings.Cut(row.Href, "#")
		require.Equal(t, href, p.String())
	}
	require.Empty(t, cmp.Diff(wptLoose, loose))
	require.Equal(t, 184, len(hrefs))
	require.Equal(t, 105, taken)
	// What a browser reports and the rule refuses: none of it can be a trusted
	// domain of WeCom.
	require.Empty(t, cmp.Diff(map[fault.Reason]int{
		fault.ReasonHostSingle:     34,
		fault.ReasonURLUserinfo:    25,
		fault.ReasonHostIP:         16,
		fault.ReasonHostEmptyLabel: 3,
		fault.ReasonHostCharacter:  1,
	}, refused))
}

func TestAdaExtraRowsClassified(t *testing.T) {
	t.Parallel()
	taken := 0
	for _, row := range wptRows(t, "testdata/ada-extra-urltestdata.json") {
		for _, text := range []string{row.Input, row.Href} {
			p, err := ParsePage(text, true)
			if err != nil {
				requireExplained(t, err, text)
				continue
			}
			taken++
			require.False(t, row.Failure, text)
			require.Equal(t, row.Host, p.Host(), text)
			href, _, _ := strings.Cut(row.Href, "#")
			require.Equal(t, href, escapeAsBrowsers(p.String()), text)
		}
	}
	require.Positive(t, taken)
}

// oracleMisses are the rows of the Web Platform Tests in which the oracle, made
// after the standard of 2023, is not of the newest opinion. None bears on a page
// whose host is compared byte for byte with a host that core.ParseHost took.
var oracleMisses = []string{
	// Blanks at the end of an opaque path.
	"non-special:opaque  ?hi",
	"non-special:opaque  #hi",
	"non-special:opaque \t\t  \t#hi",
	"non-special:opaque \t\t  #hi",
	"non-special:opaque\t\t  \r #hi",
	// Labels in xn-- that decode to nothing valid.
	"http://a.b.c.xn--pokxncvks",
	"http://10.0.0.xn--pokxncvks",
	"http://a.b.c.XN--pokxncvks",
	"http://a.b.c.Xn--pokxncvks",
	"http://10.0.0.XN--pokxncvks",
	"http://10.0.0.xN--pokxncvks",
	"file://xn--/p",
	// "^" in a path.
	"foo://host/ !\"$%&'()*+,-./:;<=>@[\\]^_`{|}~",
	"wss://host/ !\"$%&'()*+,-./:;<=>@[\\]^_`{|}~",
	// Again xn--.
	"https://xn--/",
}

func TestOracleMissesAreKnown(t *testing.T) {
	t.Parallel()
	misses := []string{}
	for _, row := range wptRows(t, "testdata/wpt-urltestdata.json") {
		base := ""
		if row.Base != nil {
			base = *row.Base
		}
		u, err := oracle.Parse(row.Input)
		if base != "" {
			u, err = oracle.ParseRef(base, row.Input)
		}
		if row.Failure != (err != nil) || err == nil && u.Href(false) != row.Href {
			misses = append(misses, row.Input)
		}
	}
	require.Empty(t, cmp.Diff(oracleMisses, misses))
}

func TestBrowserHrefsAreTakenAsTheyAre(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/browser-hrefs.json")
	require.NoError(t, err)
	var list struct {
		Rows []struct{ How, Typed, Href string }
	}
	require.NoError(t, json.Unmarshal(data, &list))
	refused := map[fault.Reason]int{}
	for _, row := range list.Rows {
		if row.Href != "" {
			p, err := ParsePage(row.Href, true)
			if err != nil {
				requireExplained(t, err, row.Href)
				refused[fault.Find(err).Reason]++
			} else {
				page, _, _ := strings.Cut(row.Href, "#")
				require.Equal(t, page, p.String())
				require.Empty(t, findMistake(p), row.Href)
			}
		}
		// What was typed is signed only where the browser leaves it as it is.
		if p, err := ParsePage(row.Typed, true); err == nil {
			require.NotEmpty(t, row.Href, row.Typed)
			page, _, _ := strings.Cut(row.Href, "#")
			require.Equal(t, page, p.String(), row.Typed)
		}
	}
	// User names, IP addresses, single labels, a final dot and an underscore:
	// no such page can be trusted.
	require.Empty(t, cmp.Diff(map[fault.Reason]int{
		fault.ReasonURLUserinfo: 2, fault.ReasonHostIP: 4, fault.ReasonHostSingle: 1, fault.ReasonHostFinalDot: 1, fault.ReasonHostCharacter: 1,
	}, refused))
}
