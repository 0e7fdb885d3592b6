package wecomtest

import (
	"strconv"

	"signet/internal/core"
)

// showAgent answers agent/get (protocol notes 1.5): an app may read itself
// only. It may do so also while it is stopped, or "close" could never be 1.
func (s *Server) showAgent(req *request) reply {
	asked := req.query.Get("agentid")
	if asked == "" {
		return reply{errcode: errcodeNoAgent}
	}
	if _, err := core.ParseAgentID("", asked); err != nil {
		return reply{errcode: errcodeBadAgent}
	}
	if asked != string(req.by.app.Agent) {
		if len(s.credentials(req.by.app.Corp, core.AgentID(asked))) == 0 {
			return reply{errcode: errcodeBadAgent}
		}
		return reply{errcode: errcodeForeignAgent}
	}
	app := req.by.app
	closed, domain := 0, ""
	if app.Closed {
		closed = 1
	}
	if len(app.Domains) > 0 {
		domain = app.Domains[0]
	}
	return reply{members: []member{
		{"agentid", agentNumber(app.Agent)},
		{"name", app.Name},
		{"square_logo_url", ""},
		{"description", ""},
		{"allow_userinfos", map[string]any{"user": []any{}}},
		{"allow_partys", map[string]any{"partyid": []int{1}}},
		{"allow_tags", map[string]any{"tagid": []int{}}},
		{"close", closed},
		{"redirect_domain", domain},
		{"report_location_flag", 0},
		{"isreportenter", 0},
		{"home_url", ""},
	}}
}

// listAgents answers agent/list: the app of the token.
func listAgents(req *request) reply {
	app := req.by.app
	return reply{members: []member{{"agentlist", []map[string]any{
		{"agentid": agentNumber(app.Agent), "name": app.Name, "square_logo_url": ""},
	}}}}
}

func agentNumber(agent core.AgentID) int64 {
	n, err := strconv.ParseInt(string(agent), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
