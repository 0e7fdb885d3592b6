package consoleapi

import (
	"context"

	"signet/internal/admin"
	"signet/internal/core"
	"signet/internal/fault"
)

// CreateTenant makes a tenant with its first corp.
func (a *api) CreateTenant(ctx context.Context, r CreateTenantRequestObject) (CreateTenantResponseObject, error) {
	t, err := a.admin.CreateTenant(ctx, actorOf(ctx), admin.NewTenant{Name: r.Body.Name, CorpID: r.Body.CorpID})
	if err != nil {
		return nil, err
	}
	return CreateTenant201JSONResponse{
		Body:    tenantAnswer(t),
		Headers: CreateTenant201ResponseHeaders{ETag: etagOf(t.Version), Location: tenantPath(t.ID)},
	}, nil
}

// ListTenants lists the tenants that the actor may see.
func (a *api) ListTenants(ctx context.Context, r ListTenantsRequestObject) (ListTenantsResponseObject, error) {
	page, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	filter, err := parseTenantFilter(r.Params.Status)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListTenants(ctx, actorOf(ctx), filter, page)
	if err != nil {
		return nil, err
	}
	return ListTenants200JSONResponse{Items: mapped(list.Items, tenantAnswer), NextCursor: nextCursor(list.NextCursor)}, nil
}

// GetTenant gives a tenant.
func (a *api) GetTenant(ctx context.Context, r GetTenantRequestObject) (GetTenantResponseObject, error) {
	id, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	t, err := a.admin.GetTenant(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return GetTenant200JSONResponse{Body: tenantAnswer(t), Headers: GetTenant200ResponseHeaders{ETag: etagOf(t.Version)}}, nil
}

// UpdateTenant renames, suspends or resumes a tenant.
func (a *api) UpdateTenant(ctx context.Context, r UpdateTenantRequestObject) (UpdateTenantResponseObject, error) {
	id, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	version, err := mustIfMatch(r.Params.IfMatch, a.tenantVersion(ctx, id))
	if err != nil {
		return nil, err
	}
	if r.Body.Name == nil && r.Body.Status == nil && r.Body.SecretMaxAgeDays == nil && r.Body.SecondFactorRequired == nil {
		return nil, fault.InvalidField("", fault.ReasonEmpty, nil)
	}
	t, err := a.admin.UpdateTenant(ctx, actorOf(ctx), id, version, admin.TenantChange{
		Name: r.Body.Name, Status: r.Body.Status, SecretMaxAgeDays: r.Body.SecretMaxAgeDays, SecondFactorRequired: r.Body.SecondFactorRequired})
	if err != nil {
		return nil, err
	}
	return UpdateTenant200JSONResponse{Body: tenantAnswer(t), Headers: UpdateTenant200ResponseHeaders{ETag: etagOf(t.Version)}}, nil
}

// DeleteTenant lets a tenant leave, or destroys it now.
func (a *api) DeleteTenant(ctx context.Context, r DeleteTenantRequestObject) (DeleteTenantResponseObject, error) {
	id, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	version, err := mayIfMatch(r.Params.IfMatch, a.tenantVersion(ctx, id))
	if err != nil {
		return nil, err
	}
	now, err := parseNow(r.Params.Now)
	if err != nil {
		return nil, err
	}
	remove := a.admin.DeleteTenant
	if now {
		remove = a.admin.DestroyTenant
	}
	if err := remove(ctx, actorOf(ctx), id, version); err != nil {
		return nil, err
	}
	return DeleteTenant204Response{}, nil
}

func (a *api) tenantVersion(ctx context.Context, id core.TenantID) func() (int64, error) {
	return func() (int64, error) {
		t, err := a.admin.GetTenant(ctx, actorOf(ctx), id)
		return t.Version, err
	}
}

func tenantPath(id core.TenantID) string { return apiPath + "/tenants/" + id.String() }

func tenantAnswer(t core.Tenant) Tenant {
	return Tenant{
		ID:       t.ID.String(),
		Name:     t.Name,
		Corps:    mapped(t.Corps, func(id core.CorpID) Corp { return Corp{CorpID: string(id)} }),
		Status:   t.Status,
		Deletion: deletionAnswer(t.Deletion),

		SecretMaxAgeDays: t.SecretMaxAgeDays,

		SecondFactorRequired: t.SecondFactor,

		CreatedAt: t.CreatedAt.UTC(),
		UpdatedAt: t.UpdatedAt.UTC(),
	}
}

func deletionAnswer(d *core.Deletion) *Deletion {
	if d == nil {
		return nil
	}
	return &Deletion{RequestedAt: d.RequestedAt.UTC(), DueAt: d.DueAt.UTC(), RequestedBy: d.RequestedBy}
}
