package wecomtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"

	"signet/internal/core"
)

// App is an app of a corp as it is set up in WeCom's console.
type App struct {
	Corp       core.CorpID  `json:"corp"`
	Agent      core.AgentID `json:"agent"`
	Name       string       `json:"name"`
	Secret     string       `json:"secret,omitzero"`
	Domains    []string     `json:"domains,omitempty"`    // trusted domains, host or host:port
	AllowedIPs []string     `json:"allowedIps,omitempty"` // addresses or networks; empty allows all
	Closed     bool         `json:"closed,omitempty"`

	RedirectDomain string   `json:"redirectDomain,omitempty"` // where a sign-in may lead back to (授权回调域), host or host:port
	People         []string `json:"people,omitempty"`         // who of the corp can sign in; one with a "/" is a linked corp's
}

// credential is one secret of an app. It goes on existing when the secret has
// died, because the tickets fetched with it live on.
type credential struct {
	app  App
	tag  string // names the credential inside values, without telling the secret
	dead bool
}

// AddApp sets an app up. For a corp and agent that are there already, a secret
// that is there too changes what is set; another secret stands beside the
// first, with tokens, tickets and trusted domains of its own. The real WeCom
// has no second secret: it lets a test see whose values are served to whom.
func (s *Server) AddApp(app App) {
	app.Domains, app.AllowedIPs, app.People = slices.Clone(app.Domains), slices.Clone(app.AllowedIPs), slices.Clone(app.People)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.credentials(app.Corp, app.Agent) {
		if c.app.Secret == app.Secret {
			c.app = app
			return
		}
	}
	s.addCredential(app)
}

// ResetSecret does what the button in WeCom's console does: every former
// secret of the app and the tokens fetched with it die at once. Tickets live
// to their end, as they do not depend on the secret.
func (s *Server) ResetSecret(corp core.CorpID, agent core.AgentID, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	former := s.credentials(corp, agent)
	if len(former) == 0 {
		return
	}
	app := former[len(former)-1].app
	for _, c := range former {
		s.kill(c)
	}
	app.Secret = secret
	s.addCredential(app)
}

// RemoveSecret lets one secret of an app die, with its tokens.
func (s *Server) RemoveSecret(corp core.CorpID, agent core.AgentID, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.credentials(corp, agent) {
		if c.app.Secret == secret {
			s.kill(c)
		}
	}
}

// SetClosed stops an app in WeCom's console, or starts it again.
func (s *Server) SetClosed(corp core.CorpID, agent core.AgentID, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.credentials(corp, agent) {
		c.app.Closed = closed
	}
}

// SetAllowedIPs changes the trusted IPs of an app; none allows all.
func (s *Server) SetAllowedIPs(corp core.CorpID, agent core.AgentID, allowed ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.credentials(corp, agent) {
		c.app.AllowedIPs = slices.Clone(allowed)
	}
}

// RemoveCorp takes a corp away with all its apps, tokens and tickets.
func (s *Server) RemoveCorp(corp core.CorpID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.corps[corp] {
		s.forget(c)
	}
	delete(s.corps, corp)
	for key, values := range s.given {
		if key.corp == corp {
			s.void(values)
		}
	}
}

// Void lets every value of a kind that an app holds die before its end, as
// WeCom may at any time (protocol notes 1.1).
func (s *Server) Void(corp core.CorpID, agent core.AgentID, kind core.TicketKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, values := range s.given {
		if key.corp == corp && key.kind == kind && (key.agent == agent || key.agent == "") {
			s.void(values)
		}
	}
}

// Apps lists the apps, one entry for each secret that is alive.
func (s *Server) Apps() []App {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []App
	for _, credentials := range s.corps {
		for _, c := range credentials {
			if !c.dead {
				list = append(list, c.app)
			}
		}
	}
	slices.SortFunc(list, func(a, b App) int {
		return slices.Compare([]string{string(a.Corp), string(a.Agent), a.Secret}, []string{string(b.Corp), string(b.Agent), b.Secret})
	})
	return list
}

// credentials lists the living credentials of an app.
func (s *Server) credentials(corp core.CorpID, agent core.AgentID) []*credential {
	var list []*credential
	for _, c := range s.corps[corp] {
		if c.app.Agent == agent && !c.dead {
			list = append(list, c)
		}
	}
	return list
}

func (s *Server) addCredential(app App) {
	tag := hex.EncodeToString(s.mac("credential", string(app.Corp), string(app.Agent), app.Secret)[:6])
	c := &credential{app: app, tag: tag}
	s.corps[app.Corp] = append(s.corps[app.Corp], c)
	s.secrets[app.Secret] = append(s.secrets[app.Secret], c)
}

func (s *Server) kill(c *credential) {
	c.dead = true
	s.forget(c)
	s.void(s.given[valueKey{c.app.Corp, c.app.Agent, c.tag, core.AccessToken}])
}

// void lets the values die that live; one that has ended stays what it is.
func (s *Server) void(values []*value) {
	now := s.cfg.Clock()
	for _, v := range values {
		if v.lives(now) {
			v.void = true
		}
	}
}

func (s *Server) forget(c *credential) {
	rest := slices.DeleteFunc(s.secrets[c.app.Secret], func(other *credential) bool { return other == c })
	if len(rest) == 0 {
		delete(s.secrets, c.app.Secret)
		return
	}
	s.secrets[c.app.Secret] = rest
}

// allows tells whether the app's trusted IPs let the caller in.
func (c *credential) allows(caller netip.Addr) bool {
	if len(c.app.AllowedIPs) == 0 {
		return true
	}
	return slices.ContainsFunc(c.app.AllowedIPs, func(text string) bool {
		if network, err := netip.ParsePrefix(text); err == nil {
			return network.Contains(caller)
		}
		addr, err := netip.ParseAddr(text)
		return err == nil && addr.Unmap() == caller
	})
}

// mac authenticates the parts, length-prefixed, under the seed.
func (s *Server) mac(parts ...string) []byte {
	m := hmac.New(sha256.New, s.cfg.Seed)
	for _, part := range parts {
		_, _ = m.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		_, _ = m.Write([]byte(part))
	}
	return m.Sum(nil)
}
