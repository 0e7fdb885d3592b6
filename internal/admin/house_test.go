package admin_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/wecom/wecomtest"
)

const (
	corp  = "ww1234567890abcdef"
	agent = "1000247"
	host  = "crm.example.com"
)

var page = apptest.Page(host, "42")

// bundle is a House with one tenant and one app that signs.
type bundle struct {
	*apptest.House
	tenant core.Tenant
	app    apptest.App
}

func setup(t *testing.T, change ...func(*apptest.Config)) bundle {
	t.Helper()
	cfg := apptest.Config{CallTime: time.Minute, FlightTime: time.Minute} // a busy machine is no fault of WeCom's
	for _, c := range change {
		c(&cfg)
	}
	b := bundle{House: apptest.New(t, cfg)}
	b.tenant = b.Tenant(t, "蓝湖科技", corp)
	b.app = b.App(t, b.tenant, agent, apptest.Secret("first"), host)
	return b
}

// actor is somebody with one role: on the platform, or in the tenant.
func actor(role core.Role, tenant core.TenantID) core.Actor {
	a := core.Actor{Kind: core.ActorMember, MemberID: core.NewMemberID(), Name: string(role) + "@test.example", RequestID: "request", Proved: true}
	switch {
	case role == "":
	case role.OfPlatform():
		a.Grants.Platform = role
	default:
		a.Grants.Tenants = map[core.TenantID]core.Role{tenant: role}
	}
	return a
}

// contents tells of every table how many rows it has and the hash of them all,
// so that two equal contents are a database in which nothing happened.
func (b bundle) contents(t *testing.T) string {
	t.Helper()
	return b.DB.Contents(t, "signet.calls") // a call to WeCom is counted whatever comes of it
}

// audited lists what the audit says, of the tenants and of the platform.
func (b bundle) audited(t *testing.T) []string {
	t.Helper()
	return b.DB.List(t, `SELECT action || ' by ' || actor_name FROM signet.audit UNION ALL SELECT action || ' by ' || actor_name FROM signet.platform_audit`)
}

// announced lists the kinds of the changes that nodes hear of, in order.
func (b bundle) announced(t *testing.T) []string {
	t.Helper()
	return b.DB.List(t, `SELECT kind FROM signet.change_log ORDER BY seq`)
}

// news gives what work adds to the audit and to the change feed.
func (b bundle) news(t *testing.T, work func()) (audit, changes []string) {
	t.Helper()
	auditBefore, changesBefore := b.audited(t), b.announced(t)
	work()
	audit = b.audited(t)
	for _, row := range auditBefore {
		i := slices.Index(audit, row)
		require.GreaterOrEqual(t, i, 0, "an audit row is gone")
		audit = slices.Delete(audit, i, i+1)
	}
	changes = b.announced(t)
	require.Equal(t, changesBefore, changes[:len(changesBefore)])
	return audit, changes[len(changesBefore):]
}

// known makes an app that the fake knows and Signet does not.
func (b bundle) known(agent, secret string) admin.NewApp {
	b.addApp(corp, agent, secret)
	return admin.NewApp{Name: "app " + agent, AgentID: agent, Secret: core.NewSecret(secret)}
}

func (b bundle) rotate(t *testing.T, secret string) (core.SecretVersion, error) {
	t.Helper()
	return b.Admin.RotateSecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, admin.NewSecret{Secret: core.NewSecret(secret)})
}

// rotateTo rotates to a secret that WeCom has just taken to.
func (b bundle) rotateTo(t *testing.T, name string) core.SecretVersion {
	t.Helper()
	b.addApp(corp, agent, apptest.Secret(name))
	version, err := b.rotate(t, apptest.Secret(name))
	require.NoError(t, err)
	return version
}

// keep stores a secret that WeCom accepts as pending.
func (b bundle) keep(t *testing.T, tenant core.Tenant, app apptest.App, name string) core.SecretVersion {
	t.Helper()
	b.addApp(tenant.Corps[0], string(app.AgentID), apptest.Secret(name))
	version, err := b.Admin.KeepSecret(t.Context(), apptest.Operator(), tenant.ID, app.ID, admin.KeptSecret{Secret: core.NewSecret(apptest.Secret(name))})
	require.NoError(t, err)
	return version
}

func (b bundle) mustSign(t *testing.T) {
	t.Helper()
	answer, err := b.Sign(t.Context(), b.app, page)
	require.NoError(t, err)
	require.NoError(t, b.Verify(b.app, page, answer))
}

// outside is what a caller sees of a failure.
type outside struct {
	Code    fault.Code
	Reason  fault.Reason
	Args    string
	Fields  string
	Retry   string
	Errcode int
	Text    string
}

func outsideOf(err error) outside {
	if err == nil {
		return outside{}
	}
	f := fault.Find(err)
	return outside{f.Code, f.Reason, fmt.Sprint(f.Args), fmt.Sprint(f.Fields), f.RetryAfter.String(), f.Errcode, f.Detail(fault.English)}
}

// addApp makes an app that the fake knows and Signet does not.
func (b bundle) addApp(corp core.CorpID, agent, secret string) {
	b.WeCom.AddApp(wecomtest.App{Corp: corp, Agent: core.AgentID(agent), Name: "app " + agent, Secret: secret, Domains: []string{host}})
}
