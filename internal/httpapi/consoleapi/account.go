package consoleapi

import (
	"context"

	"signet/internal/core"
	"signet/internal/fault"
)

// ChangePassword changes the member's password.
func (a *api) ChangePassword(ctx context.Context, r ChangePasswordRequestObject) (ChangePasswordResponseObject, error) {
	err := a.identity.ChangePassword(ctx, actorOf(ctx), identityVisit(ctx), r.Body.Password.Secret, r.Body.NewPassword.Secret)
	if err != nil {
		return nil, err
	}
	return ChangePassword204Response{}, nil
}

// ListFactors lists what the member proves with who they are.
func (a *api) ListFactors(ctx context.Context, _ ListFactorsRequestObject) (ListFactorsResponseObject, error) {
	f, err := a.identity.ListFactors(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return ListFactors200JSONResponse{Items: mapped(f.Items, factorAnswer), RecoveryCodes: f.RecoveryCodes, Password: f.HasPassword}, nil
}

// BeginTOTP begins with an authenticator.
func (a *api) BeginTOTP(ctx context.Context, r BeginTOTPRequestObject) (BeginTOTPResponseObject, error) {
	made, err := a.identity.BeginTOTP(ctx, actorOf(ctx), r.Body.Name)
	if err != nil {
		return nil, err
	}
	return BeginTOTP201JSONResponse{ID: made.Factor.ID.String(), Seed: made.Seed.Expose(), URI: made.URI.Expose()}, nil
}

// ConfirmTOTP confirms an authenticator with its first code.
func (a *api) ConfirmTOTP(ctx context.Context, r ConfirmTOTPRequestObject) (ConfirmTOTPResponseObject, error) {
	id, err := parseFactorID(r.FactorID)
	if err != nil {
		return nil, err
	}
	codes, err := a.identity.ConfirmTOTP(ctx, actorOf(ctx), id, r.Body.Code.Secret)
	if err != nil {
		return nil, err
	}
	return ConfirmTOTP200JSONResponse{RecoveryCodes: mapped(codes, core.Secret.Expose)}, nil
}

// BeginPasskey asks the browser for a new passkey.
func (a *api) BeginPasskey(ctx context.Context, _ BeginPasskeyRequestObject) (BeginPasskeyResponseObject, error) {
	w, err := a.identity.BeginPasskey(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return BeginPasskey200JSONResponse(waitingAnswer(w)), nil
}

// AddPasskey adds the passkey that the browser has made.
func (a *api) AddPasskey(ctx context.Context, r AddPasskeyRequestObject) (AddPasskeyResponseObject, error) {
	made, codes, err := a.identity.AddPasskey(ctx, actorOf(ctx), r.Body.Token.Secret, r.Body.Name, r.Body.Passkey.Raw)
	if err != nil {
		return nil, err
	}
	return AddPasskey201JSONResponse{Factor: factorAnswer(made), RecoveryCodes: mapped(codes, core.Secret.Expose)}, nil
}

// RenewRecoveryCodes gives the member new recovery codes.
func (a *api) RenewRecoveryCodes(ctx context.Context, _ RenewRecoveryCodesRequestObject) (RenewRecoveryCodesResponseObject, error) {
	codes, err := a.identity.RenewRecoveryCodes(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return RenewRecoveryCodes200JSONResponse{RecoveryCodes: mapped(codes, core.Secret.Expose)}, nil
}

// RemoveFactor removes a second factor or a passkey of the member.
func (a *api) RemoveFactor(ctx context.Context, r RemoveFactorRequestObject) (RemoveFactorResponseObject, error) {
	id, err := parseFactorID(r.FactorID)
	if err != nil {
		return nil, err
	}
	if err := a.identity.RemoveFactor(ctx, actorOf(ctx), id); err != nil {
		return nil, err
	}
	return RemoveFactor204Response{}, nil
}

func parseFactorID(text string) (core.FactorID, error) {
	id, err := core.ParseFactorID(text)
	return id, unknownIf(err, fault.FactorUnknown)
}

func factorAnswer(f core.Factor) Factor {
	return Factor{ID: f.ID.String(), Kind: f.Kind, Name: f.Name, CreatedAt: f.CreatedAt.UTC(), ConfirmedAt: utc(f.ConfirmedAt), UsedAt: utc(f.UsedAt)}
}
