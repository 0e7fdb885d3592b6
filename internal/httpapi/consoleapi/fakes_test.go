package consoleapi

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"signet/internal/admin"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/identity"
)

var (
	noon     = time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)
	memberID = core.NewMemberID()
	tenantID = core.NewTenantID()
	appID    = core.NewAppID()
	domainID = core.NewDomainID()
	linkID   = core.NewLinkID()
	keyID    = core.NewAPIKeyID()
	goodKey  = core.NewAPIKeyToken(tenantID, keyID)
)

const (
	goodEmail    = "owner@example.com"
	carefulEmail = "careful@example.com" // has a second factor
	goodPassword = "CANARY-admin-Passw0rd-E"
	goodToken    = "CANARY.access.token"
	goodRefresh  = "CANARYrefresh00000000000000G"
	goodBrowser  = "CANARYbrowser0000000000000000000000000000W"
	nextRefresh  = "CANARYrefresh00000000000000H"
	agentSecret  = "CANARYagentSecret000000000000000000000000B"
)

// people is one member who can sign in.
type people struct {
	mu        sync.Mutex // guards what follows
	signedOut []string
	requestID string // of the last call
	client    netip.Prefix
	keys      int        // how often a key was looked for
	accepted  core.Actor // who accepted an invitation
}

func (p *people) note(requestID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requestID = requestID
}

func (p *people) session(refresh string) identity.Session {
	return identity.Session{
		AccessToken: core.NewSecret(goodToken), ExpiresIn: 10 * time.Minute,
		Refresh: core.NewSecret(refresh), RefreshUntil: noon.Add(24 * time.Hour),
		Member: core.Member{ID: memberID, Email: goodEmail, Platform: core.PlatformOwner},
		Grants: core.Grants{Platform: core.PlatformOwner, Tenants: map[core.TenantID]core.Role{tenantID: core.TenantAdmin}},
	}
}

func (p *people) SignIn(_ context.Context, v identity.Visit, email string, password core.Secret) (identity.Entry, error) {
	p.note(v.RequestID)
	p.mu.Lock()
	p.client = v.Client
	p.mu.Unlock()
	switch {
	case password.Expose() != goodPassword:
	case email == goodEmail:
		return identity.Entry{Session: p.session(goodRefresh)}, nil
	case email == carefulEmail:
		w := p.waiting()
		return identity.Entry{Waiting: &w}, nil
	}
	return identity.Entry{}, fault.New(fault.SessionRefused, nil)
}

func (p *people) Refresh(_ context.Context, v identity.Visit, refresh core.Secret) (identity.Session, error) {
	p.note(v.RequestID)
	if refresh.Expose() != goodRefresh {
		return identity.Session{}, fault.New(fault.SessionRequired, nil)
	}
	return p.session(nextRefresh), nil
}

func (p *people) SignOut(_ context.Context, refresh core.Secret, requestID string) error {
	p.note(requestID)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signedOut = append(p.signedOut, refresh.Expose())
	if refresh.Expose() != goodRefresh {
		return fault.New(fault.SessionRequired, nil)
	}
	return nil
}

func (p *people) Authenticate(_ context.Context, bearer string, requestID string) (core.Actor, error) {
	p.note(requestID)
	if bearer != goodToken {
		return core.Actor{}, fault.New(fault.SessionRequired, nil)
	}
	s := p.session("")
	return core.Actor{Kind: core.ActorMember, MemberID: memberID, Name: goodEmail, RequestID: requestID, Grants: s.Grants, Proved: true}, nil
}

func (p *people) AuthenticateAPIKey(_ context.Context, client netip.Prefix, token core.APIKeyToken, requestID string) (core.Actor, error) {
	p.note(requestID)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client = client
	p.keys++
	if token != goodKey {
		return core.Actor{}, fault.New(fault.SessionRequired, nil)
	}
	return core.APIKeyActor(tenantID, theAPIKey(), requestID), nil
}

// actions knows one tenant with one app with one domain, all at version 7, and
// remembers what it was asked to change.
type actions struct {
	mu      sync.Mutex // guards what follows
	changes []string
	last    any
	actor   core.Actor
	page    core.Page
	fail    error
}

func newActions() *actions { return &actions{} }

func (a *actions) changed(actor core.Actor, name string, what any) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail != nil {
		return a.fail
	}
	a.changes, a.last, a.actor = append(a.changes, name), what, actor
	return nil
}

