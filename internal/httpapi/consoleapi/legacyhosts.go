package consoleapi

import (
	"context"

	"signet/internal/core"
	"signet/internal/fault"
)

// BindLegacyHost binds a host to an app.
func (a *api) BindLegacyHost(ctx context.Context, r BindLegacyHostRequestObject) (BindLegacyHostResponseObject, error) {
	tenant, err := core.ParseTenantID(r.Body.TenantID)
	if err != nil {
		return nil, fault.InvalidField("/tenantId", fault.ReasonID, nil)
	}
	app, err := core.ParseAppID(r.Body.AppID)
	if err != nil {
		return nil, fault.InvalidField("/appId", fault.ReasonID, nil)
	}
	h, err := a.admin.BindLegacyHost(ctx, actorOf(ctx), r.Host, tenant, app)
	if err != nil {
		return nil, err
	}
	return BindLegacyHost200JSONResponse(legacyHostAnswer(h)), nil
}

// UnbindLegacyHost unbinds a host. A binding has no version, so an entity tag
// matches none.
func (a *api) UnbindLegacyHost(ctx context.Context, r UnbindLegacyHostRequestObject) (UnbindLegacyHostResponseObject, error) {
	version, err := mayIfMatch(r.Params.IfMatch, func() (int64, error) { return noVersion, nil })
	if err != nil {
		return nil, err
	}
	if version != nil {
		return nil, fault.New(fault.IfMatchConflict, nil)
	}
	if err := a.admin.UnbindLegacyHost(ctx, actorOf(ctx), r.Host); err != nil {
		return nil, err
	}
	return UnbindLegacyHost204Response{}, nil
}

// ListLegacyHosts lists the bound hosts.
func (a *api) ListLegacyHosts(ctx context.Context, r ListLegacyHostsRequestObject) (ListLegacyHostsResponseObject, error) {
	page, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListLegacyHosts(ctx, actorOf(ctx), page)
	if err != nil {
		return nil, err
	}
	return ListLegacyHosts200JSONResponse{Items: mapped(list.Items, legacyHostAnswer), NextCursor: nextCursor(list.NextCursor)}, nil
}

func legacyHostAnswer(h core.LegacyHost) LegacyHost {
	return LegacyHost{
		Host:      string(h.Host),
		Unicode:   h.Host.Unicode(),
		TenantID:  h.TenantID.String(),
		AppID:     h.AppID.String(),
		CreatedAt: h.CreatedAt.UTC(),
	}
}
