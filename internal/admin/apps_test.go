package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// refusals are the ways in which an app is not made. Each begins with an app
// that would be.
var refusals = []struct {
	name    string
	change  func(b bundle, n *admin.NewApp)
	code    fault.Code
	errcode int
	reason  fault.Reason
	calls   int // to WeCom
	refused int // written into the ledger
}{
	{"a wrong secret", func(_ bundle, n *admin.NewApp) { n.Secret = core.NewSecret(apptest.Secret("wrong")) },
		fault.SecretRefused, 40001, fault.ReasonWrongSecret, 1, 1},
	{"the secret of another corp", func(b bundle, n *admin.NewApp) {
		b.addApp("wwfedcba0987654321", "1000300", apptest.Secret("elsewhere"))
		n.Secret = core.NewSecret(apptest.Secret("elsewhere"))
	}, fault.SecretRefused, 40091, fault.ReasonWrongCorp, 1, 1},
	{"a corp that WeCom does not know", func(b bundle, _ *admin.NewApp) { b.WeCom.RemoveCorp(corp) },
		fault.SecretRefused, 40013, fault.ReasonWrongCorp, 1, 1},
	{"an agent id that the corp does not have", func(_ bundle, n *admin.NewApp) { n.AgentID = "1000777" },
		fault.SecretRefused, 40056, fault.ReasonWrongAgent, 2, 1},
	{"another app's agent id", func(b bundle, n *admin.NewApp) {
		b.addApp(corp, "1000778", apptest.Secret("another"))
		n.AgentID = "1000778"
	}, fault.SecretRefused, 301002, fault.ReasonWrongAgent, 2, 1},
	{"an app that is disabled", func(b bundle, n *admin.NewApp) { b.WeCom.SetClosed(corp, core.AgentID(n.AgentID), true) },
		fault.SecretRefused, 50003, fault.ReasonAppDisabled, 1, 1},
	{"an app that was stopped in the middle", func(b bundle, _ *admin.NewApp) {
		b.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgent, Body: `{"errcode":0,"errmsg":"ok","agentid":1000300,"name":"x","close":1}`})
	}, fault.SecretRefused, 50003, fault.ReasonAppDisabled, 2, 0},
	{"an address that is not trusted", func(b bundle, n *admin.NewApp) {
		b.WeCom.SetAllowedIPs(corp, core.AgentID(n.AgentID), "192.0.2.1")
	}, fault.SecretRefused, 60020, fault.ReasonIPRefused, 2, 1},
	{"a number nobody knows", func(b bundle, _ *admin.NewApp) {
		b.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Errcode: 99999})
	},
		fault.SecretRefused, 99999, fault.ReasonOther, 3, 1},
	{"WeCom away", func(b bundle, _ *admin.NewApp) { b.WeCom.Inject(wecomtest.Fault{Status: 500, Body: "away"}) },
		fault.WeComUnavailable, 0, "", 1, 0},
	{"WeCom busy", func(b bundle, _ *admin.NewApp) { b.WeCom.Inject(wecomtest.Fault{Errcode: -1}) },
		fault.WeComUnavailable, -1, "", 3, 0},
	{"WeCom's quota", func(b bundle, _ *admin.NewApp) {
		b.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Errcode: 45009})
	},
		fault.WeComQuota, 45009, "", 3, 0},
	{"an empty ticket", func(b bundle, _ *admin.NewApp) {
		b.WeCom.Inject(wecomtest.Fault{API: wecom.GetAgentTicket, Value: new("")})
	}, fault.WeComUnavailable, 0, "", 3, 0},
	{"a corp that the tenant does not have", func(_ bundle, n *admin.NewApp) { n.CorpID = "wwfedcba0987654321" },
		fault.CorpUnknown, 0, "", 0, 0},
	{"an app that is there already", func(_ bundle, n *admin.NewApp) { n.AgentID = agent },
		fault.AppExists, 0, "", 0, 0},
}

func TestAnAppThatWeComRefusesLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.mustSign(t)
			n := b.known("1000300", apptest.Secret("new"))
			c.change(b, &n)
			before, calls := b.contents(t), len(b.WeCom.Calls())
			_, err := b.Admin.CreateApp(t.Context(), apptest.Operator(), b.tenant.ID, n)
			b.requireRefused(t, err, c.code, c.errcode, c.reason)
			require.Len(t, b.WeCom.Calls(), calls+c.calls)
			require.EqualValues(t, c.refused, b.DB.Exec(t, `DELETE FROM signet.refused_calls`))
			require.Equal(t, before, b.contents(t), "nothing stored at all")

			_, err = b.Sign(t.Context(), b.app, page)
			require.NoError(t, err, "the tenant's other app signs on")
		})
	}
}

