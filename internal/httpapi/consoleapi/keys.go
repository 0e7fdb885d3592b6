package consoleapi

import (
	"context"

	"signet/internal/admin"
)

// GetTenantKey tells which version of a tenant's key seals.
func (a *api) GetTenantKey(ctx context.Context, r GetTenantKeyRequestObject) (GetTenantKeyResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	key, err := a.admin.GetTenantKey(ctx, actorOf(ctx), tenant)
	if err != nil {
		return nil, err
	}
	return GetTenantKey200JSONResponse(keyAnswer(key)), nil
}

// RotateTenantKey turns a tenant's key.
func (a *api) RotateTenantKey(ctx context.Context, r RotateTenantKeyRequestObject) (RotateTenantKeyResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	key, err := a.admin.RotateTenantKey(ctx, actorOf(ctx), tenant)
	if err != nil {
		return nil, err
	}
	return RotateTenantKey202JSONResponse(keyAnswer(key)), nil
}

func keyAnswer(k admin.TenantKey) TenantKey {
	return TenantKey{Version: k.Version, Versions: mapped(k.Versions, func(v admin.KeyVersion) KeyVersion {
		return KeyVersion{Version: v.Version, RootEpoch: v.RootEpoch, CreatedAt: v.CreatedAt.UTC(), Values: v.Values}
	})}
}
