package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

// console speaks to the console of a node as the owner. The status is 0 where
// the node did not answer within the patience.
func (c *cluster) console(ctx context.Context, n *node, method, path string, body any) answer {
	at := n.at.Load()
	if at == nil {
		return answer{}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	a, _ := send(ctx, method, at.console+path, body, "Authorization", "Bearer "+c.token) // status 0 says it
	return a
}

// signIn signs the owner in; the token is good on every node, for ten minutes.
func (c *cluster) signIn(t *testing.T) {
	t.Helper()
	a := c.console(t.Context(), c.nodes[0], "POST", "/session", map[string]any{"email": ownerEmail, "password": ownerPassword})
	require.Equal(t, 200, a.status, string(a.body))
	c.token = a.text(t, "accessToken")
}

// trySignIn signs in again, where the node can.
func (c *cluster) trySignIn(ctx context.Context, n *node) bool {
	a := c.console(ctx, n, "POST", "/session", map[string]any{"email": ownerEmail, "password": ownerPassword})
	var session struct {
		AccessToken string `json:"accessToken"`
	}
	if a.status != 200 || json.Unmarshal(a.body, &session) != nil {
		return false
	}
	c.token = session.AccessToken
	return true
}

func (c *cluster) makeTenant(t *testing.T, name, corp string) (tenantID string) {
	t.Helper()
	a := c.console(t.Context(), c.nodes[0], "POST", "/tenants", map[string]any{"name": name, "corpId": corp})
	require.Equal(t, 201, a.status, string(a.body))
	return a.text(t, "id")
}

// makeApp makes an app that the fake knows with the same secret, and that trusts
// one host. Tenants that have entered the same corp and agent have each a secret
// and a host of their own.
func (c *cluster) makeApp(t *testing.T, tenantID, corp, agent, check string) *app {
	t.Helper()
	a := &app{tenantID: tenantID, corp: core.CorpID(corp), agent: core.AgentID(agent)}
	secret := secretOf(tenantID[:8] + agent)
	a.secrets = []string{secret}
	host := fmt.Sprintf("crm-%s-%s.example.com", tenantID[:8], agent)
	a.page, a.siblings = "https://"+host+"/sidebar?id=1&x=%2F", []*app{a}
	c.weCom.AddApp(wecomtest.App{Corp: a.corp, Agent: a.agent, Name: "app", Secret: secret, Domains: []string{host}})
	made := c.console(t.Context(), c.nodes[0], "POST", "/tenants/"+tenantID+"/apps"+check, map[string]any{"name": "客户侧边栏", "agentId": agent, "secret": secret})
	require.Equal(t, 201, made.status, string(made.body))
	a.id, a.key = made.text(t, "id"), made.text(t, "key")
	require.Equal(t, 201, c.addDomain(t.Context(), c.nodes[0], a, host).status)
	return a
}

// secretOf makes a secret of WeCom's form out of a name.
func secretOf(name string) string { return (name + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG")[:43] }

func (c *cluster) addDomain(ctx context.Context, n *node, a *app, host string) answer {
	return c.console(ctx, n, "POST", "/tenants/"+a.tenantID+"/apps/"+a.id+"/domains", map[string]any{"host": host})
}