func (a *actions) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.changes)
}

func (a *actions) sees(p core.Page) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.page = p
	if p.Cursor == "" {
		return "more"
	}
	return ""
}

func checkPlace(tenant core.TenantID, app core.AppID) error {
	switch {
	case tenant != tenantID:
		return fault.New(fault.TenantUnknown, nil)
	case app != appID:
		return fault.New(fault.AppUnknown, nil)
	}
	return nil
}

func checkVersion(ifVersion *int64) error {
	if ifVersion != nil && *ifVersion != 7 {
		return fault.New(fault.IfMatchConflict, nil)
	}
	return nil
}

func theTenant() core.Tenant {
	return core.Tenant{ID: tenantID, Name: "示例企业", Corps: []core.CorpID{"wwexamplecorp00001"}, Status: core.Active, Version: 7, CreatedAt: noon, UpdatedAt: noon}
}

func theSecret() core.SecretVersion {
	return core.SecretVersion{AppID: appID, Version: 1, State: core.SecretCurrent, Fingerprint: "9f2c41d07be85a36", Activation: 1, ActivatedAt: &noon, MovedAt: noon, CheckedAt: &noon, CreatedAt: noon}
}

func theApp() core.App {
	secret := theSecret()
	return core.App{ID: appID, TenantID: tenantID, CorpID: "wwexamplecorp00001", AgentID: "1000247", Name: "侧边栏", Kind: core.SelfBuilt,
		Status: core.Active, Secret: &secret, Version: 7, CreatedAt: noon, UpdatedAt: noon}
}

func theDomain() core.TrustedDomain {
	return core.TrustedDomain{ID: domainID, AppID: appID, Host: "*.xn--fsqu00a.com:8443", CreatedAt: noon}
}

func theLegacyHost() core.LegacyHost {
	return core.LegacyHost{Host: "crm.example.com", TenantID: tenantID, AppID: appID, CreatedAt: noon}
}

func (a *actions) CreateTenant(_ context.Context, actor core.Actor, n admin.NewTenant) (core.Tenant, error) {
	if _, err := core.ParseName("/name", n.Name); err != nil {
		return core.Tenant{}, err
	}
	return theTenant(), a.changed(actor, "CreateTenant", n)
}

func (a *actions) GetTenant(_ context.Context, _ core.Actor, tenant core.TenantID) (core.Tenant, error) {
	return theTenant(), checkPlace(tenant, appID)
}

func (a *actions) ListTenants(_ context.Context, _ core.Actor, filter core.TenantFilter, p core.Page) (core.List[core.Tenant], error) {
	leaving := theTenant()
	leaving.Status, leaving.Deletion = core.Suspended, &core.Deletion{RequestedAt: noon, DueAt: noon.Add(time.Hour), RequestedBy: "owner@example.com"}
	list := core.List[core.Tenant]{Items: []core.Tenant{leaving, theTenant()}, NextCursor: a.sees(p)}
	if filter == core.LeavingTenants {
		list.Items = list.Items[:1]
	}
	return list, nil
}

func (a *actions) UpdateTenant(_ context.Context, actor core.Actor, tenant core.TenantID, ifVersion *int64, c admin.TenantChange) (core.Tenant, error) {
	if err := checkPlace(tenant, appID); err != nil {
		return core.Tenant{}, err
	}
	if err := checkVersion(ifVersion); err != nil {
		return core.Tenant{}, err
	}
	return theTenant(), a.changed(actor, "UpdateTenant", c)
}

func (a *actions) DeleteTenant(_ context.Context, actor core.Actor, tenant core.TenantID, ifVersion *int64) error {
	if err := checkPlace(tenant, appID); err != nil {
		return err
	}
	if err := checkVersion(ifVersion); err != nil {
		return err
	}
	return a.changed(actor, "DeleteTenant", ifVersion)
}

func (a *actions) DestroyTenant(_ context.Context, actor core.Actor, tenant core.TenantID, ifVersion *int64) error {
	if err := checkPlace(tenant, appID); err != nil {
		return err
	}
	if err := checkVersion(ifVersion); err != nil {
		return err
	}
	return a.changed(actor, "DestroyTenant", ifVersion)
}

