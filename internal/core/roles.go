package core

import (
	"slices"

	"signet/internal/fault"
)

// Role is what a member is to the platform or to a tenant.
type Role string

// The roles. The platform's come first; a tenant role holds for its tenant only.
const (
	PlatformOwner    Role = "platform_owner"
	PlatformOperator Role = "platform_operator"
	PlatformAuditor  Role = "platform_auditor"
	TenantOwner      Role = "tenant_owner"
	TenantAdmin      Role = "tenant_admin"
	TenantViewer     Role = "tenant_viewer"
)

// Roles lists the roles, the platform's first and each from the most to the least.
func Roles() []Role {
	return []Role{PlatformOwner, PlatformOperator, PlatformAuditor, TenantOwner, TenantAdmin, TenantViewer}
}

// Permission names something that can be done.
type Permission string

// The permissions. Those that begin with "platform." are not a tenant's to
// give.
const (
	TenantsCreate  Permission = "platform.tenants.create"
	TenantsList    Permission = "platform.tenants.list"
	LegacyHosts    Permission = "platform.legacy_hosts"
	CallsRead      Permission = "platform.calls.read"
	SecretsDue     Permission = "platform.secrets.due"
	OperatorsRead  Permission = "platform.members.read"
	OperatorsWrite Permission = "platform.members.write"
	PlatformAudit  Permission = "platform.audit.read"

	TenantRead    Permission = "tenant.read"
	TenantUpdate  Permission = "tenant.update"
	TenantSuspend Permission = "tenant.suspend"
	TenantDelete  Permission = "tenant.delete"
	TenantSafety  Permission = "tenant.safety" // how its members must sign in
	AppsWrite     Permission = "apps.write"
	AppsDelete    Permission = "apps.delete"
	DomainsWrite  Permission = "domains.write"
	SecretsWrite  Permission = "secrets.write"
	KeysRotate    Permission = "keys.rotate"
	MembersRead   Permission = "members.read"
	MembersWrite  Permission = "members.write"
	APIKeysRead   Permission = "api_keys.read"
	APIKeysWrite  Permission = "api_keys.write"
	AuditRead     Permission = "audit.read"

	// PagesSign is for API keys alone: a page of an app for servers is signed for
	// who shows one.
	PagesSign Permission = "pages.sign"
)

// Rule is a row of the table of who may do what: what the server enforces, what the
// API shows and what the console draws.
type Rule struct {
	Permission Permission
	Roles      []Role // that carry it
	StepUp     bool   // a member must have proved a moment ago who they are
	Scope      bool   // an API key of a tenant can carry it
}

// Groups of roles that the table is written with.
var (
	nobody     []Role
	owner      = []Role{PlatformOwner}
	operators  = []Role{PlatformOwner, PlatformOperator}
	overseers  = []Role{PlatformOwner, PlatformAuditor}
	ofPlatform = []Role{PlatformOwner, PlatformOperator, PlatformAuditor}
	heads      = []Role{PlatformOwner, PlatformOperator, TenantOwner}
	writers    = []Role{PlatformOwner, PlatformOperator, TenantOwner, TenantAdmin}
	notViewers = []Role{PlatformOwner, PlatformOperator, PlatformAuditor, TenantOwner, TenantAdmin}
)

// rules is the one table of who may do what.
var rules = []Rule{
	{Permission: TenantsCreate, Roles: operators},
	{Permission: TenantsList, Roles: ofPlatform},
	{Permission: LegacyHosts, Roles: operators},
	{Permission: CallsRead, Roles: operators},
	{Permission: SecretsDue, Roles: ofPlatform},
	{Permission: OperatorsRead, Roles: overseers},
	{Permission: OperatorsWrite, Roles: owner, StepUp: true},
	{Permission: PlatformAudit, Roles: overseers},

	{Permission: TenantRead, Roles: Roles(), Scope: true},
	{Permission: TenantUpdate, Roles: writers, Scope: true},
	{Permission: TenantSuspend, Roles: operators},
	{Permission: TenantDelete, Roles: owner, StepUp: true},
	{Permission: TenantSafety, Roles: heads, StepUp: true},
	{Permission: AppsWrite, Roles: writers, Scope: true},
	{Permission: AppsDelete, Roles: writers, StepUp: true},
	{Permission: DomainsWrite, Roles: writers, Scope: true},
	{Permission: SecretsWrite, Roles: writers, StepUp: true, Scope: true},
	{Permission: KeysRotate, Roles: writers, StepUp: true},
	{Permission: MembersRead, Roles: notViewers},
	{Permission: MembersWrite, Roles: heads, StepUp: true},
	{Permission: APIKeysRead, Roles: notViewers},
	{Permission: APIKeysWrite, Roles: writers, StepUp: true},
	{Permission: AuditRead, Roles: notViewers, Scope: true},
	{Permission: PagesSign, Roles: nobody, Scope: true},
}