func (b bundle) requireRefused(t *testing.T, err error, code fault.Code, errcode int, reason fault.Reason) {
	t.Helper()
	require.True(t, fault.Has(err, code), err)
	f := fault.Find(err)
	require.Equal(t, errcode, f.Errcode, err)
	require.Equal(t, reason, f.Reason)
	switch code {
	case fault.SecretRefused:
		require.Contains(t, f.Detail(fault.English), fmt.Sprint(errcode))
	case fault.WeComUnavailable, fault.WeComQuota:
		require.Positive(t, f.RetryAfter)
	}
	if reason == fault.ReasonIPRefused {
		require.Contains(t, f.Detail(fault.Chinese), "127.0.0.1")
		require.Contains(t, f.Detail(fault.English), "127.0.0.1")
	}
}

func TestTrialsPauseWhereTheLedgerIsFull(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := b.known("1000300", apptest.Secret("new"))
	b.DB.Exec(t, `INSERT INTO signet.refused_calls (tenant_id, minute, api, errcode, calls) VALUES ($1, date_trunc('minute', now()), 'gettoken', 40001, 30)`, b.tenant.ID.String())
	before, calls := b.contents(t), len(b.WeCom.Calls())
	_, err := b.Admin.CreateApp(t.Context(), apptest.Operator(), b.tenant.ID, n)
	require.True(t, fault.Has(err, fault.TrialsPaused), err)
	require.Positive(t, fault.Find(err).RetryAfter)
	require.LessOrEqual(t, fault.Find(err).RetryAfter, 61*time.Minute)
	_, err = b.rotate(t, apptest.Secret("second"))
	require.True(t, fault.Has(err, fault.TrialsPaused), err)
	require.Len(t, b.WeCom.Calls(), calls)
	require.Equal(t, before, b.contents(t))
	n.SkipCheck = true
	_, err = b.Admin.CreateApp(t.Context(), apptest.Operator(), b.tenant.ID, n)
	require.NoError(t, err, "without a trial nothing stands in the way")
}

func TestASecretIsTakenWithBlanksRoundItAndNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secret := apptest.Secret("new")
	n := b.known("1000300", secret)
	n.Secret = core.NewSecret(" \t" + secret + "\r\n\u3000")
	app, err := b.Admin.CreateApp(t.Context(), apptest.Operator(), b.tenant.ID, n)
	require.NoError(t, err)
	require.Equal(t, core.SecretCurrent, app.Secret.State)
	require.NotNil(t, app.Secret.CheckedAt)
	_, err = b.Admin.RotateSecret(t.Context(), apptest.Operator(), b.tenant.ID, app.ID, admin.NewSecret{Secret: core.NewSecret(secret)})
	require.True(t, fault.Has(err, fault.SecretUnchanged), "it is the same secret: %v", err)

	before := b.contents(t)
	for _, wrong := range []string{"", "short", strings.Repeat("a", 129), secret + "é", secret[:20] + " " + secret[20:], secret + "\x00", secret + "\xff", secret + "\u200b", secret + "&x=1"} {
		n := b.known("1000301", secret)
		n.Secret = core.NewSecret(wrong)
		_, err := b.Admin.CreateApp(t.Context(), apptest.Operator(), b.tenant.ID, n)
		requireField(t, err, "/secret", fault.ReasonSecret)
		_, err = b.rotate(t, wrong)
		requireField(t, err, "/secret", fault.ReasonSecret)
	}
	require.Equal(t, before, b.contents(t))
}

func requireField(t *testing.T, err error, pointer string, reason fault.Reason) {
	t.Helper()
	require.True(t, fault.Has(err, fault.RequestInvalid), err)
	for _, f := range fault.Find(err).Fields {
		if f.Pointer == pointer && f.Reason == reason {
			return
		}
	}
	require.Fail(t, "the fault names another member", "%v", err)
}

func TestAnAppWithoutATrialSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := b.known("1000300", apptest.Secret("new"))
	n.SkipCheck = true
	calls := len(b.WeCom.Calls())
	app, err := b.Admin.CreateApp(t.Context(), apptest.Operator(), b.tenant.ID, n)
	require.NoError(t, err)
	require.Len(t, b.WeCom.Calls(), calls)
	require.Nil(t, app.Secret.CheckedAt)
	require.Equal(t, core.SecretCurrent, app.Secret.State)
	list, err := b.Admin.ListAudit(t.Context(), apptest.Operator(), b.tenant.ID, core.Page{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, "skipped", list.Items[0].Detail["tried"])
	require.Equal(t, app.Secret.Fingerprint, list.Items[0].Detail["fingerprint"])

	// The first signature is its trial.
	b.app = apptest.App{App: app, SecretText: apptest.Secret("new")}
	_, err = b.Admin.CreateDomain(t.Context(), apptest.Operator(), b.tenant.ID, app.ID, host)
	require.NoError(t, err)
	b.Catch(t)
	b.mustSign(t)
	now, err := b.Admin.GetApp(t.Context(), apptest.Operator(), b.tenant.ID, app.ID)
	require.NoError(t, err)
	require.NotNil(t, now.Secret.CheckedAt)
}

// What a tenant or an app is called is shown to people: nothing in it may hide.
func TestNamesThatHideSomethingAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.contents(t)
	for _, name := range []string{
		"", "   ", strings.Repeat("字", 81),
		"a\x00b", "a\nb", "a\x1b[31mb", "a\x7fb", "a\xffb", "\xc3(", "\xed\xa0\x80",
		"a\u202eb", "a\u2066b", "a\u200bb", "a\u200db", "a\ufeffb", "a\u2028b", "a\u2029b", "a\u00adb", "a\u061cb", "a\U000e0041b", "a\ufffdb",
	} {
		_, err := b.Admin.CreateTenant(t.Context(), apptest.Operator(), admin.NewTenant{Name: name, CorpID: "ww1234"})
		requireField(t, err, "/name", fault.ReasonName)
		_, err = b.Admin.UpdateTenant(t.Context(), apptest.Operator(), b.tenant.ID, nil, admin.TenantChange{Name: &name})
		requireField(t, err, "/name", fault.ReasonName)
		_, err = b.Admin.UpdateApp(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, nil, admin.AppChange{Name: &name})
		requireField(t, err, "/name", fault.ReasonName)
		n := b.known("1000300", apptest.Secret("new"))
		n.Name = name
		_, err = b.Admin.CreateApp(t.Context(), apptest.Operator(), b.tenant.ID, n)
		requireField(t, err, "/name", fault.ReasonName)
	}
	require.Equal(t, before, b.contents(t))
	for _, name := range []string{"蓝湖科技", "Ænima & Söhne <GmbH>", "' OR 1=1 --", "𠮷野家", strings.Repeat("字", 80)} {
		changed, err := b.Admin.UpdateTenant(t.Context(), apptest.Operator(), b.tenant.ID, nil, admin.TenantChange{Name: &name})
		require.NoError(t, err)
		require.Equal(t, name, changed.Name)
	}
}

func TestIdsThatAreNoneAreRefusedAllAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.contents(t)
	for _, wrong := range []string{"ww\x00corp", "ww\xffcorp", "w", "ww corp", "ww/../corp", strings.Repeat("w", 65), "ｗｗ123456"} {
		_, err := b.Admin.CreateTenant(t.Context(), apptest.Operator(), admin.NewTenant{Name: "x", CorpID: wrong})
		requireField(t, err, "/corpId", fault.ReasonCorpID)
	}
	_, err := b.Admin.CreateApp(t.Context(), apptest.Operator(), b.tenant.ID,
		admin.NewApp{Name: "\u202e", AgentID: "01\x00", CorpID: "ww\x00corp", Secret: core.NewSecret("no")})
	for pointer, reason := range map[string]fault.Reason{"/name": fault.ReasonName, "/agentId": fault.ReasonAgentID, "/corpId": fault.ReasonCorpID, "/secret": fault.ReasonSecret} {
		requireField(t, err, pointer, reason)
	}
	require.Len(t, fault.Find(err).Fields, 4)
	_, err = b.Admin.UpdateApp(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, nil, admin.AppChange{})
	requireField(t, err, "", fault.ReasonEmpty)
	_, err = b.Admin.UpdateTenant(t.Context(), apptest.Operator(), b.tenant.ID, nil, admin.TenantChange{})
	requireField(t, err, "", fault.ReasonEmpty)
	wrong := "deleted"
	_, err = b.Admin.UpdateTenant(t.Context(), apptest.Operator(), b.tenant.ID, nil, admin.TenantChange{Status: &wrong})
	requireField(t, err, "/status", fault.ReasonStatus)
	require.Equal(t, before, b.contents(t))
}
