package wecom

import (
	"context"
	"net/url"

	"signet/internal/core"
)

// Agent is what WeCom says of an app.
type Agent struct {
	AgentID core.AgentID
	Name    string // "" where WeCom's name for it is not one that can be shown
	Closed  bool   // stopped in WeCom's console
	Tries   int    // how often WeCom was asked for it
}

// Agent reads the app with that agent id (agent/get, protocol notes 1.5); an
// app may only read itself, which makes it the check that an agent id and a
// secret belong together. It fails with *Error: 40056 no such agent id, 301002
// another app's.
func (c *Client) Agent(ctx context.Context, token core.Secret, agent core.AgentID) (Agent, error) {
	answer, tries, err := c.ask(ctx, GetAgent, url.Values{"access_token": {token.Expose()}, "agentid": {string(agent)}})
	if err != nil {
		return Agent{}, err
	}
	found, cause := parseAgent(answer.body)
	if cause == nil && found.AgentID != agent {
		cause = errUnusable
	}
	if cause != nil {
		return Agent{}, unusable(GetAgent, cause, tries)
	}
	found.Tries = tries
	return found, nil
}
