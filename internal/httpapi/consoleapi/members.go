package consoleapi

import (
	"context"

	"signet/internal/core"
)

// ListMembers lists the members of a tenant.
func (a *api) ListMembers(ctx context.Context, r ListMembersRequestObject) (ListMembersResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	page, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListMembers(ctx, actorOf(ctx), tenant, page)
	if err != nil {
		return nil, err
	}
	return ListMembers200JSONResponse{Items: mapped(list.Items, memberOfTenantAnswer), NextCursor: nextCursor(list.NextCursor)}, nil
}

// GetMember gives a member of a tenant.
func (a *api) GetMember(ctx context.Context, r GetMemberRequestObject) (GetMemberResponseObject, error) {
	tenant, member, err := parseMemberPath(r.TenantID, r.MemberID)
	if err != nil {
		return nil, err
	}
	m, err := a.admin.GetMember(ctx, actorOf(ctx), tenant, member)
	if err != nil {
		return nil, err
	}
	return GetMember200JSONResponse{Body: memberOfTenantAnswer(m), Headers: GetMember200ResponseHeaders{ETag: etagOf(m.Version)}}, nil
}

// UpdateMember gives a member of a tenant another role.
func (a *api) UpdateMember(ctx context.Context, r UpdateMemberRequestObject) (UpdateMemberResponseObject, error) {
	tenant, member, err := parseMemberPath(r.TenantID, r.MemberID)
	if err != nil {
		return nil, err
	}
	version, err := mustIfMatch(r.Params.IfMatch, a.membershipVersion(ctx, tenant, member))
	if err != nil {
		return nil, err
	}
	m, err := a.admin.UpdateMember(ctx, actorOf(ctx), tenant, member, version, r.Body.Role)
	if err != nil {
		return nil, err
	}
	return UpdateMember200JSONResponse{Body: memberOfTenantAnswer(m), Headers: UpdateMember200ResponseHeaders{ETag: etagOf(m.Version)}}, nil
}

// DeleteMember takes a member out of a tenant.
func (a *api) DeleteMember(ctx context.Context, r DeleteMemberRequestObject) (DeleteMemberResponseObject, error) {
	tenant, member, err := parseMemberPath(r.TenantID, r.MemberID)
	if err != nil {
		return nil, err
	}
	version, err := mayIfMatch(r.Params.IfMatch, a.membershipVersion(ctx, tenant, member))
	if err != nil {
		return nil, err
	}
	if err := a.admin.DeleteMember(ctx, actorOf(ctx), tenant, member, version); err != nil {
		return nil, err
	}
	return DeleteMember204Response{}, nil
}

func (a *api) membershipVersion(ctx context.Context, tenant core.TenantID, member core.MemberID) func() (int64, error) {
	return func() (int64, error) {
		m, err := a.admin.GetMember(ctx, actorOf(ctx), tenant, member)
		return m.Version, err
	}
}

func memberOfTenantAnswer(m core.Membership) TenantMember {
	return TenantMember{ID: m.Member.ID.String(), Email: m.Member.Email, Role: m.Role, Since: m.Since.UTC(), LastSignInAt: utc(m.LastSignInAt), SecondFactor: m.SecondFactor}
}