func (a *actions) CreateApp(_ context.Context, actor core.Actor, tenant core.TenantID, n admin.NewApp) (core.App, error) {
	if err := checkPlace(tenant, appID); err != nil {
		return core.App{}, err
	}
	if _, err := core.ParseAgentID("/agentId", n.AgentID); err != nil {
		return core.App{}, err
	}
	app := theApp()
	if n.SkipCheck {
		app.Secret.CheckedAt = nil
	}
	return app, a.changed(actor, "CreateApp", n)
}

func (a *actions) GetApp(_ context.Context, _ core.Actor, tenant core.TenantID, app core.AppID) (core.App, error) {
	return theApp(), checkPlace(tenant, app)
}

func (a *actions) ListApps(_ context.Context, _ core.Actor, tenant core.TenantID, p core.Page) (core.List[core.App], error) {
	bare := theApp()
	bare.Secret = nil
	return core.List[core.App]{Items: []core.App{theApp(), bare}, NextCursor: a.sees(p)}, checkPlace(tenant, appID)
}

func (a *actions) UpdateApp(_ context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, ifVersion *int64, c admin.AppChange) (core.App, error) {
	if err := checkPlace(tenant, app); err != nil {
		return core.App{}, err
	}
	if err := checkVersion(ifVersion); err != nil {
		return core.App{}, err
	}
	return theApp(), a.changed(actor, "UpdateApp", c)
}

func (a *actions) DeleteApp(_ context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, ifVersion *int64) error {
	if err := checkPlace(tenant, app); err != nil {
		return err
	}
	if err := checkVersion(ifVersion); err != nil {
		return err
	}
	return a.changed(actor, "DeleteApp", ifVersion)
}

func (a *actions) CreateDomain(_ context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, host string) (core.TrustedDomain, error) {
	if err := checkPlace(tenant, app); err != nil {
		return core.TrustedDomain{}, err
	}
	if _, err := core.ParseHost("/host", host); err != nil {
		return core.TrustedDomain{}, err
	}
	return theDomain(), a.changed(actor, "CreateDomain", host)
}

func (a *actions) ListDomains(_ context.Context, _ core.Actor, tenant core.TenantID, app core.AppID, p core.Page) (core.List[core.TrustedDomain], error) {
	return core.List[core.TrustedDomain]{Items: []core.TrustedDomain{theDomain()}, NextCursor: a.sees(p)}, checkPlace(tenant, app)
}

func (a *actions) DeleteDomain(_ context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, domain core.DomainID, ifVersion *int64) error {
	if err := checkPlace(tenant, app); err != nil {
		return err
	}
	if err := checkVersion(ifVersion); err != nil {
		return err
	}
	if domain != domainID {
		return fault.New(fault.DomainUnknown, nil)
	}
	return a.changed(actor, "DeleteDomain", domain)
}

func (a *actions) RotateSecret(_ context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, n admin.NewSecret) (core.SecretVersion, error) {
	if err := checkPlace(tenant, app); err != nil {
		return core.SecretVersion{}, err
	}
	return theSecret(), a.changed(actor, "RotateSecret", n)
}

// moved is theSecret after a move named name.
func (a *actions) moved(actor core.Actor, tenant core.TenantID, app core.AppID, version int32, name string, what any) (core.SecretVersion, error) {
	if err := checkPlace(tenant, app); err != nil {
		return core.SecretVersion{}, err
	}
	if version != 2 {
		return core.SecretVersion{}, fault.New(fault.SecretUnknown, fault.Args{"version": fmt.Sprint(version)})
	}
	return theSecret(), a.changed(actor, name, what)
}

func (a *actions) KeepSecret(_ context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, k admin.KeptSecret) (core.SecretVersion, error) {
	return a.moved(actor, tenant, app, 2, "KeepSecret", k)
}

func (a *actions) TrySecret(_ context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32) (core.SecretVersion, error) {
	return a.moved(actor, tenant, app, version, "TrySecret", nil)
}

func (a *actions) ActivateSecret(_ context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32, skipCheck bool) (core.SecretVersion, error) {
	return a.moved(actor, tenant, app, version, "ActivateSecret", skipCheck)
}

func (a *actions) ScheduleSecret(_ context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32, at *time.Time) (core.SecretVersion, error) {
	return a.moved(actor, tenant, app, version, "ScheduleSecret", at)
}

