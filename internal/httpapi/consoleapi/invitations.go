package consoleapi

import (
	"context"

	"signet/internal/admin"
	"signet/internal/core"
)

// CreateInvitation invites a person into a tenant.
func (a *api) CreateInvitation(ctx context.Context, r CreateInvitationRequestObject) (CreateInvitationResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	made, err := a.admin.CreateInvitation(ctx, actorOf(ctx), tenant, admin.NewInvitation{Email: r.Body.Email, Role: r.Body.Role})
	if err != nil {
		return nil, err
	}
	return CreateInvitation201JSONResponse(a.madeInvitationAnswer(made)), nil
}

// CreatePlatformInvitation invites a person to be one of the platform's people.
func (a *api) CreatePlatformInvitation(ctx context.Context, r CreatePlatformInvitationRequestObject) (CreatePlatformInvitationResponseObject, error) {
	made, err := a.admin.CreatePlatformInvitation(ctx, actorOf(ctx), admin.NewInvitation{Email: r.Body.Email, Role: r.Body.Role})
	if err != nil {
		return nil, err
	}
	return CreatePlatformInvitation201JSONResponse(a.madeInvitationAnswer(made)), nil
}

// ListInvitations lists the invitations of a tenant.
func (a *api) ListInvitations(ctx context.Context, r ListInvitationsRequestObject) (ListInvitationsResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	page, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListInvitations(ctx, actorOf(ctx), tenant, page)
	if err != nil {
		return nil, err
	}
	return ListInvitations200JSONResponse{Items: mapped(list.Items, a.invitationAnswer), NextCursor: nextCursor(list.NextCursor)}, nil
}

// ListPlatformInvitations lists the invitations of the platform.
func (a *api) ListPlatformInvitations(ctx context.Context, r ListPlatformInvitationsRequestObject) (ListPlatformInvitationsResponseObject, error) {
	page, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListPlatformInvitations(ctx, actorOf(ctx), page)
	if err != nil {
		return nil, err
	}
	return ListPlatformInvitations200JSONResponse{Items: mapped(list.Items, a.invitationAnswer), NextCursor: nextCursor(list.NextCursor)}, nil
}

// RevokeInvitation takes an invitation of a tenant back.
func (a *api) RevokeInvitation(ctx context.Context, r RevokeInvitationRequestObject) (RevokeInvitationResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	link, err := parseInvitationID(r.InvitationID)
	if err != nil {
		return nil, err
	}
	if err := a.admin.RevokeInvitation(ctx, actorOf(ctx), tenant, link); err != nil {
		return nil, err
	}
	return RevokeInvitation204Response{}, nil
}

// RevokePlatformInvitation takes an invitation of the platform back.
func (a *api) RevokePlatformInvitation(ctx context.Context, r RevokePlatformInvitationRequestObject) (RevokePlatformInvitationResponseObject, error) {
	link, err := parseInvitationID(r.InvitationID)
	if err != nil {
		return nil, err
	}
	if err := a.admin.RevokePlatformInvitation(ctx, actorOf(ctx), link); err != nil {
		return nil, err
	}
	return RevokePlatformInvitation204Response{}, nil
}

// ReadInvitation tells who has an invitation what it is for.
func (a *api) ReadInvitation(ctx context.Context, r ReadInvitationRequestObject) (ReadInvitationResponseObject, error) {
	if err := a.takeIntake(ctx); err != nil {
		return nil, err
	}
	shown, err := a.identity.ReadInvitation(ctx, r.Body.Token.Expose(), requestIDOf(ctx))
	if err != nil {
		return nil, err
	}
	answer := ReadInvitation200JSONResponse{Email: shown.Email, Role: shown.Role, ExpiresAt: shown.ExpiresAt.UTC(), MemberExists: shown.MemberExists}
	if shown.TenantName != "" {
		answer.TenantName = &shown.TenantName
	}
	return answer, nil
}

// AcceptInvitation makes who has an invitation a member.
func (a *api) AcceptInvitation(ctx context.Context, r AcceptInvitationRequestObject) (AcceptInvitationResponseObject, error) {
	if err := a.takeIntake(ctx); err != nil {
		return nil, err
	}
	var password core.Secret
	if r.Body.Password != nil {
		password = r.Body.Password.Secret
	}
	accepted, err := a.identity.AcceptInvitation(ctx, clientOf(ctx), r.Body.Token.Expose(), password, actorOf(ctx), requestIDOf(ctx))
	if err != nil {
		return nil, err
	}
	return AcceptInvitation201JSONResponse{Email: accepted.Email, Role: accepted.Role}, nil
}

func (a *api) madeInvitationAnswer(m admin.MadeInvitation) MadeInvitation {
	state, _ := m.State(a.now())
	return MadeInvitation{
		ID: m.ID.String(), Email: m.Email, Role: m.Role, State: state, MadeBy: m.MadeBy, CreatedAt: m.CreatedAt.UTC(), ExpiresAt: m.ExpiresAt.UTC(),
		Address: m.Token.Address(a.consoleURL).Expose(), Mailed: m.Mailed, MailProblem: mailProblemOf(m.MailProblem),
	}
}

func (a *api) invitationAnswer(i core.Invitation) Invitation {
	state, _ := i.State(a.now())
	return Invitation{
		ID: i.ID.String(), Email: i.Email, Role: i.Role, State: state, MadeBy: i.MadeBy, CreatedAt: i.CreatedAt.UTC(), ExpiresAt: i.ExpiresAt.UTC(),
		UsedAt: utc(i.UsedAt), RevokedAt: utc(i.RevokedAt),
	}
}

func mailProblemOf(p core.MailProblem) *core.MailProblem {
	if p == "" {
		return nil
	}
	return &p
}
