package wecomtest

import (
	"net/netip"
	"net/url"
	"strings"
)

// DomainRule says when a page lies under a trusted domain. The vendor's papers
// are disputed for the JS-SDK (protocol notes 5).
type DomainRule string

// The rules. Both compare the port; a port that is not said is the scheme's.
const (
	DomainSubdomain DomainRule = "subdomain" // the domain itself and what is below it
	DomainExact     DomainRule = "exact"     // the domain itself; also the rule of OAuth
)

// Trusts tells whether a page lies under a trusted domain as it was entered in
// WeCom's console: a host, with a port where it is not the scheme's.
func (rule DomainRule) Trusts(domain, page string) bool {
	address, err := url.Parse(page)
	if err != nil || address.User != nil || address.Opaque != "" {
		return false
	}
	standard, ok := map[string]string{"http": "80", "https": "443"}[address.Scheme]
	if !ok {
		return false
	}
	host, port := address.Hostname(), address.Port()
	if port == "" {
		port = standard
	}
	wantHost, wantPort, ok := strings.Cut(domain, ":")
	if !ok {
		wantPort = standard
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return false // bare IP hosts do not work (protocol notes 5)
	}
	if host == "" || wantHost == "" || port != wantPort {
		return false
	}
	return host == wantHost || rule == DomainSubdomain && strings.HasSuffix(host, "."+wantHost)
}
