package admin_test

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
)

// subjects is what a method may be called with.
type subjects struct {
	tenant core.TenantID
	app    core.AppID
	domain core.DomainID
	host   string
	fresh  admin.NewApp // known to WeCom, not yet to Signet
	secret core.Secret  // one that WeCom accepts for app, not yet stored

	retired, pending int32 // versions of app's secret
	link             core.LinkID
	key              core.APIKeyID
	member           core.MemberID // of the tenant, beside an owner
	invitation       core.LinkID   // into the tenant
	operator         core.MemberID // of the platform, beside an owner
	calling          core.LinkID   // an invitation to the platform
	email            string        // that nobody has
}

// method is the policy of one method of Actions.
type method struct {
	may     string          // the roles that may
	tenant  bool            // it is about one tenant: a stranger is told that there is none
	leaving bool            // it is about one that is leaving
	stepUp  bool            // a member must have proved a moment ago who they are
	goesBy  core.Permission // whose row in the table of roles it goes by; "": it says why beside it
	chain   string          // "platform" where its audit is the platform's
	audit   string          // the actions it writes, one for each chain; "" for one that reads
	read    string          // the action it writes where somebody of the platform reads what is a tenant's
	changes []string
	call    func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error
}

const (
	everyone   = "platform_owner platform_operator platform_auditor tenant_owner tenant_admin tenant_viewer"
	operators  = "platform_owner platform_operator"
	writers    = "platform_owner platform_operator tenant_owner tenant_admin"
	notViewers = "platform_owner platform_operator platform_auditor tenant_owner tenant_admin"
)

var (
	newName   = "另一个名字"
	suspended = string(core.Suspended)
	active    = string(core.Active)
	firstPage = core.Page{Limit: 10}
)