func (a *actions) RetireSecret(_ context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32) (core.SecretVersion, error) {
	return a.moved(actor, tenant, app, version, "RetireSecret", nil)
}

func (a *actions) DestroySecret(_ context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32) (core.SecretVersion, error) {
	return a.moved(actor, tenant, app, version, "DestroySecret", nil)
}

func (a *actions) ListSecrets(_ context.Context, _ core.Actor, tenant core.TenantID, app core.AppID, p core.Page) (core.List[core.SecretVersion], error) {
	refused := theSecret()
	refused.Problem = string(fault.SecretRejected)
	return core.List[core.SecretVersion]{Items: []core.SecretVersion{theSecret(), refused}, NextCursor: a.sees(p)}, checkPlace(tenant, app)
}

func (a *actions) ListDueSecrets(_ context.Context, _ core.Actor, within time.Duration, p core.Page) (core.List[core.DueSecret], error) {
	due := core.DueSecret{TenantID: tenantID, TenantName: "蓝湖科技", AppID: appID, AppName: "侧边栏", Version: 1, PutAt: noon, DueAt: noon.Add(within)}
	return core.List[core.DueSecret]{Items: []core.DueSecret{due}, NextCursor: a.sees(p)}, nil
}

func theLink() core.IntakeLink {
	return core.IntakeLink{ID: linkID, AppID: appID, MadeBy: goodEmail, LinkTimes: core.LinkTimes{CreatedAt: noon, ExpiresAt: time.Now().Add(core.IntakeLife)}}
}

func (a *actions) CreateIntakeLink(_ context.Context, actor core.Actor, tenant core.TenantID, app core.AppID) (core.IntakeLink, core.LinkToken, error) {
	if err := checkPlace(tenant, app); err != nil {
		return core.IntakeLink{}, core.LinkToken{}, err
	}
	return theLink(), core.NewLinkToken(core.IntakePurpose, tenant, linkID), a.changed(actor, "CreateIntakeLink", app)
}

func (a *actions) ListIntakeLinks(_ context.Context, _ core.Actor, tenant core.TenantID, app core.AppID, p core.Page) (core.List[core.IntakeLink], error) {
	used, revoked := theLink(), theLink()
	used.UsedAt, used.UsedVersion, revoked.RevokedAt = &noon, 2, &noon
	return core.List[core.IntakeLink]{Items: []core.IntakeLink{theLink(), used, revoked}, NextCursor: a.sees(p)}, checkPlace(tenant, app)
}

func (a *actions) RevokeIntakeLink(_ context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, link core.LinkID) error {
	if err := checkPlace(tenant, app); err != nil {
		return err
	}
	if link != linkID {
		return fault.New(fault.IntakeUnknown, nil)
	}
	return a.changed(actor, "RevokeIntakeLink", link)
}

func (a *actions) ReadIntake(context.Context, string, string) (admin.Intake, error) {
	return admin.Intake{Link: theLink(), Tenant: theTenant(), App: theApp()}, nil
}

func (a *actions) HandInSecret(_ context.Context, token string, typed core.Secret, _ string) (core.SecretVersion, error) {
	return theSecret(), a.changed(core.Actor{}, "HandInSecret", token+" "+typed.Expose())
}

func (a *actions) BindLegacyHost(_ context.Context, actor core.Actor, host string, tenant core.TenantID, app core.AppID) (core.LegacyHost, error) {
	if err := checkPlace(tenant, app); err != nil {
		return core.LegacyHost{}, err
	}
	if _, err := core.ParseHost("?host", host); err != nil {
		return core.LegacyHost{}, err
	}
	return theLegacyHost(), a.changed(actor, "BindLegacyHost", host)
}

func (a *actions) UnbindLegacyHost(_ context.Context, actor core.Actor, host string) error {
	return a.changed(actor, "UnbindLegacyHost", host)
}

func (a *actions) ListLegacyHosts(_ context.Context, _ core.Actor, p core.Page) (core.List[core.LegacyHost], error) {
	return core.List[core.LegacyHost]{Items: []core.LegacyHost{theLegacyHost()}, NextCursor: a.sees(p)}, nil
}

