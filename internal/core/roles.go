package core

import "signet/internal/fault"

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

// Permission names something that can be done.
type Permission string

// The permissions. Those that begin with "platform." are not a tenant's to
// give.
const (
	TenantsCreate Permission = "platform.tenants.create"
	TenantsList   Permission = "platform.tenants.list"
	LegacyHosts   Permission = "platform.legacy_hosts"
	CallsRead     Permission = "platform.calls.read"
	SecretsDue    Permission = "platform.secrets.due"

	TenantRead    Permission = "tenant.read"
	TenantUpdate  Permission = "tenant.update"
	TenantSuspend Permission = "tenant.suspend"
	TenantDelete  Permission = "tenant.delete"
	AppsWrite     Permission = "apps.write"
	DomainsWrite  Permission = "domains.write"
	SecretsWrite  Permission = "secrets.write"
	KeysRotate    Permission = "keys.rotate"
	AuditRead     Permission = "audit.read"
)

// rights is the one table of who may do what.
var rights = map[Role]map[Permission]bool{
	PlatformOwner: set(TenantsCreate, TenantsList, LegacyHosts, CallsRead, SecretsDue,
		TenantRead, TenantUpdate, TenantSuspend, TenantDelete, AppsWrite, DomainsWrite, SecretsWrite, KeysRotate, AuditRead),
	PlatformOperator: set(TenantsCreate, TenantsList, LegacyHosts, CallsRead, SecretsDue,
		TenantRead, TenantUpdate, TenantSuspend, AppsWrite, DomainsWrite, SecretsWrite, KeysRotate, AuditRead),
	PlatformAuditor: set(TenantsList, SecretsDue, TenantRead, AuditRead),
	TenantOwner:     set(TenantRead, TenantUpdate, AppsWrite, DomainsWrite, SecretsWrite, KeysRotate, AuditRead),
	TenantAdmin:     set(TenantRead, TenantUpdate, AppsWrite, DomainsWrite, SecretsWrite, KeysRotate, AuditRead),
	TenantViewer:    set(TenantRead),
}

func set(list ...Permission) map[Permission]bool {
	m := make(map[Permission]bool, len(list))
	for _, p := range list {
		m[p] = true
	}
	return m
}

// Can tells whether the role carries the permission.
func (r Role) Can(p Permission) bool { return rights[r][p] }

// Valid tells whether the role is one of the six.
func (r Role) Valid() bool { return rights[r] != nil }

// OfPlatform tells whether the role holds for the platform as a whole.
func (r Role) OfPlatform() bool {
	return r == PlatformOwner || r == PlatformOperator || r == PlatformAuditor
}

// Grants are the roles of one actor: at most one on the platform, at most one
// in each tenant.
type Grants struct {
	Platform Role
	Tenants  map[TenantID]Role
}

// May tells whether the actor holds a permission on the platform.
func (a Actor) May(p Permission) error {
	if a.Grants.Platform.Can(p) {
		return nil
	}
	return fault.New(fault.PermissionDenied, nil)
}

// MayIn tells whether the actor holds a permission in a tenant. Whoever has no
// role there at all gets fault.TenantUnknown, the answer for a tenant that does
// not exist; whoever has a role that is too small gets fault.PermissionDenied.
func (a Actor) MayIn(tenant TenantID, p Permission) error {
	if a.Grants.Platform.Can(p) || a.Grants.Tenants[tenant].Can(p) {
		return nil
	}
	if a.Grants.Platform == "" && a.Grants.Tenants[tenant] == "" {
		return fault.New(fault.TenantUnknown, nil)
	}
	return fault.New(fault.PermissionDenied, nil)
}