// methods has a row for every method of Actions.
var methods = map[string]method{
	"CreateTenant": {goesBy: core.TenantsCreate, may: operators, audit: "tenant.create", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, _ subjects) error {
		_, err := a.CreateTenant(ctx, actor, admin.NewTenant{Name: "北辰物流", CorpID: "wwfedcba0987654321"})
		return err
	}},
	"ListTenants": {may: everyone + " -", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, _ subjects) error {
		_, err := a.ListTenants(ctx, actor, core.EveryTenant, firstPage)
		return err
	}},
	"GetTenant": {goesBy: core.TenantRead, may: everyone, tenant: true, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.GetTenant(ctx, actor, s.tenant)
		return err
	}},
	"UpdateTenant": {goesBy: core.TenantUpdate, may: writers, tenant: true, audit: "tenant.update", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.UpdateTenant(ctx, actor, s.tenant, nil, admin.TenantChange{Name: &newName})
		return err
	}},
	"UpdateTenant status": {goesBy: core.TenantSuspend, may: operators, tenant: true, audit: "tenant.update", changes: []string{"tenant"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.UpdateTenant(ctx, actor, s.tenant, nil, admin.TenantChange{Status: &suspended})
		return err
	}},
	"UpdateTenant restore": {goesBy: core.TenantSuspend, may: operators, tenant: true, leaving: true, audit: "tenant.restore", changes: []string{"tenant"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.UpdateTenant(ctx, actor, s.tenant, nil, admin.TenantChange{Status: &active})
		return err
	}},
	"DeleteTenant": {goesBy: core.TenantDelete, may: "platform_owner", tenant: true, stepUp: true, audit: "tenant.leave", changes: []string{"tenant"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		return a.DeleteTenant(ctx, actor, s.tenant, nil)
	}},
	"DestroyTenant": {goesBy: core.TenantDelete, may: "platform_owner", tenant: true, stepUp: true, audit: "tenant.delete tenant.delete", changes: []string{"app"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		return a.DestroyTenant(ctx, actor, s.tenant, nil)
	}},
	"CreateApp": {goesBy: core.AppsWrite, may: writers, tenant: true, audit: "app.create", changes: []string{"app"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.CreateApp(ctx, actor, s.tenant, s.fresh)
		return err
	}},
	"GetApp": {goesBy: core.TenantRead, may: everyone, tenant: true, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.GetApp(ctx, actor, s.tenant, s.app)
		return err
	}},
	"ListApps": {goesBy: core.TenantRead, may: everyone, tenant: true, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.ListApps(ctx, actor, s.tenant, firstPage)
		return err
	}},
	"UpdateApp": {goesBy: core.AppsWrite, may: writers, tenant: true, audit: "app.update", changes: []string{"app"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.UpdateApp(ctx, actor, s.tenant, s.app, nil, admin.AppChange{Status: &suspended})
		return err
	}},
	"DeleteApp": {goesBy: core.AppsDelete, may: writers, tenant: true, stepUp: true, audit: "app.delete", changes: []string{"app"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		return a.DeleteApp(ctx, actor, s.tenant, s.app, nil)
	}},
	"RotateSecret": {goesBy: core.SecretsWrite, may: writers, tenant: true, stepUp: true, audit: "secret.rotate", changes: []string{"secret"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.RotateSecret(ctx, actor, s.tenant, s.app, admin.NewSecret{Secret: s.secret})
		return err
	}},
	"KeepSecret": {goesBy: core.SecretsWrite, may: writers, tenant: true, stepUp: true, audit: "secret.keep", changes: []string{"secret"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.KeepSecret(ctx, actor, s.tenant, s.app, admin.KeptSecret{Secret: s.secret})
		return err
	}},
	"TrySecret": {goesBy: core.SecretsWrite, may: writers, tenant: true, stepUp: true, audit: "secret.try", changes: []string{"secret"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.TrySecret(ctx, actor, s.tenant, s.app, s.pending)
		return err
	}},
	"ActivateSecret": {goesBy: core.SecretsWrite, may: writers, tenant: true, stepUp: true, audit: "secret.activate", changes: []string{"secret"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.ActivateSecret(ctx, actor, s.tenant, s.app, s.pending, false)
		return err
	}},
	"ScheduleSecret": {goesBy: core.SecretsWrite, may: writers, tenant: true, stepUp: true, audit: "secret.schedule", changes: []string{"secret"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		at := time.Now().Add(time.Hour)
		_, err := a.ScheduleSecret(ctx, actor, s.tenant, s.app, s.pending, &at)
		return err
	}},
	"RetireSecret": {goesBy: core.SecretsWrite, may: writers, tenant: true, stepUp: true, audit: "secret.retire", changes: []string{"secret"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.RetireSecret(ctx, actor, s.tenant, s.app, s.pending)
		return err
	}},
	"DestroySecret": {goesBy: core.SecretsWrite, may: writers, tenant: true, stepUp: true, audit: "secret.destroy", changes: []string{"secret"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.DestroySecret(ctx, actor, s.tenant, s.app, s.retired)
		return err
	}},
	"CreateIntakeLink": {goesBy: core.SecretsWrite, may: writers, tenant: true, stepUp: true, audit: "intake.create", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, _, err := a.CreateIntakeLink(ctx, actor, s.tenant, s.app)
		return err
	}},
	"ListIntakeLinks": {goesBy: core.TenantRead, may: everyone, tenant: true, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.ListIntakeLinks(ctx, actor, s.tenant, s.app, firstPage)
		return err
	}},
	"RevokeIntakeLink": {goesBy: core.SecretsWrite, may: writers, tenant: true, stepUp: true, audit: "intake.revoke", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		return a.RevokeIntakeLink(ctx, actor, s.tenant, s.app, s.link)
	}},
	"CreateAPIKey": {goesBy: core.APIKeysWrite, may: writers, tenant: true, stepUp: true, audit: "api_key.create", changes: []string{"api_key"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, _, err := a.CreateAPIKey(ctx, actor, s.tenant, admin.NewAPIKey{Name: newName, Scopes: []string{"pages.sign"}, AppID: s.app.String()})
		return err
	}},
	"GetAPIKey": {goesBy: core.APIKeysRead, may: notViewers, tenant: true, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.GetAPIKey(ctx, actor, s.tenant, s.key)
		return err
	}},
	"ListAPIKeys": {goesBy: core.APIKeysRead, may: notViewers, tenant: true, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.ListAPIKeys(ctx, actor, s.tenant, firstPage)
		return err
	}},
	"RevokeAPIKey": {goesBy: core.APIKeysWrite, may: writers, tenant: true, stepUp: true, audit: "api_key.revoke", changes: []string{"api_key"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		return a.RevokeAPIKey(ctx, actor, s.tenant, s.key)
	}},
	"RotateAPIKey": {goesBy: core.APIKeysWrite, may: writers, tenant: true, stepUp: true, audit: "api_key.rotate", changes: []string{"api_key"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, _, err := a.RotateAPIKey(ctx, actor, s.tenant, s.key, core.DefaultAPIKeyOverlap)
		return err
	}},
	"GetTenantKey": {goesBy: core.TenantRead, may: everyone, tenant: true, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.GetTenantKey(ctx, actor, s.tenant)
		return err
	}},
	"RotateTenantKey": {goesBy: core.KeysRotate, may: writers, tenant: true, stepUp: true, audit: "tenant_key.turn", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.RotateTenantKey(ctx, actor, s.tenant)
		return err
	}},
	"ListDueSecrets": {goesBy: core.SecretsDue, may: "platform_owner platform_operator platform_auditor", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, _ subjects) error {
		_, err := a.ListDueSecrets(ctx, actor, time.Hour, firstPage)
		return err
	}},
	"ListSecrets": {goesBy: core.TenantRead, may: everyone, tenant: true, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.ListSecrets(ctx, actor, s.tenant, s.app, firstPage)
		return err
	}},
	"CreateDomain": {goesBy: core.DomainsWrite, may: writers, tenant: true, audit: "domain.create", changes: []string{"app"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.CreateDomain(ctx, actor, s.tenant, s.app, "new."+s.host)
		return err
	}},
	"ListDomains": {goesBy: core.TenantRead, may: everyone, tenant: true, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.ListDomains(ctx, actor, s.tenant, s.app, firstPage)
		return err
	}},
	"DeleteDomain": {goesBy: core.DomainsWrite, may: writers, tenant: true, audit: "domain.delete", changes: []string{"app"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		return a.DeleteDomain(ctx, actor, s.tenant, s.app, s.domain, nil)
	}},
	"ListAudit": {goesBy: core.AuditRead, may: notViewers, tenant: true, read: "audit.read", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.ListAudit(ctx, actor, s.tenant, firstPage)
		return err
	}},
	"ExportAudit": {goesBy: core.AuditRead, may: notViewers, tenant: true, read: "audit.read", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.ExportAudit(ctx, actor, s.tenant, admin.AuditExtract{Format: "csv"})
		return err
	}},
	"SignAuditHead": {goesBy: core.AuditRead, may: notViewers, tenant: true, read: "audit.read", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.SignAuditHead(ctx, actor, s.tenant)
		return err
	}},
	"ListPlatformAudit": {goesBy: core.PlatformAudit, may: "platform_owner platform_auditor", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, _ subjects) error {
		_, err := a.ListPlatformAudit(ctx, actor, firstPage)
		return err
	}},
	"ExportPlatformAudit": {goesBy: core.PlatformAudit, may: "platform_owner platform_auditor", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, _ subjects) error {
		_, err := a.ExportPlatformAudit(ctx, actor, admin.AuditExtract{Format: "csv"})
		return err
	}},
	"GetBudget": {goesBy: core.TenantRead, may: everyone, tenant: true, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.GetBudget(ctx, actor, s.tenant)
		return err
	}},
	"GetRefusedCalls": {goesBy: core.CallsRead, may: operators, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, _ subjects) error {
		_, err := a.GetRefusedCalls(ctx, actor)
		return err
	}},
	"ListTroubles": {goesBy: core.CallsRead, may: operators, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, _ subjects) error {
		_, err := a.ListTroubles(ctx, actor, 10)
		return err
	}},
	"BindLegacyHost": {chain: "platform", goesBy: core.LegacyHosts, may: operators, audit: "legacy_host.bind", changes: []string{"legacy_host"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		_, err := a.BindLegacyHost(ctx, actor, "new."+s.host, s.tenant, s.app)
		return err
	}},
	"UnbindLegacyHost": {chain: "platform", goesBy: core.LegacyHosts, may: operators, audit: "legacy_host.unbind", changes: []string{"legacy_host"}, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
		return a.UnbindLegacyHost(ctx, actor, s.host)
	}},
	"ListLegacyHosts": {goesBy: core.LegacyHosts, may: operators, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, _ subjects) error {
		_, err := a.ListLegacyHosts(ctx, actor, firstPage)
		return err
	}},
}

