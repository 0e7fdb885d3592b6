package signing

import (
	"encoding/json"
	"strings"
	"testing"

	whatwg "github.com/nlnwa/whatwg-url/url"
	"github.com/stretchr/testify/require"

	"signet/internal/papers"
)

// The oracle is a parser written by others after the standard that browsers
// follow. It shares no line with the rule, so that the two can be held against
// each other.
var oracle = whatwg.NewParser()

// opinion is what a browser makes of a string.
type opinion struct {
	href     string // as location.href would show it
	page     string // href without its fragment
	protocol string // "https:"
	host     string // host[:port]
	hostname string
	userinfo bool
}

// askBrowser gives the oracle's opinion; ok is false if no browser would take
// text for an address.
func askBrowser(text string) (o opinion, ok bool) {
	u, err := oracle.Parse(text)
	if err != nil {
		return opinion{}, false
	}
	return opinion{
		href: u.Href(false), page: u.Href(true), protocol: u.Protocol(), host: u.Host(), hostname: u.Hostname(),
		userinfo: u.Username() != "" || u.Password() != "",
	}, true
}

// The bytes that ParsePage lets stand although a browser escapes them, as the
// standard has it for the path and for the query of an https address. The
// standard escapes "^" in a path since 2023; the oracle is older.
var (
	escapePath  = strings.NewReplacer(`"`, "%22", "<", "%3C", ">", "%3E", "`", "%60", "{", "%7B", "}", "%7D")
	escapeQuery = strings.NewReplacer(`"`, "%22", "<", "%3C", ">", "%3E", "'", "%27")
)

// escapeAsBrowsers gives page with these bytes escaped: what a browser would
// report for it.
func escapeAsBrowsers(page string) string {
	path, query, hasQuery := strings.Cut(page, "?")
	if !hasQuery {
		return escapePath.Replace(path)
	}
	return escapePath.Replace(path) + "?" + escapeQuery.Replace(query)
}

// findMistake tells what a browser has to say against a page that was accepted,
// "" if nothing.
func findMistake(p Page) string {
	o, ok := askBrowser(p.String())
	switch {
	case !ok:
		return "no browser takes it for an address"
	case o.protocol != "https:" && o.protocol != "http:":
		return "its scheme is " + o.protocol
	case o.userinfo:
		return "it holds a user name or a password"
	case o.host != p.Host():
		return "a browser goes to " + o.host + ", not to " + p.Host()
	case !p.HasOrigin(o.protocol + "//" + o.host):
		return "its origin is " + o.protocol + "//" + o.host
	case o.page != escapeAsBrowsers(p.String()):
		return "a browser reports " + o.page
	}
	return ""
}

// wptRow is a row of the Web Platform Tests' file of addresses.
type wptRow struct {
	Input   string
	Base    *string
	Failure bool
	Href    string
	Host    string
}

// wptRows reads such a file; the strings in it are comments.
func wptRows(t testing.TB, name string) []wptRow {
	t.Helper()
	var raws []json.RawMessage
	require.NoError(t, json.Unmarshal(papers.Read(t, name), &raws))
	var rows []wptRow
	for _, raw := range raws {
		var row wptRow
		if raw[0] != '{' {
			continue
		}
		require.NoError(t, json.Unmarshal(raw, &row))
		rows = append(rows, row)
	}
	return rows
}
