package consoleapi

import (
	"context"
	"net/netip"
	"time"

	"signet/internal/admin"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/identity"
)

var invitationID = core.NewLinkID()

func theMembership() core.Membership {
	return core.Membership{Member: core.Member{ID: memberID, Email: goodEmail}, Role: core.TenantAdmin, Since: noon, Version: 7, LastSignInAt: &noon}
}

func thePlatformMember() core.PlatformMember {
	return core.PlatformMember{Member: core.Member{ID: memberID, Email: goodEmail, Platform: core.PlatformOwner}, Version: 7, Since: noon}
}

func theInvitation() core.Invitation {
	return core.Invitation{ID: invitationID, Tenant: tenantID, Email: "bob@example.com", Role: core.TenantViewer, MadeBy: goodEmail,
		LinkTimes: core.LinkTimes{CreatedAt: noon, ExpiresAt: noon.Add(core.InvitationLife)}}
}

func theReset() core.Reset {
	return core.Reset{ID: invitationID, Member: memberID, MadeBy: goodEmail, LinkTimes: core.LinkTimes{CreatedAt: noon, ExpiresAt: noon.Add(core.ResetLife)}}
}

func (p *people) ReadInvitation(_ context.Context, _ string, requestID string) (identity.InvitationShown, error) {
	p.note(requestID)
	return identity.InvitationShown{Invitation: theInvitation(), TenantName: "示例企业"}, nil
}

func (p *people) AcceptInvitation(_ context.Context, client netip.Prefix, _ string, _ core.Secret, actor core.Actor, requestID string) (core.Invitation, error) {
	p.note(requestID)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client, p.accepted = client, actor
	return theInvitation(), nil
}

func (p *people) ReadReset(_ context.Context, _ string, requestID string) (identity.ResetShown, error) {
	p.note(requestID)
	return identity.ResetShown{Reset: theReset(), Email: goodEmail}, nil
}

func (p *people) UseReset(_ context.Context, _ netip.Prefix, _ string, _ core.Secret, requestID string) error {
	p.note(requestID)
	return nil
}

func (p *people) Forget(_ context.Context, _ netip.Prefix, _ string, requestID string) error {
	p.note(requestID)
	return nil
}

func checkMember(member core.MemberID) error {
	if member != memberID {
		return fault.New(fault.MemberUnknown, nil)
	}
	return nil
}

// memberAt checks what a change of a member names.
func memberAt(tenant core.TenantID, member core.MemberID, ifVersion *int64) error {
	if err := checkPlace(tenant, appID); err != nil {
		return err
	}
	if err := checkMember(member); err != nil {
		return err
	}
	return checkVersion(ifVersion)
}

func (a *actions) ListMembers(_ context.Context, _ core.Actor, tenant core.TenantID, p core.Page) (core.List[core.Membership], error) {
	absent := theMembership()
	absent.LastSignInAt = nil
	return core.List[core.Membership]{Items: []core.Membership{theMembership(), absent}, NextCursor: a.sees(p)}, checkPlace(tenant, appID)
}

func (a *actions) GetMember(_ context.Context, _ core.Actor, tenant core.TenantID, member core.MemberID) (core.Membership, error) {
	return theMembership(), memberAt(tenant, member, nil)
}

func (a *actions) UpdateMember(_ context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID, ifVersion *int64, role string) (core.Membership, error) {
	if err := memberAt(tenant, member, ifVersion); err != nil {
		return core.Membership{}, err
	}
	if _, err := core.ParseTenantRole("/role", role); err != nil {
		return core.Membership{}, err
	}
	return theMembership(), a.changed(actor, "UpdateMember", role)
}

func (a *actions) DeleteMember(_ context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID, ifVersion *int64) error {
	if err := memberAt(tenant, member, ifVersion); err != nil {
		return err
	}
	return a.changed(actor, "DeleteMember", member)
}

func (a *actions) ListPlatformMembers(_ context.Context, _ core.Actor, p core.Page) (core.List[core.PlatformMember], error) {
	return core.List[core.PlatformMember]{Items: []core.PlatformMember{thePlatformMember()}, NextCursor: a.sees(p)}, nil
}

