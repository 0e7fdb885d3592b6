package signing

import (
	"strings"
	"testing"

	"signet/internal/core"
	"signet/internal/papers"
)

// FuzzParsePage holds every string against the invariant: a page that was
// accepted is the beginning of what was given, up to its fragment, is a page to
// a browser as well, on the same host, and reads the same when read again; what
// a browser reports just as it was given, on a host that can be entered, is
// accepted.
func FuzzParsePage(f *testing.F) {
	for _, seed := range mutantSeeds {
		f.Add(seed, true)
	}
	for i, token := range mutantTokens {
		seed := mutantSeeds[i%len(mutantSeeds)]
		f.Add(seed[:12]+token+seed[12:], false)
	}
	if data, ok := papers.Find(f, "testdata/url-attack-corpus.json"); ok {
		_, rows := attackCorpus(f, data)
		for _, row := range rows {
			f.Add(row.Input, false)
		}
	}
	if _, ok := papers.Find(f, "testdata/wpt-urltestdata.json"); ok {
		for _, row := range wptRows(f, "testdata/wpt-urltestdata.json") {
			f.Add(row.Input, true)
		}
	}
	f.Fuzz(func(t *testing.T, text string, allowHTTP bool) {
		p, err := ParsePage(text, allowHTTP)
		if err == nil {
			fuzzAccepted(t, p, text, allowHTTP)
			return
		}
		o, ok := askBrowser(text)
		if !ok || o.href != text || o.protocol != "https:" || o.userinfo || len(text) > maxPageLength {
			return
		}
		if host, err := core.ParseHost("", o.host); err == nil && string(host) == o.host {
			t.Errorf("%q was refused: %v", text, err)
		}
	})
}

func fuzzAccepted(t *testing.T, p Page, text string, allowHTTP bool) {
	if before, _, _ := strings.Cut(text, "#"); p.String() != before {
		t.Errorf("%q was changed to %q", text, p)
	}
	if !allowHTTP && !strings.HasPrefix(text, secure) {
		t.Errorf("%q is not on https", text)
	}
	if claimed := claimedHost(text); claimed != p.Host() {
		t.Fatalf("%q claims %q and is a page of %q", text, claimed, p.Host())
	}
	if again, err := ParsePage(p.String(), allowHTTP); err != nil || again != p {
		t.Errorf("%q is another page when read again", p)
	}
	if _, err := core.ParseHost("", p.Host()); err != nil && strings.Contains("."+p.Host(), ".xn--") {
		return // made-up punycode, which no domain matches
	}
	if mistake := findMistake(p); mistake != "" {
		t.Errorf("%q: %s", text, mistake)
	}
}

// FuzzParseHost holds the entry of trusted domains against the rule for pages:
// whatever can be entered can be signed, and a browser goes to that very host.
func FuzzParseHost(f *testing.F) {
	for _, entered := range honestHosts {
		f.Add(entered)
	}
	for _, token := range mutantTokens {
		f.Add("crm" + token + ".trusted.example:8443")
		f.Add("*." + token + "trusted.example")
	}
	f.Fuzz(func(t *testing.T, text string) {
		host, err := core.ParseHost("/host", text)
		if err != nil {
			return
		}
		if again, err := core.ParseHost("/host", host.Unicode()); err != nil || again != host {
			t.Errorf("%q is stored as %q, shown as %q, and that is %q: %v", text, host, host.Unicode(), again, err)
		}
		if host.IsWildcard() {
			host = core.Host("crm" + strings.TrimPrefix(string(host), "*"))
			if reason, _ := core.CheckHostname(strings.Split(string(host), ":")[0]); reason != "" {
				return // too long now
			}
		}
		requireSignable(t, host)
	})
}
