package wecomtest

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/core"
	"signet/internal/wecom"
)

// The numbers that the fake answers of its own accord (protocol notes 7).
const (
	errcodeOK             = 0
	errcodeBadSecret      = 40001
	errcodeBadCorp        = 40013
	errcodeBadToken       = 40014
	errcodeBadCode        = 40029
	errcodeBadParameter   = 40035
	errcodeBadAgent       = 40056
	errcodeForeignSecret  = 40091
	errcodeBadSignature   = 40093
	errcodeNoToken        = 41001
	errcodeNoCorp         = 41002
	errcodeNoSecret       = 41004
	errcodeNoAgent        = 41011
	errcodeTokenExpired   = 42001
	errcodeNoTicket       = 42012
	errcodeFrequency      = 45009
	errcodeDisabled       = 50003
	errcodeIP             = 60020
	errcodeUntrusted      = 80001
	errcodeForeignAgent   = 301002
	errcodeBusy           = -1
	maxCorpInLog          = 64
	timeLayoutOfHintStamp = "20060102150405"
)

// request is one call on its way through the rules.
type request struct {
	api    wecom.API
	query  url.Values
	caller netip.Addr
	now    time.Time
	by     *credential // whose secret or token it is; nil if nobody's
}

// reply is what WeCom says; members stand in the order in which they are sent.
type reply struct {
	errcode int
	members []member
	value   string // the token or ticket among the members
}

type member struct {
	name  string
	value any
}

// outcome is a reply and what is done to it on the way out.
type outcome struct {
	reply reply
	body  []byte
	fault *Fault
}

// answer decides one call and notes it.
func (s *Server) answer(api wecom.API, r *http.Request) outcome {
	req := &request{api: api, query: r.URL.Query(), caller: s.cfg.Caller(r), now: s.cfg.Clock()}

	s.mu.Lock()
	defer s.mu.Unlock()

	refusal := s.identify(req)
	fault := s.takeFault(req)
	var rep reply
	switch {
	case fault != nil && fault.replaces():
		rep = reply{errcode: fault.Errcode}
	default:
		rep = s.decide(req, refusal)
	}
	// Busy is WeCom's own failure; every other number is held against the caller.
	if rep.errcode != errcodeOK && rep.errcode != errcodeBusy {
		s.wrongCalls(req.caller).note(req.now)
	}
	if fault != nil {
		fault.bend(&rep)
	}
	s.note(req.entry(rep, fault))
	return outcome{reply: rep, body: s.render(req, rep), fault: fault}
}

// identify finds out whose call it is, or the number that refuses it.
func (s *Server) identify(req *request) (refusal int) {
	if req.api == wecom.GetToken {
		return s.identifySecret(req)
	}
	return s.identifyToken(req)
}

// decide applies the rules in the order in which they can be told apart from
// outside: the caller, the credential, the app, the call itself.
func (s *Server) decide(req *request, refusal int) reply {
	if s.wrongCalls(req.caller).blocks(req.now) || !s.takeCaller(req.api, req.caller, req.now) {
		return reply{errcode: errcodeFrequency}
	}
	if req.by != nil && !s.takeCorp(req.api, req.by.app.Corp, req.now) {
		return reply{errcode: errcodeFrequency}
	}
	if refusal != errcodeOK {
		return reply{errcode: refusal}
	}
	switch req.api {
	case wecom.GetToken:
		return s.giveToken(req)
	case wecom.GetCorpTicket:
		return s.giveTicket(req, core.CorpTicket)
	case wecom.GetAgentTicket:
		if req.query.Get("type") != "agent_config" {
			return reply{errcode: errcodeBadParameter}
		}
		return s.giveTicket(req, core.AgentTicket)
	case wecom.GetAgent:
		return s.showAgent(req)
	case wecom.GetUser:
		return s.showUser(req)
	case ListAgents:
		return listAgents(req)
	}
	return reply{members: []member{{"ip_list", vendorAddrs}}}
}

// vendorAddrs are addresses of the documentation's kind, not WeCom's.
var vendorAddrs = []string{"192.0.2.10", "192.0.2.11", "198.51.100.0/24"}

func (req *request) entry(rep reply, fault *Fault) Call {
	c := Call{Time: req.now, API: req.api, Errcode: rep.errcode, Caller: req.caller.String(), Value: shortHash(rep.value)}
	if fault != nil {
		c.Fault = fault.label()
	}
	if req.by != nil {
		c.Corp, c.Agent, c.Credential = req.by.app.Corp, req.by.app.Agent, req.by.tag
	} else if corp := req.query.Get("corpid"); len(corp) <= maxCorpInLog {
		c.Corp = core.CorpID(corp)
	}
	return c
}

// render writes the answer with errcode and errmsg first.
func (s *Server) render(req *request, rep reply) []byte {
	members := append([]member{{"errcode", rep.errcode}, {"errmsg", s.errmsg(req, rep.errcode)}}, rep.members...)
	body := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			body = append(body, ',')
		}
		body, _ = jsontext.AppendQuote(body, m.name)
		body = append(body, ':')
		text, err := json.Marshal(m.value, json.Deterministic(true))
		if err != nil {
			text = []byte("null") // only for a raw value of a fault that is no JSON
			if raw, ok := m.value.(jsontext.Value); ok {
				text = raw
			}
		}
		body = append(body, text...)
	}
	return append(body, '}')
}

// errmsg has the shape seen in the field (protocol notes, head).
func (s *Server) errmsg(req *request, errcode int) string {
	if errcode == errcodeOK {
		return "ok"
	}
	s.hints++
	return fmt.Sprintf("%s, hint: [%s%011d], from ip: %s, more info at %s",
		errmsg(errcode), req.now.UTC().Format(timeLayoutOfHintStamp), s.hints, req.caller, moreInfo(errcode))
}

func moreInfo(errcode int) string {
	return "https://open.work.weixin.qq.com/devtool/query?e=" + strconv.Itoa(errcode)
}

// errmsg is the short English text before the hint. Nobody may judge by it;
// where WeCom's is not known it is the meaning of the number.
func errmsg(errcode int) string {
	switch errcode {
	case errcodeBadSecret:
		return "invalid credential"
	case errcodeBadCorp:
		return "invalid corpid"
	case errcodeBadToken:
		return "invalid access_token"
	case errcodeBadCode:
		return "invalid code"
	case errcodeBadAgent:
		return "invalid agentid"
	case errcodeBadSignature:
		return "invalid signature"
	case errcodeNoToken:
		return "access_token missing"
	case errcodeNoCorp:
		return "corpid missing"
	case errcodeNoSecret:
		return "corpsecret missing"
	case errcodeTokenExpired:
		return "access_token expired"
	case errcodeNoTicket:
		return "ticket no available"
	case errcodeFrequency:
		return "api freq out of limit"
	case errcodeIP:
		return "not allow to access from your ip"
	case errcodeUntrusted:
		return "not match any reliable domain"
	case errcodeBusy:
		return "system busy"
	}
	_, meaning := wecom.Meaning(errcode)
	return meaning
}