// subjects gives a new tenant's worth of everything that a method can be about.
func (b bundle) subjects(t *testing.T, number int) subjects {
	t.Helper()
	ctx, operator := t.Context(), apptest.Operator()
	tenant := b.Tenant(t, fmt.Sprint("企业 ", number), fmt.Sprintf("wwcell%010d", number))
	s := subjects{tenant: tenant.ID, host: fmt.Sprintf("host%d.example.com", number), secret: core.NewSecret(apptest.Secret(fmt.Sprint("next", number)))}
	app := b.App(t, tenant, agent, apptest.Secret(fmt.Sprint("cell", number)))
	s.app = app.ID
	b.addApp(tenant.Corps[0], agent, s.secret.Expose())
	link, _, err := b.Admin.CreateIntakeLink(ctx, operator, s.tenant, s.app)
	require.NoError(t, err)
	s.link = link.ID
	key, _, err := b.Admin.CreateAPIKey(ctx, operator, s.tenant, admin.NewAPIKey{Name: "夜间同步", Scopes: []string{"tenant.read"}})
	require.NoError(t, err)
	s.key = key.ID
	s.retired = b.keep(t, tenant, app, fmt.Sprint("old", number)).Version
	s.pending = b.keep(t, tenant, app, fmt.Sprint("kept", number)).Version
	domain, err := b.Admin.CreateDomain(ctx, operator, s.tenant, s.app, s.host)
	require.NoError(t, err)
	s.domain = domain.ID
	_, err = b.Admin.BindLegacyHost(ctx, operator, s.host, s.tenant, s.app)
	require.NoError(t, err)
	fresh := apptest.Secret(fmt.Sprint("fresh", number))
	b.addApp(tenant.Corps[0], "1000999", fresh)
	b.addPeople(t, &s, number)
	s.fresh = admin.NewApp{Name: "新应用", AgentID: "1000999", Secret: core.NewSecret(fresh)}
	return s
}

