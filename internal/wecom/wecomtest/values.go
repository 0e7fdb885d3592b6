package wecomtest

import (
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"signet/internal/core"
)

// tokenLength is WeCom's longest (protocol notes 1.1): whoever stores less
// must find out here.
const tokenLength = 512

// valueKey names what is fetched once and then held.
type valueKey struct {
	corp  core.CorpID
	agent core.AgentID // "" for a corp ticket that the corp's apps share
	tag   string
	kind  core.TicketKind
}

// value is a token or a ticket that was given.
type value struct {
	text   string
	key    valueKey
	by     *credential
	issued int64 // unix seconds
	end    time.Time
	void   bool
}

func (v *value) lives(now time.Time) bool { return !v.void && now.Before(v.end) }

// Issued lists every token or ticket of an app that was ever given, the oldest
// first, each once. Secrets of the same app are not told apart; Owner does.
func (s *Server) Issued(corp core.CorpID, agent core.AgentID, kind core.TicketKind) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*value
	for key, values := range s.given {
		if key.corp == corp && key.kind == kind && (key.agent == agent || key.agent == "") {
			list = append(list, values...)
		}
	}
	slices.SortStableFunc(list, func(a, b *value) int { return int(a.issued - b.issued) })
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.text
	}
	return texts
}

// Owner tells with which app's credential a token or ticket was first fetched.
func (s *Server) Owner(text string) (app App, kind core.TicketKind, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.byText[text]
	if v == nil {
		return App{}, "", false
	}
	return v.by.app, v.key.kind, true
}

// issue gives a value as the mode wants it, and the life that is claimed.
func (s *Server) issue(by *credential, kind core.TicketKind, now time.Time) (v *value, life time.Duration) {
	key := valueKey{by.app.Corp, by.app.Agent, by.tag, kind}
	if kind == core.CorpTicket && s.cfg.SharedCorpTicket {
		key.agent, key.tag = "", "corp"
	}
	mode := s.cfg.TicketMode
	if kind == core.AccessToken {
		mode = s.cfg.Mode
	}
	if mode == SameValue || mode == SameFullLife {
		for _, held := range s.given[key] {
			left := held.end.Sub(now).Truncate(time.Second)
			if !held.lives(now) || left <= 0 {
				continue
			}
			if mode == SameFullLife {
				left = s.cfg.Life
			}
			return held, left
		}
	}
	if mode == NewVoidsOld {
		s.void(s.given[key])
	}
	serial := 0
	for _, held := range s.given[key] {
		if held.issued == now.Unix() {
			serial++
		}
	}
	v = s.newValue(key, by, now.Unix(), serial)
	s.keep(v)
	return v, s.cfg.Life
}

func (s *Server) newValue(key valueKey, by *credential, issued int64, serial int) *value {
	return &value{
		text:   s.derive(key, issued, serial),
		key:    key,
		by:     by,
		issued: issued,
		end:    time.Unix(issued, 0).Add(s.cfg.Life),
	}
}

func (s *Server) keep(v *value) {
	s.given[v.key] = append(s.given[v.key], v)
	s.byText[v.text] = v
}

var kindNames = map[core.TicketKind]string{
	core.AccessToken: "token", core.CorpTicket: "corp", core.AgentTicket: "agent",
}

// derive makes the text of a value. It names kind, corp, agent and credential,
// so that a reader of a failed test sees whose it is.
func (s *Server) derive(key valueKey, issued int64, serial int) string {
	stamp := strconv.FormatInt(issued, 36) + "-" + strconv.Itoa(serial)
	head := strings.Join([]string{kindNames[key.kind], string(key.corp), string(key.agent), key.tag, stamp, ""}, ".")
	sum := s.mac("value", head)
	switch key.kind {
	case core.AgentTicket:
		return head + base64.StdEncoding.EncodeToString(sum) // with + / =, as seen in the field (protocol notes 1.3)
	case core.CorpTicket:
		return head + base64.RawURLEncoding.EncodeToString(sum)
	case core.AccessToken: // as long as the longest
	}
	text := head
	for block := 0; len(text) < tokenLength; block++ {
		text += base64.RawURLEncoding.EncodeToString(s.mac("value", head, strconv.Itoa(block)))
	}
	return text[:tokenLength]
}

// findToken gives the token that was presented, living or not. One that this
// process never gave is known all the same if it was derived from the same
// seed for an app that is here: the fake was restarted.
func (s *Server) findToken(text string) *value {
	if v := s.byText[text]; v != nil {
		if v.key.kind != core.AccessToken {
			return nil
		}
		return v
	}
	parts := strings.SplitN(text, ".", 6)
	if len(parts) != 6 || parts[0] != kindNames[core.AccessToken] {
		return nil
	}
	stamp, number, ok := strings.Cut(parts[4], "-")
	issued, err := strconv.ParseInt(stamp, 36, 64)
	serial, err2 := strconv.Atoi(number)
	if !ok || err != nil || err2 != nil {
		return nil
	}
	for _, c := range s.credentials(core.CorpID(parts[1]), core.AgentID(parts[2])) {
		v := s.newValue(valueKey{c.app.Corp, c.app.Agent, c.tag, core.AccessToken}, c, issued, serial)
		if subtle.ConstantTimeCompare([]byte(v.text), []byte(text)) == 1 {
			s.keep(v)
			return v
		}
	}
	return nil
}
