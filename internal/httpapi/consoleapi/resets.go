package consoleapi

import (
	"context"

	"signet/internal/admin"
)

// CreateReset makes a link by which a member of a tenant chooses a new password.
func (a *api) CreateReset(ctx context.Context, r CreateResetRequestObject) (CreateResetResponseObject, error) {
	tenant, member, err := parseMemberPath(r.TenantID, r.MemberID)
	if err != nil {
		return nil, err
	}
	made, err := a.admin.CreateReset(ctx, actorOf(ctx), tenant, member)
	if err != nil {
		return nil, err
	}
	return CreateReset201JSONResponse(a.madeResetAnswer(made)), nil
}

// CreatePlatformReset makes a link by which any member chooses a new password.
func (a *api) CreatePlatformReset(ctx context.Context, r CreatePlatformResetRequestObject) (CreatePlatformResetResponseObject, error) {
	member, err := parseMemberID(r.MemberID)
	if err != nil {
		return nil, err
	}
	made, err := a.admin.CreatePlatformReset(ctx, actorOf(ctx), member, admin.NewReset{Factors: r.Body.Factors})
	if err != nil {
		return nil, err
	}
	return CreatePlatformReset201JSONResponse(a.madeResetAnswer(made)), nil
}

// ReadReset tells who has a reset whose password it is for.
func (a *api) ReadReset(ctx context.Context, r ReadResetRequestObject) (ReadResetResponseObject, error) {
	if err := a.takeIntake(ctx); err != nil {
		return nil, err
	}
	shown, err := a.identity.ReadReset(ctx, r.Body.Token.Expose(), requestIDOf(ctx))
	if err != nil {
		return nil, err
	}
	return ReadReset200JSONResponse{Email: shown.Email, Factors: shown.Factors, ExpiresAt: shown.ExpiresAt.UTC()}, nil
}

// UseReset gives the member of a reset a new password.
func (a *api) UseReset(ctx context.Context, r UseResetRequestObject) (UseResetResponseObject, error) {
	if err := a.takeIntake(ctx); err != nil {
		return nil, err
	}
	if err := a.identity.UseReset(ctx, clientOf(ctx), r.Body.Token.Expose(), r.Body.Password.Secret, requestIDOf(ctx)); err != nil {
		return nil, err
	}
	return UseReset204Response{}, nil
}

// ForgetPassword has a letter sent to the member with an address, if there is one.
func (a *api) ForgetPassword(ctx context.Context, r ForgetPasswordRequestObject) (ForgetPasswordResponseObject, error) {
	if err := a.identity.Forget(ctx, clientOf(ctx), r.Body.Email, requestIDOf(ctx)); err != nil {
		return nil, err
	}
	return ForgetPassword202Response{}, nil
}

func (a *api) madeResetAnswer(m admin.MadeReset) MadeReset {
	return MadeReset{
		ID: m.ID.String(), MemberID: m.Member.String(), Factors: m.Factors, CreatedAt: m.CreatedAt.UTC(), ExpiresAt: m.ExpiresAt.UTC(),
		Address: m.Token.Address(a.consoleURL).Expose(), Mailed: m.Mailed, MailProblem: mailProblemOf(m.MailProblem),
	}
}