// byLink are the methods for who has an intake link and no role (intake_test.go).
var byLink = []string{"ReadIntake", "HandInSecret"}

func TestEveryMethodHasARow(t *testing.T) {
	t.Parallel()
	var have, want []string
	for name := range methods {
		name, _, _ = strings.Cut(name, " ")
		have = append(have, name)
	}
	actions := reflect.TypeFor[*admin.Actions]()
	for i := range actions.NumMethod() {
		if name := actions.Method(i).Name; !slices.Contains(byLink, name) {
			want = append(want, name)
		}
	}
	slices.Sort(have)
	require.Equal(t, want, slices.Compact(have))
}

var roles = []core.Role{core.PlatformOwner, core.PlatformOperator, core.PlatformAuditor, core.TenantOwner, core.TenantAdmin, core.TenantViewer, ""}

// TestWhoMayDoWhat calls every method in every role: on the actor's own tenant,
// on another's, and on one that does not exist.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	for name, m := range methods {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bundle{House: apptest.New(t, apptest.Config{})}
			for number, role := range roles {
				own, foreign := b.subjects(t, 2*number), b.subjects(t, 2*number+1)
				if m.leaving {
					b.leave(t, own.tenant)
					b.leave(t, foreign.tenant)
				}
				who := actor(role, own.tenant)
				b.meetsPolicy(t, m, who, role, own)
				if role.OfPlatform() || !m.tenant {
					continue // all tenants are its own, or none is
				}
				nobodys := foreign
				nobodys.tenant, nobodys.app, nobodys.domain = core.NewTenantID(), core.NewAppID(), core.NewDomainID()
				nobodys.member, nobodys.invitation = core.NewMemberID(), core.NewLinkID()
				before, calls := b.contents(t), len(b.WeCom.Calls())
				theirs, none := m.call(t.Context(), b.Admin, who, foreign), m.call(t.Context(), b.Admin, who, nobodys)
				require.True(t, fault.Has(theirs, fault.TenantUnknown), "%s of %q: %v", name, role, theirs)
				require.Equal(t, outsideOf(none), outsideOf(theirs), "%s of %q: another's tenant shows", name, role)
				require.Equal(t, before, b.contents(t))
				require.Len(t, b.WeCom.Calls(), calls)
			}
		})
	}
}

