package admin_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

const (
	heads     = "platform_owner platform_operator tenant_owner"
	overseers = "platform_owner platform_auditor"
	owner     = "platform_owner"
)

// The rows of methods about members, invitations and resets.
func init() {
	maps.Copy(methods, map[string]method{
		"UpdateTenant safety": {goesBy: core.TenantSafety, may: heads, tenant: true, stepUp: true, audit: "tenant.update", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			required := true
			_, err := a.UpdateTenant(ctx, actor, s.tenant, nil, admin.TenantChange{SecondFactorRequired: &required})
			return err
		}},
		"ListMembers": {goesBy: core.MembersRead, may: notViewers, tenant: true, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			_, err := a.ListMembers(ctx, actor, s.tenant, firstPage)
			return err
		}},
		"GetMember": {goesBy: core.MembersRead, may: notViewers, tenant: true, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			_, err := a.GetMember(ctx, actor, s.tenant, s.member)
			return err
		}},
		"UpdateMember": {goesBy: core.MembersWrite, may: heads, tenant: true, stepUp: true, audit: "member.role", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			_, err := a.UpdateMember(ctx, actor, s.tenant, s.member, nil, string(core.TenantAdmin))
			return err
		}},
		"DeleteMember": {goesBy: core.MembersWrite, may: heads, tenant: true, stepUp: true, audit: "member.remove", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			return a.DeleteMember(ctx, actor, s.tenant, s.member, nil)
		}},
		"CreateInvitation": {goesBy: core.MembersWrite, may: heads, tenant: true, stepUp: true, audit: "invitation.create", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			_, err := a.CreateInvitation(ctx, actor, s.tenant, admin.NewInvitation{Email: s.email, Role: string(core.TenantOwner)})
			return err
		}},
		"ListInvitations": {goesBy: core.MembersRead, may: notViewers, tenant: true, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			_, err := a.ListInvitations(ctx, actor, s.tenant, firstPage)
			return err
		}},
		"RevokeInvitation": {goesBy: core.MembersWrite, may: heads, tenant: true, stepUp: true, audit: "invitation.revoke", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			return a.RevokeInvitation(ctx, actor, s.tenant, s.invitation)
		}},
		"CreateReset": {goesBy: core.MembersWrite, may: heads, tenant: true, stepUp: true, audit: "reset.create reset.create", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			_, err := a.CreateReset(ctx, actor, s.tenant, s.member)
			return err
		}},
		"ListPlatformMembers": {goesBy: core.OperatorsRead, may: overseers, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, _ subjects) error {
			_, err := a.ListPlatformMembers(ctx, actor, firstPage)
			return err
		}},
		"GetPlatformMember": {goesBy: core.OperatorsRead, may: overseers, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			_, err := a.GetPlatformMember(ctx, actor, s.operator)
			return err
		}},
		"UpdatePlatformMember": {goesBy: core.OperatorsWrite, chain: "platform", may: owner, stepUp: true, audit: "member.role", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			_, err := a.UpdatePlatformMember(ctx, actor, s.operator, nil, string(core.PlatformAuditor))
			return err
		}},
		"DeletePlatformMember": {goesBy: core.OperatorsWrite, chain: "platform", may: owner, stepUp: true, audit: "member.remove", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			return a.DeletePlatformMember(ctx, actor, s.operator, nil)
		}},
		"CreatePlatformInvitation": {goesBy: core.OperatorsWrite, chain: "platform", may: owner, stepUp: true, audit: "invitation.create", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			_, err := a.CreatePlatformInvitation(ctx, actor, admin.NewInvitation{Email: s.email, Role: string(core.PlatformOwner)})
			return err
		}},
		"ListPlatformInvitations": {goesBy: core.OperatorsRead, may: overseers, call: func(ctx context.Context, a *admin.Actions, actor core.Actor, _ subjects) error {
			_, err := a.ListPlatformInvitations(ctx, actor, firstPage)
			return err
		}},
		"RevokePlatformInvitation": {goesBy: core.OperatorsWrite, chain: "platform", may: owner, stepUp: true, audit: "invitation.revoke", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			return a.RevokePlatformInvitation(ctx, actor, s.calling)
		}},
		"CreatePlatformReset": {goesBy: core.OperatorsWrite, chain: "platform", may: owner, stepUp: true, audit: "reset.create", call: func(ctx context.Context, a *admin.Actions, actor core.Actor, s subjects) error {
			_, err := a.CreatePlatformReset(ctx, actor, s.operator, admin.NewReset{})
			return err
		}},
	})
}

