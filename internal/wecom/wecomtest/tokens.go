package wecomtest

import (
	"time"

	"signet/internal/core"
)

// identifySecret finds the credential of a gettoken. Which of 40001 and 40091
// comes when is not documented; here 40091 is a secret that is alive in
// another corp, 40001 one that is alive nowhere.
func (s *Server) identifySecret(req *request) (refusal int) {
	corp, secret := core.CorpID(req.query.Get("corpid")), req.query.Get("corpsecret")
	if corp == "" {
		return errcodeNoCorp
	}
	if secret == "" {
		return errcodeNoSecret
	}
	if _, known := s.corps[corp]; !known {
		return errcodeBadCorp
	}
	elsewhere := false
	for _, c := range s.secrets[secret] {
		if c.app.Corp == corp {
			req.by = c
			return closedApp(c)
		}
		elsewhere = true
	}
	if elsewhere {
		return errcodeForeignSecret
	}
	return errcodeBadSecret
}

// identifyToken finds the credential of any call that carries a token. The
// trusted IPs are checked here and not in gettoken, which may succeed while
// later calls give 60020 (protocol notes 8, 10).
func (s *Server) identifyToken(req *request) (refusal int) {
	text := req.query.Get("access_token")
	if text == "" {
		return errcodeNoToken
	}
	token := s.findToken(text)
	if token == nil {
		return errcodeBadToken
	}
	req.by = token.by
	switch {
	case token.void:
		return errcodeBadToken
	case !token.lives(req.now):
		return errcodeTokenExpired
	case !token.by.allows(req.caller):
		return errcodeIP
	}
	return errcodeOK
}

// giveToken answers a gettoken that nothing speaks against.
func (s *Server) giveToken(req *request) reply {
	v, life := s.issue(req.by, core.AccessToken, req.now)
	return reply{value: v.text, members: []member{{"access_token", v.text}, {"expires_in", int64(life / time.Second)}}}
}

func closedApp(c *credential) (refusal int) {
	if c.app.Closed {
		return errcodeDisabled
	}
	return errcodeOK
}