func (b bundle) meetsPolicy(t *testing.T, m method, who core.Actor, role core.Role, own subjects) {
	t.Helper()
	before := b.contents(t)
	allowed := slices.Contains(strings.Fields(m.may), cmp.Or(string(role), "-"))
	if !allowed {
		err := m.call(t.Context(), b.Admin, who, own)
		want := fault.PermissionDenied
		if role == "" && m.tenant {
			want = fault.TenantUnknown
		}
		require.True(t, fault.Has(err, want), "%q: want %s, got %v", role, want, err)
		require.Equal(t, before, b.contents(t), "%q is refused and changes something", role)
		return
	}
	stale := who
	stale.Proved = false
	if m.stepUp {
		require.True(t, fault.Has(m.call(t.Context(), b.Admin, stale, own), fault.StepUpRequired), "%q", role)
		require.Equal(t, before, b.contents(t), "%q has to prove themselves and changes something", role)
	} else {
		who = stale
	}
	audit, changes := b.news(t, func() {
		require.NoError(t, m.call(t.Context(), b.Admin, who, own), "%q", role)
	})
	if m.read != "" && role.OfPlatform() {
		m.audit = m.read
	}
	if m.audit == "" {
		require.Equal(t, before, b.contents(t), "a reading changes something")
		return
	}
	var rows []string
	for _, action := range strings.Fields(m.audit) {
		rows = append(rows, action+" by "+who.Name)
	}
	require.Equal(t, rows, audit, "%q: one audit row in each chain", role)
	require.Len(t, changes, len(m.changes), "%q: what nodes hear", role)
	for i, kind := range m.changes {
		require.Equal(t, kind, changes[i])
	}
}

// Ids of another tenant under one's own tenant: as if they did not exist.
func TestAnothersAppUnderOnesOwnTenantIsUnknown(t *testing.T) {
	t.Parallel()
	b := bundle{House: apptest.New(t, apptest.Config{})}
	own, foreign := b.subjects(t, 1), b.subjects(t, 2)
	who := actor(core.TenantOwner, own.tenant)
	for name, m := range methods {
		mixed, none := own, own
		switch {
		case !m.tenant, m.leaving, name == "ListMembers", name == "ListInvitations", name == "CreateInvitation", strings.HasPrefix(name, "DeleteMember "), strings.HasSuffix(name, "Tenant"), strings.HasPrefix(name, "UpdateTenant"), name == "CreateApp", name == "ListApps", m.read != "", name == "GetBudget", name == "ListAPIKeys", strings.HasSuffix(name, "TenantKey"):
			continue // no id but the tenant's
		case name == "DeleteDomain":
			mixed.domain, none.domain = foreign.domain, core.NewDomainID()
		case strings.HasSuffix(name, "Member"), name == "CreateReset":
			mixed.member, none.member = foreign.member, core.NewMemberID()
		case name == "RevokeInvitation":
			mixed.invitation, none.invitation = foreign.invitation, core.NewLinkID()
		case strings.HasSuffix(name, "APIKey") && name != "CreateAPIKey":
			mixed.key, none.key = foreign.key, core.NewAPIKeyID()
		default:
			mixed.app, none.app = foreign.app, core.NewAppID()
		}
		before := b.contents(t)
		theirs := m.call(t.Context(), b.Admin, who, mixed)
		require.Error(t, theirs, name)
		require.Contains(t, []fault.Code{fault.AppUnknown, fault.DomainUnknown, fault.APIKeyUnknown, fault.MemberUnknown, fault.InvitationUnknown}, fault.Find(theirs).Code, name)
		require.Equal(t, outsideOf(m.call(t.Context(), b.Admin, who, none)), outsideOf(theirs), name)
		require.Equal(t, before, b.contents(t), name)
	}
}

// A change that cannot be audited, or that no node could hear of, does not
// happen.
func TestAChangeThatCannotBeRecordedDoesNotHappen(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"audit", "platform_audit", "change_log"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			b := bundle{House: apptest.New(t, apptest.Config{})}
			s := b.subjects(t, 1)
			b.DB.Exec(t, `CREATE FUNCTION public.broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken' USING ERRCODE = '53100'; END $$`)
			b.DB.Exec(t, `CREATE TRIGGER broken BEFORE INSERT ON signet.`+table+` FOR EACH ROW EXECUTE FUNCTION public.broken()`)
			tried := 0
			for name, m := range methods {
				ofPlatform := m.chain == "platform"
				switch {
				case m.audit == "" && m.read == "", m.leaving, strings.HasPrefix(name, "DeleteMember "),
					table == "audit" && ofPlatform, table == "platform_audit" && !ofPlatform && name != "DestroyTenant",
					table == "change_log" && len(m.changes) == 0:
					continue
				}
				before := b.contents(t)
				err := m.call(t.Context(), b.Admin, apptest.Operator(), s)
				require.True(t, fault.Has(err, fault.StoreUnavailable), "%s: %v", name, err)
				require.Equal(t, before, b.contents(t), name)
				tried++
			}
			require.Positive(t, tried)
		})
	}
}
