package consoleapi

import (
	"context"
	"time"

	"signet/internal/admin"
	"signet/internal/core"
)

// RotateSecret puts a new secret in place.
func (a *api) RotateSecret(ctx context.Context, r RotateSecretRequestObject) (RotateSecretResponseObject, error) {
	tenant, app, err := parseAppPath(r.TenantID, r.AppID)
	if err != nil {
		return nil, err
	}
	skip, err := parseCheck(r.Params.Check)
	if err != nil {
		return nil, err
	}
	version, err := a.admin.RotateSecret(ctx, actorOf(ctx), tenant, app, admin.NewSecret{Secret: r.Body.Secret.Secret, SkipCheck: skip})
	if err != nil {
		return nil, err
	}
	return RotateSecret201JSONResponse(secretAnswer(version)), nil
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
		CheckedAt:   utc(s.CheckedAt),
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