func (a *actions) GetPlatformMember(_ context.Context, _ core.Actor, member core.MemberID) (core.PlatformMember, error) {
	return thePlatformMember(), memberAt(tenantID, member, nil)
}

func (a *actions) UpdatePlatformMember(_ context.Context, actor core.Actor, member core.MemberID, ifVersion *int64, role string) (core.PlatformMember, error) {
	if err := memberAt(tenantID, member, ifVersion); err != nil {
		return core.PlatformMember{}, err
	}
	if _, err := core.ParsePlatformRole("/role", role); err != nil {
		return core.PlatformMember{}, err
	}
	return thePlatformMember(), a.changed(actor, "UpdatePlatformMember", role)
}

func (a *actions) DeletePlatformMember(_ context.Context, actor core.Actor, member core.MemberID, ifVersion *int64) error {
	if err := memberAt(tenantID, member, ifVersion); err != nil {
		return err
	}
	return a.changed(actor, "DeletePlatformMember", member)
}

func (a *actions) invited(actor core.Actor, name string, n admin.NewInvitation) (admin.MadeInvitation, error) {
	if _, err := core.ParseEmail("/email", n.Email); err != nil {
		return admin.MadeInvitation{}, err
	}
	return admin.MadeInvitation{Invitation: theInvitation(), Token: core.NewLinkToken(core.InvitationPurpose, tenantID, invitationID), Mailed: true}, a.changed(actor, name, n)
}

func (a *actions) CreateInvitation(_ context.Context, actor core.Actor, tenant core.TenantID, n admin.NewInvitation) (admin.MadeInvitation, error) {
	if err := checkPlace(tenant, appID); err != nil {
		return admin.MadeInvitation{}, err
	}
	return a.invited(actor, "CreateInvitation", n)
}

func (a *actions) CreatePlatformInvitation(_ context.Context, actor core.Actor, n admin.NewInvitation) (admin.MadeInvitation, error) {
	return a.invited(actor, "CreatePlatformInvitation", n)
}

func (a *actions) ListInvitations(_ context.Context, _ core.Actor, tenant core.TenantID, p core.Page) (core.List[core.Invitation], error) {
	list, err := a.ListPlatformInvitations(context.Background(), core.Actor{}, p)
	if err == nil {
		err = checkPlace(tenant, appID)
	}
	return list, err
}

func (a *actions) ListPlatformInvitations(_ context.Context, _ core.Actor, p core.Page) (core.List[core.Invitation], error) {
	used, revoked, expired := theInvitation(), theInvitation(), theInvitation()
	used.UsedAt, revoked.RevokedAt, expired.ExpiresAt = &noon, &noon, noon.Add(-time.Hour)
	return core.List[core.Invitation]{Items: []core.Invitation{theInvitation(), used, revoked, expired}, NextCursor: a.sees(p)}, nil
}

func (a *actions) RevokeInvitation(ctx context.Context, actor core.Actor, tenant core.TenantID, link core.LinkID) error {
	if err := checkPlace(tenant, appID); err != nil {
		return err
	}
	return a.RevokePlatformInvitation(ctx, actor, link)
}

func (a *actions) RevokePlatformInvitation(_ context.Context, actor core.Actor, link core.LinkID) error {
	if link != invitationID {
		return fault.New(fault.InvitationUnknown, nil)
	}
	return a.changed(actor, "RevokeInvitation", link)
}

func (a *actions) CreateReset(_ context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID) (admin.MadeReset, error) {
	if err := memberAt(tenant, member, nil); err != nil {
		return admin.MadeReset{}, err
	}
	return admin.MadeReset{Reset: theReset(), Token: core.NewLinkToken(core.ResetPurpose, core.TenantID{}, invitationID)}, a.changed(actor, "CreateReset", member)
}

func (a *actions) CreatePlatformReset(ctx context.Context, actor core.Actor, member core.MemberID, n admin.NewReset) (admin.MadeReset, error) {
	made, err := a.CreateReset(ctx, actor, tenantID, member)
	made.Factors = n.Factors
	return made, err
}
