package consoleapi

import (
	"context"
	"time"

	"signet/internal/admin"
	"signet/internal/core"
)

// RotateSecret puts a new secret in place, or lets it wait.
func (a *api) RotateSecret(ctx context.Context, r RotateSecretRequestObject) (RotateSecretResponseObject, error) {
	tenant, app, err := parseAppPath(r.TenantID, r.AppID)
	if err != nil {
		return nil, err
	}
	skip, err := parseCheck(r.Params.Check)
	if err != nil {
		return nil, err
	}
	var version core.SecretVersion
	if r.Body.ActivateAt != nil || r.Body.Pending != nil && *r.Body.Pending {
		version, err = a.admin.KeepSecret(ctx, actorOf(ctx), tenant, app, admin.KeptSecret{Secret: r.Body.Secret.Secret, ActivateAt: r.Body.ActivateAt})
	} else {
		version, err = a.admin.RotateSecret(ctx, actorOf(ctx), tenant, app, admin.NewSecret{Secret: r.Body.Secret.Secret, SkipCheck: skip})
	}
	if err != nil {
		return nil, err
	}
	return RotateSecret201JSONResponse(secretAnswer(version)), nil
}

// TrySecret asks WeCom about a stored secret.
func (a *api) TrySecret(ctx context.Context, r TrySecretRequestObject) (TrySecretResponseObject, error) {
	tenant, app, number, err := parseSecretPath(r.TenantID, r.AppID, r.SecretVersion)
	if err != nil {
		return nil, err
	}
	version, err := a.admin.TrySecret(ctx, actorOf(ctx), tenant, app, number)
	if err != nil {
		return nil, err
	}
	return TrySecret200JSONResponse(secretAnswer(version)), nil
}

// ActivateSecret makes a pending secret current, or steps back to the previous one.
func (a *api) ActivateSecret(ctx context.Context, r ActivateSecretRequestObject) (ActivateSecretResponseObject, error) {
	tenant, app, number, err := parseSecretPath(r.TenantID, r.AppID, r.SecretVersion)
	if err != nil {
		return nil, err
	}
	skip, err := parseCheck(r.Params.Check)
	if err != nil {
		return nil, err
	}
	version, err := a.admin.ActivateSecret(ctx, actorOf(ctx), tenant, app, number, skip)
	if err != nil {
		return nil, err
	}
	return ActivateSecret200JSONResponse(secretAnswer(version)), nil
}

// ScheduleSecret sets the time of a pending secret.
func (a *api) ScheduleSecret(ctx context.Context, r ScheduleSecretRequestObject) (ScheduleSecretResponseObject, error) {
	tenant, app, number, err := parseSecretPath(r.TenantID, r.AppID, r.SecretVersion)
	if err != nil {
		return nil, err
	}
	version, err := a.admin.ScheduleSecret(ctx, actorOf(ctx), tenant, app, number, &r.Body.ActivateAt)
	if err != nil {
		return nil, err
	}
	return ScheduleSecret200JSONResponse(secretAnswer(version)), nil
}

// UnscheduleSecret takes the time of a pending secret away.
func (a *api) UnscheduleSecret(ctx context.Context, r UnscheduleSecretRequestObject) (UnscheduleSecretResponseObject, error) {
	tenant, app, number, err := parseSecretPath(r.TenantID, r.AppID, r.SecretVersion)
	if err != nil {
		return nil, err
	}
	version, err := a.admin.ScheduleSecret(ctx, actorOf(ctx), tenant, app, number, nil)
	if err != nil {
		return nil, err
	}
	return UnscheduleSecret200JSONResponse(secretAnswer(version)), nil
}

// RetireSecret puts a pending or previous secret aside for good.
func (a *api) RetireSecret(ctx context.Context, r RetireSecretRequestObject) (RetireSecretResponseObject, error) {
	tenant, app, number, err := parseSecretPath(r.TenantID, r.AppID, r.SecretVersion)
	if err != nil {
		return nil, err
	}
	version, err := a.admin.RetireSecret(ctx, actorOf(ctx), tenant, app, number)
	if err != nil {
		return nil, err
	}
	return RetireSecret200JSONResponse(secretAnswer(version)), nil
}

// DestroySecret destroys the value of a retired secret.
func (a *api) DestroySecret(ctx context.Context, r DestroySecretRequestObject) (DestroySecretResponseObject, error) {
	tenant, app, number, err := parseSecretPath(r.TenantID, r.AppID, r.SecretVersion)
	if err != nil {
		return nil, err
	}
	version, err := a.admin.DestroySecret(ctx, actorOf(ctx), tenant, app, number)
	if err != nil {
		return nil, err
	}
	return DestroySecret200JSONResponse(secretAnswer(version)), nil
}

// ListSecrets lists the versions of an app's secret.
func (a *api) ListSecrets(ctx context.Context, r ListSecretsRequestObject) (ListSecretsResponseObject, error) {
	tenant, app, err := parseAppPath(r.TenantID, r.AppID)
	if err != nil {
		return nil, err
	}
	page, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListSecrets(ctx, actorOf(ctx), tenant, app, page)
	if err != nil {
		return nil, err
	}
	return ListSecrets200JSONResponse{Items: mapped(list.Items, secretAnswer), NextCursor: nextCursor(list.NextCursor)}, nil
}

func secretAnswer(s core.SecretVersion) SecretVersion {
	answer := SecretVersion{
		Version:     s.Version,
		State:       s.State,
		Fingerprint: s.Fingerprint,
		Activation:  s.Activation,
		ActivatedAt: utc(s.ActivatedAt),
		ActivateAt:  utc(s.ActivateAt),
		FellBack:    s.FellBack,
		MovedAt:     s.MovedAt.UTC(),
		CheckedAt:   utc(s.CheckedAt),
		DueAt:       utc(s.DueAt),
		CreatedAt:   s.CreatedAt.UTC(),
	}
	if s.Problem != "" {
		answer.Problem = &s.Problem
	}
	return answer
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// ListDueSecrets lists the secrets that are due to be rotated.
func (a *api) ListDueSecrets(ctx context.Context, r ListDueSecretsRequestObject) (ListDueSecretsResponseObject, error) {
	days, err := parseDays(r.Params.Days)
	if err != nil {
		return nil, err
	}
	page, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListDueSecrets(ctx, actorOf(ctx), time.Duration(days)*24*time.Hour, page)
	if err != nil {
		return nil, err
	}
	now := a.now()
	return ListDueSecrets200JSONResponse{Items: mapped(list.Items, func(d core.DueSecret) DueSecret {
		return DueSecret{
			TenantID: d.TenantID.String(), TenantName: d.TenantName, AppID: d.AppID.String(), AppName: d.AppName,
			Version: d.Version, PutAt: d.PutAt.UTC(), DueAt: d.DueAt.UTC(), Overdue: !now.Before(d.DueAt),
		}
	}), NextCursor: nextCursor(list.NextCursor)}, nil
}
