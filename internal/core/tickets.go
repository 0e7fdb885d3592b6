package core

// TicketKind tells the three things apart that Signet fetches from WeCom.
type TicketKind string

// The kinds. The access token fetches the other two; the corp ticket signs
// wx.config, the agent ticket signs wx.agentConfig, and neither can stand in
// for the other (protocol notes 1.3).
const (
	AccessToken TicketKind = "access_token"
	CorpTicket  TicketKind = "corp_ticket"
	AgentTicket TicketKind = "agent_ticket"
)
