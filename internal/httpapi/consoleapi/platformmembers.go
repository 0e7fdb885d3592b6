package consoleapi

import (
	"context"

	"signet/internal/core"
)

// ListPlatformMembers lists the people of the platform.
func (a *api) ListPlatformMembers(ctx context.Context, r ListPlatformMembersRequestObject) (ListPlatformMembersResponseObject, error) {
	page, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListPlatformMembers(ctx, actorOf(ctx), page)
	if err != nil {
		return nil, err
	}
	return ListPlatformMembers200JSONResponse{Items: mapped(list.Items, platformMemberAnswer), NextCursor: nextCursor(list.NextCursor)}, nil
}

// GetPlatformMember gives one of the platform's people.
func (a *api) GetPlatformMember(ctx context.Context, r GetPlatformMemberRequestObject) (GetPlatformMemberResponseObject, error) {
	member, err := parseMemberID(r.MemberID)
	if err != nil {
		return nil, err
	}
	m, err := a.admin.GetPlatformMember(ctx, actorOf(ctx), member)
	if err != nil {
		return nil, err
	}
	return GetPlatformMember200JSONResponse{Body: platformMemberAnswer(m), Headers: GetPlatformMember200ResponseHeaders{ETag: etagOf(m.Version)}}, nil
}

// UpdatePlatformMember gives one of the platform's people another role.
func (a *api) UpdatePlatformMember(ctx context.Context, r UpdatePlatformMemberRequestObject) (UpdatePlatformMemberResponseObject, error) {
	member, err := parseMemberID(r.MemberID)
	if err != nil {
		return nil, err
	}
	version, err := mustIfMatch(r.Params.IfMatch, a.platformMemberVersion(ctx, member))
	if err != nil {
		return nil, err
	}
	m, err := a.admin.UpdatePlatformMember(ctx, actorOf(ctx), member, version, r.Body.Role)
	if err != nil {
		return nil, err
	}
	return UpdatePlatformMember200JSONResponse{Body: platformMemberAnswer(m), Headers: UpdatePlatformMember200ResponseHeaders{ETag: etagOf(m.Version)}}, nil
}

// DeletePlatformMember takes a person's role on the platform away.
func (a *api) DeletePlatformMember(ctx context.Context, r DeletePlatformMemberRequestObject) (DeletePlatformMemberResponseObject, error) {
	member, err := parseMemberID(r.MemberID)
	if err != nil {
		return nil, err
	}
	version, err := mayIfMatch(r.Params.IfMatch, a.platformMemberVersion(ctx, member))
	if err != nil {
		return nil, err
	}
	if err := a.admin.DeletePlatformMember(ctx, actorOf(ctx), member, version); err != nil {
		return nil, err
	}
	return DeletePlatformMember204Response{}, nil
}

func (a *api) platformMemberVersion(ctx context.Context, member core.MemberID) func() (int64, error) {
	return func() (int64, error) {
		m, err := a.admin.GetPlatformMember(ctx, actorOf(ctx), member)
		return m.Version, err
	}
}

func platformMemberAnswer(m core.PlatformMember) PlatformMember {
	return PlatformMember{ID: m.ID.String(), Email: m.Email, Role: m.Platform, Since: m.Since.UTC(), LastSignInAt: utc(m.LastSignInAt), SecondFactor: m.SecondFactor}
}