func (a *actions) GetBudget(_ context.Context, _ core.Actor, tenant core.TenantID) (admin.Budget, error) {
	soon := noon.Add(time.Minute)
	item := admin.BudgetItem{CorpID: "wwexamplecorp00001", AppID: appID, API: "gettoken", Calls: 12, Accepted: 11, Soft: 20, Hard: 60, Expected: 40, SoftAt: &soon,
		Held: &admin.Held{Code: fault.IPRefused, Errcode: 60020, Until: soon}}
	free := item
	free.API, free.SoftAt, free.Held = "ticket/get", nil, nil
	own := item
	own.API, own.Held = "agent/get", &admin.Held{Code: fault.WeComQuota, Reason: fault.ReasonOwnBudget, Until: soon}
	return admin.Budget{Items: []admin.BudgetItem{item, free, own}, Refused: theRefused()}, checkPlace(tenant, appID)
}

func (a *actions) GetTenantKey(_ context.Context, _ core.Actor, tenant core.TenantID) (admin.TenantKey, error) {
	return theKey(), checkPlace(tenant, appID)
}

func (a *actions) RotateTenantKey(_ context.Context, actor core.Actor, tenant core.TenantID) (admin.TenantKey, error) {
	if err := checkPlace(tenant, appID); err != nil {
		return admin.TenantKey{}, err
	}
	return theKey(), a.changed(actor, "RotateTenantKey", tenant)
}

func theKey() admin.TenantKey {
	return admin.TenantKey{Version: 2, Versions: []admin.KeyVersion{{Version: 2, RootEpoch: 3, CreatedAt: noon, Values: 4}, {Version: 1, RootEpoch: 3, CreatedAt: noon, Values: 5}}}
}

func theRefused() admin.RefusedCalls {
	return admin.RefusedCalls{Calls: 31, Expected: 8, Stops: []admin.Stop{{Stops: "trials", Limit: 30, Until: &noon, At: &noon}, {Stops: "all", Limit: 60}}}
}

func (a *actions) GetRefusedCalls(context.Context, core.Actor) (admin.RefusedCalls, error) {
	return theRefused(), nil
}

func (a *actions) ListTroubles(_ context.Context, _ core.Actor, limit int) ([]admin.Trouble, error) {
	a.sees(core.Page{Limit: limit})
	return []admin.Trouble{{TenantID: tenantID, Name: "示例企业", Refused: 31, Secrets: 1, Pauses: map[fault.Code]int64{fault.IPRefused: 2}}, {TenantID: tenantID}}, nil
}

func (a *actions) ListPlatformAudit(_ context.Context, _ core.Actor, p core.Page) (core.List[core.AuditRow], error) {
	return core.List[core.AuditRow]{Items: []core.AuditRow{{ActorKind: core.ActorSystem, Seq: 1, At: noon}}, NextCursor: a.sees(p)}, nil
}

func (a *actions) ExportAudit(_ context.Context, _ core.Actor, tenant core.TenantID, _ admin.AuditExtract) (*admin.AuditExport, error) {
	return emptyExport, checkPlace(tenant, appID)
}

func (a *actions) ExportPlatformAudit(context.Context, core.Actor, admin.AuditExtract) (*admin.AuditExport, error) {
	return emptyExport, nil
}

// emptyExport has no rows; those of real ones are looked at in package app.
var emptyExport = admin.NewAuditExport(core.PlatformChain, func(context.Context, int64) ([]core.AuditRow, error) { return nil, nil })

func (a *actions) SignAuditHead(_ context.Context, _ core.Actor, tenant core.TenantID) ([]byte, error) {
	return []byte("{}\n"), checkPlace(tenant, appID)
}

func (a *actions) ListAudit(_ context.Context, _ core.Actor, tenant core.TenantID, p core.Page) (core.List[core.AuditRow], error) {
	row := core.AuditRow{
		AuditEntry: core.AuditEntry{Action: "app.create", SubjectKind: "app", Subject: appID.String(), Detail: map[string]string{"name": "侧边栏"}},
		Seq:        12, At: noon, ActorKind: core.ActorMember, ActorID: memberID.String(), ActorName: goodEmail, RequestID: "Zk3v0n2oQm1xYb8w",
		PreviousHash: make([]byte, 32), Hash: make([]byte, 32),
	}
	first := core.AuditRow{ActorKind: core.ActorSystem, Seq: 1, At: noon}
	return core.List[core.AuditRow]{Items: []core.AuditRow{row, first}, NextCursor: a.sees(p)}, checkPlace(tenant, appID)
}