// person makes a member who is nothing to anybody, or has a role on the platform.
func (b bundle) person(t *testing.T, email string, role core.Role) core.MemberID {
	t.Helper()
	m := core.Member{ID: core.NewMemberID(), Email: email, Platform: role}
	require.NoError(t, b.Store.Platform(t.Context(), core.System("test"), func(tx *store.PlatformTx) error {
		return tx.CreateMember(t.Context(), store.MemberRow{Member: m, PasswordHash: core.NewSecret("hash")})
	}))
	return m.ID
}

// join makes somebody a member of a tenant.
func (b bundle) join(t *testing.T, tenant core.TenantID, member core.MemberID, role core.Role) {
	t.Helper()
	require.NoError(t, b.Store.Tenant(t.Context(), core.System("test"), tenant, func(tx *store.TenantTx) error {
		return tx.CreateMembership(t.Context(), member, role)
	}))
}

// addPeople gives a tenant's worth of people.
func (b bundle) addPeople(t *testing.T, s *subjects, number int) {
	t.Helper()
	address := func(who string) string { return fmt.Sprintf("%s%d@test.example", who, number) }
	b.join(t, s.tenant, b.person(t, address("owner"), ""), core.TenantOwner)
	s.member = b.person(t, address("member"), "")
	b.join(t, s.tenant, s.member, core.TenantViewer)
	b.person(t, address("platform"), core.PlatformOwner)
	s.operator = b.person(t, address("operator"), core.PlatformOperator)
	s.email = address("nobody")
	invited, err := b.Admin.CreateInvitation(t.Context(), apptest.Operator(), s.tenant, admin.NewInvitation{Email: address("invited"), Role: string(core.TenantViewer)})
	require.NoError(t, err)
	s.invitation = invited.ID
	called, err := b.Admin.CreatePlatformInvitation(t.Context(), apptest.Operator(), admin.NewInvitation{Email: address("called"), Role: string(core.PlatformAuditor)})
	require.NoError(t, err)
	s.calling = called.ID
}

// notYet are the permissions that no action goes by.
var notYet = map[core.Permission]string{
	core.PagesSign: "signing asks for it, and no action (signing/keys_test.go)",
}

// The table of roles is what the actions let through: what each row of the matrix has
// seen agrees with the row of the table that it goes by, and each row of the table is
// gone by.
func TestTheTableOfRolesIsWhatTheActionsLetThrough(t *testing.T) {
	t.Parallel()
	rules := map[core.Permission]core.Rule{}
	for _, rule := range core.Rules() {
		rules[rule.Permission] = rule
	}
	used := map[core.Permission]bool{}
	for name, m := range methods {
		if m.goesBy == "" {
			require.Equal(t, "ListTenants", name, "whoever sees more of them holds a permission, and nobody needs one")
			continue
		}
		used[m.goesBy] = true
		var may []string
		for _, role := range rules[m.goesBy].Roles {
			may = append(may, string(role))
		}
		slices.Sort(may)
		seen := strings.Fields(m.may)
		slices.Sort(seen)
		require.Equal(t, may, seen, name)
		require.Equal(t, rules[m.goesBy].StepUp, m.stepUp, name)
	}
	for permission := range rules {
		_, listed := notYet[permission]
		require.NotEqual(t, listed, used[permission] || permission == core.TenantsList, "%s", permission)
	}
}

// Of a suspended tenant its own people change nothing, and read all that they did; the
// platform's people go on.
func TestWhatASuspendedTenantsPeopleMay(t *testing.T) {
	t.Parallel()
	for name, m := range methods {
		if !m.tenant || m.leaving || name == "UpdateTenant status" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bundle{House: apptest.New(t, apptest.Config{})}
			s := b.subjects(t, 1)
			_, err := b.Admin.UpdateTenant(t.Context(), apptest.Operator(), s.tenant, nil, admin.TenantChange{Status: &suspended})
			require.NoError(t, err)
			for _, role := range []core.Role{core.TenantOwner, core.TenantAdmin, core.TenantViewer} {
				if !slices.Contains(strings.Fields(m.may), string(role)) {
					continue
				}
				err := m.call(t.Context(), b.Admin, actor(role, s.tenant), s)
				if m.audit == "" {
					require.NoError(t, err, "%s reads", role)
					continue
				}
				require.True(t, fault.Has(err, fault.TenantSuspended), "%s: %v", role, err)
			}
			require.NoError(t, m.call(t.Context(), b.Admin, apptest.Operator(), s))
		})
	}
}
