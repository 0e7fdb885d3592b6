package ticket_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/signing"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// checkConfig checks a wx.config signature as the client would; whose token
// fetched the corp ticket does not matter to it.
func (n node) checkConfig(t *testing.T, app apptest.App, a signing.Answer) {
	t.Helper()
	require.NoError(t, n.WeCom.CheckSignature(wecomtest.Check{
		Kind: wecomtest.CheckConfig, Corp: app.CorpID, Agent: app.AgentID, PageURL: page,
		Timestamp: a.Timestamp, Nonce: string(a.Nonce[:]), Signature: string(a.Config[:]),
	}))
}

func TestAnotherAppOfTheCorpFetchesTheCorpTicket(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(n node){
		"the secret is dead":      func(n node) { n.WeCom.ResetSecret(corp, agent, apptest.Secret("reset")) },
		"our address is refused":  func(n node) { n.WeCom.SetAllowedIPs(corp, agent, "192.0.2.7") },
		"the app is disabled":     func(n node) { n.WeCom.SetClosed(corp, agent, true) },
		"the API is forbidden":    func(n node) { n.WeCom.Inject(wecomtest.Fault{Agent: agent, Errcode: 48002}) },
		"a number nobody knows":   func(n node) { n.WeCom.Inject(wecomtest.Fault{Agent: agent, Errcode: 99999}) },
		"its tokens are disowned": func(n node) { n.WeCom.Inject(wecomtest.Fault{Agent: agent, API: wecom.GetCorpTicket, Errcode: 40014}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			other := n.App(t, n.tenant, "1000300", apptest.Secret("other"), host)
			refuse(n)
			answer, err := n.signConfig(t.Context(), n.app)
			require.NoError(t, err)
			n.checkConfig(t, n.app, answer)
			require.Equal(t, []string{other.ID.String()}, n.DB.List(t, `SELECT fetched_by::text FROM signet.tickets WHERE kind = 'corp_ticket'`))
			require.Zero(t, n.since(func() {
				_, err := n.signConfig(t.Context(), n.app)
				require.NoError(t, err)
			}))
		})
	}
	t.Run("nobody else can give the agent ticket", func(t *testing.T) {
		t.Parallel()
		n := newNode(t)
		n.App(t, n.tenant, "1000300", apptest.Secret("other"), host)
		n.WeCom.ResetSecret(corp, agent, apptest.Secret("reset"))
		n.mustRefuse(t, fault.SecretRejected)
		require.Zero(t, n.WeCom.Count(wecomtest.Filter{API: wecom.GetAgentTicket, Agent: agent}))
	})
}

func TestNobodyElseStandsIn(t *testing.T) {
	t.Parallel()
	suspended := string(core.Suspended)
	for name, prepare := range map[string]func(t *testing.T, n node){
		"another tenant with the same corp": func(t *testing.T, n node) {
			n.App(t, n.Tenant(t, "北辰物流", corp), "1000300", apptest.Secret("stranger"), host)
		},
		"an app of the tenant's other corp": func(t *testing.T, n node) {
			const second = "wwfedcba0987654321"
			n.DB.Exec(t, `INSERT INTO signet.corps (tenant_id, corp_id) VALUES ($1, $2)`, n.tenant.ID.String(), second)
			n.WeCom.AddApp(wecomtest.App{Corp: second, Agent: "1000300", Name: "other", Secret: apptest.Secret("other")})
			_, err := n.Admin.CreateApp(t.Context(), apptest.Operator(), n.tenant.ID,
				admin.NewApp{Name: "other", AgentID: "1000300", CorpID: second, Secret: core.NewSecret(apptest.Secret("other"))})
			require.NoError(t, err)
		},
		"an app that is suspended": func(t *testing.T, n node) {
			other := n.App(t, n.tenant, "1000300", apptest.Secret("other"), host)
			_, err := n.Admin.UpdateApp(t.Context(), apptest.Operator(), n.tenant.ID, other.ID, nil, admin.AppChange{Status: &suspended})
			require.NoError(t, err)
		},
		"an app whose secret was never tried": func(t *testing.T, n node) {
			n.ColdApp(t, n.tenant, "1000300", apptest.Secret("other"), host)
		},
		"an app that WeCom refuses too": func(t *testing.T, n node) {
			n.App(t, n.tenant, "1000300", apptest.Secret("other"), host)
			n.DB.Exec(t, `UPDATE signet.app_secrets SET problem = 'wecom.ip_refused' WHERE checked_at IS NOT NULL`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			prepare(t, n)
			n.WeCom.ResetSecret(corp, agent, apptest.Secret("reset"))
			before := len(n.WeCom.Calls())
			_, err := n.signConfig(t.Context(), n.app)
			require.True(t, fault.Has(err, fault.SecretRejected), err)
			require.Len(t, n.WeCom.Calls(), before+1, "its own gettoken and nothing more")
		})
	}
}

// What is no fault of the app is no reason to try another.
func TestStandInsAreNotAskedWhenWeComIsAway(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"http-500", "45009", "-1", "ticket-empty"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			other := n.App(t, n.tenant, "1000300", apptest.Secret("other"), host)
			f, _ := wecomtest.FindFault(name)
			f.API = wecom.GetCorpTicket
			n.WeCom.Inject(f)
			_, err := n.signConfig(t.Context(), n.app)
			require.Error(t, err)
			require.Zero(t, n.WeCom.Count(wecomtest.Filter{API: wecom.GetCorpTicket, Agent: other.AgentID}))
		})
	}
}

func TestStandInsAreFew(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	for _, id := range []string{"1000301", "1000302", "1000303", "1000304", "1000305", "1000306"} {
		n.App(t, n.tenant, id, apptest.Secret("other"+id), host)
	}
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetCorpTicket, Errcode: 48002})
	calls := n.since(func() {
		for range 20 {
			_, err := n.signConfig(t.Context(), n.app)
			require.True(t, fault.Has(err, fault.WeComUnavailable), err)
			require.Equal(t, 48002, fault.Find(err).Errcode)
			require.Positive(t, fault.Find(err).RetryAfter)
		}
	})
	require.Equal(t, made{tokens: 1, corpTickets: 4}, calls)
	n.WeCom.ClearFaults()
	n.clock.Advance(time.Minute)
	_, err := n.signConfig(t.Context(), n.app)
	require.NoError(t, err)
}