// Rules gives the table of who may do what, the platform's permissions first. Who
// gets it may change it.
func Rules() []Rule {
	list := slices.Clone(rules)
	for n := range list {
		list[n].Roles = slices.Clone(list[n].Roles)
	}
	return list
}

// ruleOf is the table by permission.
var ruleOf = func() map[Permission]Rule {
	m := make(map[Permission]Rule, len(rules))
	for _, r := range rules {
		m[r.Permission] = r
	}
	return m
}()

// IsScope tells whether an API key can carry the permission.
func (p Permission) IsScope() bool { return ruleOf[p].Scope }

// Can tells whether the role carries the permission.
func (r Role) Can(p Permission) bool { return slices.Contains(ruleOf[p].Roles, r) }

// Valid tells whether the role is one of the six.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// OfPlatform tells whether the role holds for the platform as a whole.
func (r Role) OfPlatform() bool { return slices.Contains(ofPlatform, r) }

// Grants are what one actor may do: the roles of a member, at most one on the
// platform and at most one in each tenant, or the scopes of an API key.
type Grants struct {
	Platform Role
	Tenants  map[TenantID]Role

	// Withheld is the role on the platform where the platform wants a second factor of
	// its people and the session was begun without one: Platform is "" until it has.
	Withheld Role

	// Unproved are those of Tenants that want a second factor, where the session was
	// begun without one: nothing of them is the actor's until it has.
	Unproved map[TenantID]bool

	Scopes []Permission // of an API key, in the one tenant of Tenants, whose role is ""
}

// May tells whether the actor holds a permission on the platform. It fails with
// fault.PermissionDenied, with fault.SecondFactorRequired where the role is withheld,
// or with fault.StepUpRequired where a member who does must prove first who they are.
func (a Actor) May(p Permission) error {
	switch {
	case a.Grants.Platform.Can(p):
		return a.prove(p)
	case a.Grants.Withheld.Can(p):
		return fault.New(fault.SecondFactorRequired, nil)
	}
	return fault.New(fault.PermissionDenied, nil)
}

// MayIn tells whether the actor holds a permission in a tenant. Whoever has no
// role there at all gets fault.TenantUnknown, the answer for a tenant that does
// not exist; whoever has one that is too small gets fault.PermissionDenied. It
// fails with fault.SecondFactorRequired where the tenant wants one of its members, or
// the platform of its own, that the session lacks, and with fault.StepUpRequired as May does.
func (a Actor) MayIn(tenant TenantID, p Permission) error {
	role, belongs := a.Grants.Tenants[tenant]
	switch {
	case a.Grants.Platform.Can(p):
	case !belongs && a.Grants.Platform == "" && a.Grants.Withheld == "":
		return fault.New(fault.TenantUnknown, nil)
	case a.Grants.Unproved[tenant]:
		return fault.New(fault.SecondFactorRequired, nil)
	case role.Can(p), a.Kind == ActorAPIKey && belongs && p.IsScope() && slices.Contains(a.Grants.Scopes, p):
	case a.Grants.Withheld.Can(p):
		return fault.New(fault.SecondFactorRequired, nil)
	default:
		return fault.New(fault.PermissionDenied, nil)
	}
	return a.prove(p)
}

// MayGiveRole tells whether the actor may give somebody a role in a tenant: who writes its
// members may, but no role that carries what the actor's own does not. It fails as
// MayIn does.
func (a Actor) MayGiveRole(tenant TenantID, role Role) error {
	if err := a.MayIn(tenant, MembersWrite); err != nil {
		return err
	}
	own := a.Grants.Tenants[tenant]
	for _, r := range rules {
		if role.Can(r.Permission) && !own.Can(r.Permission) && !a.Grants.Platform.Can(r.Permission) {
			return fault.New(fault.PermissionDenied, nil)
		}
	}
	return nil
}

// MayLeave tells whether the actor may end their own membership of a tenant: any
// member may, who has proved a moment ago who they are. It fails as MayIn does.
func (a Actor) MayLeave(tenant TenantID) error {
	if err := a.MayIn(tenant, TenantRead); err != nil {
		return err
	}
	return a.prove(MembersWrite)
}

// Works tells whether the actor may change what is a suspended tenant's: who may
// suspend one and resume it, and Signet itself. The tenant's own people may read.
func (g Grants) Works() bool { return g.Platform.Can(TenantSuspend) }

// prove holds a member to the proof that a permission may ask for. What acts without
// a person has shown all that it can.
func (a Actor) prove(p Permission) error {
	if a.Kind == ActorMember && ruleOf[p].StepUp && !a.Proved {
		return fault.New(fault.StepUpRequired, nil)
	}
	return nil
}
