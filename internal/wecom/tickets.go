package wecom

import (
	"context"
	"net/url"

	"signet/internal/core"
)

// CorpTicket fetches the ticket that signs wx.config, with the access token of
// any app of the corp (get_jsapi_ticket, protocol notes 1.2). It counts against
// 400 an hour for the corp and 100 for the app. It fails with *Error.
func (c *Client) CorpTicket(ctx context.Context, token core.Secret) (Grant, error) {
	return c.grant(ctx, GetCorpTicket, url.Values{"access_token": {token.Expose()}})
}

// AgentTicket fetches the ticket that signs wx.agentConfig for the app whose
// access token it is, and for no other (ticket/get, protocol notes 1.3). It
// counts as CorpTicket does. It fails with *Error.
func (c *Client) AgentTicket(ctx context.Context, token core.Secret) (Grant, error) {
	return c.grant(ctx, GetAgentTicket, url.Values{"access_token": {token.Expose()}, "type": {"agent_config"}})
}
