package ticket_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/papers"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// Rows of the list that no answer of WeCom can show to this room: they are
// about names and certificates, and the room wecom has their tests. A refused
// connection has a test of its own below.
var belowThisRoom = []string{"refused", "dns-nxdomain", "dns-private", "tls-selfsigned", "tls-wrong-host", "tls-1.0"}

// Rows whose answer is a good one all the same.
var harmless = []string{"ok", "expires-huge", "expires-string", "clock-skew-date"}

func TestEveryUpstreamFaultIsAccountedFor(t *testing.T) {
	t.Parallel()
	var list struct {
		Rows []struct {
			ID string `json:"id"`
		} `json:"rows"`
	}
	require.NoError(t, json.Unmarshal(papers.Read(t, "testdata/wecom-upstream-faults.json"), &list))
	ids := make([]string, 0, len(list.Rows))
	for _, row := range list.Rows {
		ids = append(ids, row.ID)
	}
	require.ElementsMatch(t, ids, append(slices.Clone(belowThisRoom), wecomtest.FaultNames()...))
}

// The states in which a fault may meet a tenant.
var states = map[string]func(t *testing.T, n node) node{
	"cold": func(_ *testing.T, n node) node { return n },
	"warm": func(t *testing.T, n node) node {
		n.mustSign(t)
		return n
	},
	"token dead": func(t *testing.T, n node) node {
		n.mustSign(t)
		n.DB.Exec(t, `DELETE FROM signet.tickets WHERE kind <> 'access_token' AND tenant_id = $1`, n.tenant.ID.String())
		n.WeCom.Void(n.app.CorpID, n.app.AgentID, core.AccessToken)
		return n.restart(t)
	},
	"tickets over": func(t *testing.T, n node) node {
		n.mustSign(t)
		n.clock.Advance(life)
		return n
	},
}

// cells are a state and the API that the fault is laid over, "" for all of them.
type cell struct {
	state string
	api   wecom.API
}

var cells = []cell{
	{"cold", ""}, {"warm", ""}, {"token dead", ""}, {"tickets over", ""},
	{"cold", wecom.GetToken}, {"cold", wecom.GetCorpTicket}, {"cold", wecom.GetAgentTicket}, {"token dead", wecom.GetAgentTicket},
}

// TestEveryUpstreamFault lays each fault over all calls, or over those of one
// API, and asks twenty times. Whatever happens: a signature that is given is
// made of tickets that were issued to this very credential; otherwise there is
// a fault with a code and a time to come back; and WeCom is not stormed.
func TestEveryUpstreamFault(t *testing.T) {
	t.Parallel()
	for _, name := range wecomtest.FaultNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, ok := wecomtest.FindFault(name)
			require.True(t, ok)
			house := newNode(t, func(c *apptest.Config) {
				if f.Behaviour == wecomtest.Hang || f.Delay > 0 {
					c.CallTime = 100 * time.Millisecond
				}
			})
			for i, c := range cells {
				n := house
				n.tenant = n.Tenant(t, "企业 "+c.state, fmt.Sprintf("wwcell%010d", i))
				n.app = n.ColdApp(t, n.tenant, agent, apptest.Secret(fmt.Sprint("cell", i)), host)
				n = states[c.state](t, n)
				f := f
				f.Corp, f.API = n.app.CorpID, c.api
				n.meet(t, f, c)
			}
		})
	}
}

func (n node) meet(t *testing.T, f wecomtest.Fault, c cell) {
	t.Helper()
	const asked = 20
	n.WeCom.Inject(f)
	signed, refused := 0, map[fault.Code]int{}
	calls := n.since(func() {
		for range asked {
			answer, err := n.Sign(t.Context(), n.app, page)
			if err == nil {
				require.NoError(t, n.Verify(n.app, page, answer), c)
				signed++
				continue
			}
			var failure *fault.Error
			require.True(t, errors.As(err, &failure), "%v: %v has no code", c, err)
			require.Positive(t, failure.RetryAfter, "%v: %v", c, err)
			require.LessOrEqual(t, failure.RetryAfter, time.Hour, "%v: %v", c, err)
			refused[failure.Code]++
		}
	})
	switch {
	case c.state == "warm":
		require.Equal(t, asked, signed)
		require.Zero(t, calls)
	case slices.Contains(harmless, f.Name):
		require.Equal(t, asked, signed, "%v: %v", c, refused)
	default:
		require.Equal(t, map[fault.Code]int{wantCode(f.Name, c): asked}, refused, c)
	}
	// Five failures open the breaker; each may have been tried three times.
	require.LessOrEqual(t, calls.sum(), 19, "%v: %+v", c, calls)
	if slices.Contains([]string{"45009", "60020", "http-429", "unknown-errcode", "50001/50002", "errcode-40001", "40091"}, f.Name) {
		require.LessOrEqual(t, calls.sum(), 5, "%v: %+v: it was told not to", c, calls)
	}

	n.WeCom.ClearFaults()
	n.WeCom.Release()
	n.clock.Advance(time.Hour)
	if refused[fault.SecretRejected] > 0 {
		n.mustRefuse(t, fault.SecretRejected)
		_, err := n.Admin.TrySecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID, 1) // a person has it tried again
		require.NoError(t, err)
		n.Catch(t)
	}
	answer, err := n.Sign(t.Context(), n.app, page)
	require.NoError(t, err, c)
	require.NoError(t, n.Verify(n.app, page, answer), c)
}

// wantCode is what a page is told while a fault lasts.
func wantCode(name string, c cell) fault.Code {
	tokenFirst := c.state != "token dead" && (c.api == "" || c.api == wecom.GetToken)
	switch name {
	case "errcode-40001":
		if tokenFirst || c.api == "" { // the token is disowned, and the secret with it
			return fault.SecretRejected
		}
	case "40091":
		if tokenFirst {
			return fault.SecretRejected
		}
	case "60020":
		return fault.IPRefused
	case "45009", "http-429":
		return fault.WeComQuota
	}
	return fault.WeComUnavailable
}

func TestARefusedConnectionOpensTheBreaker(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	n := newNode(t, func(c *apptest.Config) { c.WeComURL = "http://" + listener.Addr().String() })
	for range 50 {
		n.mustRefuse(t, fault.WeComUnavailable)
	}
	again := n.restart(t)
	again.mustRefuse(t, fault.WeComUnavailable)
}

// A sick corp costs its neighbours nothing, also those with the same corp id.
func TestASickTenantCostsItsNeighboursNothing(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	neighbour := n
	neighbour.tenant = n.Tenant(t, "北辰物流", corp)
	neighbour.app = n.ColdApp(t, neighbour.tenant, "1000300", apptest.Secret("neighbour"), host)
	n.WeCom.Inject(wecomtest.Fault{Agent: agent, Errcode: 45009})
	n.mustRefuse(t, fault.WeComQuota)
	neighbour.mustSign(t)
	n.DB.Exec(t, `INSERT INTO signet.refused_calls (tenant_id, minute, api, errcode, calls) VALUES ($1, date_trunc('minute', now()), 'gettoken', 40001, 60)`, n.tenant.ID.String())
	neighbour.clock.Advance(life)
	neighbour.mustSign(t)
}
