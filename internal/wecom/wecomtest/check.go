package wecomtest

import (
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"signet/internal/core"
)

// CheckKind is what a signature is for.
type CheckKind string

// The kinds: wx.config takes the corp ticket, wx.agentConfig the agent ticket.
const (
	CheckConfig      CheckKind = "config"
	CheckAgentConfig CheckKind = "agent_config"
)

// Check is a signature as a page hands it to the WeCom client.
type Check struct {
	Kind      CheckKind    `json:"kind"`
	Corp      core.CorpID  `json:"corp"`
	Agent     core.AgentID `json:"agent"`   // config does without
	PageURL   string       `json:"pageUrl"` // as the client shows it, location.href
	Timestamp int64        `json:"timestamp"`
	Nonce     string       `json:"nonceStr"`
	Signature string       `json:"signature"`

	// Secret demands that the ticket was fetched with this very secret. The
	// real client cannot see that; a test of caches wants to.
	Secret string `json:"secret,omitempty"`
}

// CheckError is how the client refuses a signature.
type CheckError struct {
	Kind    CheckKind
	Errcode int
	Text    string
}

// Error gives the client's sentence (protocol notes 6.3).
func (e *CheckError) Error() string {
	name := "config"
	if e.Kind == CheckAgentConfig {
		name = "agentConfig"
	}
	return name + ":" + e.Text + " more info at " + moreInfo(e.Errcode)
}

// restartSerials is how many values of one second are looked for after a
// restart in the modes with a new value each time; in the others there is one.
const restartSerials = 4

// CheckSignature checks a signature as the client would: it recomputes it with
// the tickets that live now, then looks whether the page is trusted. It fails
// with *CheckError: 40013 no such corp, 40056 no such app, 42012 no ticket
// lives that was fetched with this app's token, or it is another app's, 40093
// the signature is not that of any living ticket, 80001 page not trusted.
func (s *Server) CheckSignature(c Check) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(errcode int) error { return &CheckError{Kind: c.Kind, Errcode: errcode, Text: errmsg(errcode)} }

	if c.Kind != CheckConfig && c.Kind != CheckAgentConfig || c.Nonce == "" || c.Timestamp <= 0 {
		return refuse(errcodeBadParameter)
	}
	if len(s.corps[c.Corp]) == 0 {
		return refuse(errcodeBadCorp)
	}
	if c.Agent == "" && c.Kind == CheckAgentConfig {
		return refuse(errcodeNoAgent)
	}
	if c.Agent != "" && len(s.credentials(c.Corp, c.Agent)) == 0 {
		return refuse(errcodeBadAgent)
	}

	kind := core.CorpTicket
	if c.Kind == CheckAgentConfig {
		kind = core.AgentTicket
	}
	ticket := s.findTicket(c, kind)
	switch {
	case ticket == nil && kind == core.AgentTicket && !s.holdsTicket(c):
		return refuse(errcodeNoTicket)
	case ticket == nil:
		return refuse(errcodeBadSignature)
	case kind == core.AgentTicket && ticket.key.agent != c.Agent:
		return refuse(errcodeNoTicket)
	case c.Secret != "" && ticket.by.app.Secret != c.Secret:
		return refuse(errcodeBadSignature)
	}
	if !s.trusts(c, ticket) {
		return refuse(errcodeUntrusted)
	}
	return nil
}

// findTicket looks for the living ticket of the corp that made the signature,
// first among those that this process gave, then among those that a former one
// with the same seed can have given.
func (s *Server) findTicket(c Check, kind core.TicketKind) *value {
	now := s.cfg.Clock()
	for key, values := range s.given {
		if key.corp != c.Corp || key.kind != kind {
			continue
		}
		for _, v := range values {
			if v.lives(now) && signature(v.text, c) == c.Signature {
				return v
			}
		}
	}
	if !s.seeded || s.started.Add(s.cfg.Life).Before(now) {
		return nil
	}
	serials := 1
	if s.cfg.TicketMode == NewValue || s.cfg.TicketMode == NewVoidsOld {
		serials = restartSerials
	}
	for _, by := range s.corps[c.Corp] {
		key := valueKey{by.app.Corp, by.app.Agent, by.tag, kind}
		if kind == core.CorpTicket && s.cfg.SharedCorpTicket {
			key.agent, key.tag = "", "corp"
		}
		oldest := now.Add(-s.cfg.Life).Unix() + 1
		for issued := oldest; issued <= s.started.Unix(); issued++ {
			for serial := range serials {
				v := s.newValue(key, by, issued, serial)
				if s.byText[v.text] == nil && signature(v.text, c) == c.Signature {
					s.keep(v)
					return v
				}
			}
		}
	}
	return nil
}

// holdsTicket tells whether any agent ticket of the app lives.
func (s *Server) holdsTicket(c Check) bool {
	now := s.cfg.Clock()
	for key, values := range s.given {
		if key.corp == c.Corp && key.agent == c.Agent && key.kind == core.AgentTicket &&
			slices.ContainsFunc(values, func(v *value) bool { return v.lives(now) }) {
			return true
		}
	}
	return false
}

// trusts looks at the domains of the ticket's own credential, so that one that
// stands beside another for the same app keeps its own; a corp ticket that
// another app fetched is judged by the domains of the app that uses it.
func (s *Server) trusts(c Check, ticket *value) bool {
	var domains []string
	switch {
	case ticket.key.agent != "" && ticket.by.app.Agent == c.Agent:
		domains = ticket.by.app.Domains
	default:
		for _, other := range s.corps[c.Corp] {
			if !other.dead && (c.Agent == "" || other.app.Agent == c.Agent) {
				domains = append(domains, other.app.Domains...)
			}
		}
	}
	return slices.ContainsFunc(domains, func(domain string) bool { return s.cfg.Domains.Trusts(domain, page(c.PageURL)) })
}

// page cuts what the client does not sign.
func page(href string) string {
	href, _, _ = strings.Cut(href, "#")
	return href
}

// signature recomputes it (protocol notes 4.1): fixed order, values raw.
func signature(ticket string, c Check) string {
	return Sign(ticket, c.Nonce, c.Timestamp, c.PageURL)
}

// Sign computes the signature that the client expects, for tests that hold a
// ticket from Issued. The page is cut at the first "#".
func Sign(ticket, nonce string, timestamp int64, pageURL string) string {
	sum := sha1.Sum([]byte("jsapi_ticket=" + ticket + "&noncestr=" + nonce +
		"&timestamp=" + strconv.FormatInt(timestamp, 10) + "&url=" + page(pageURL)))
	return hex.EncodeToString(sum[:])
}
