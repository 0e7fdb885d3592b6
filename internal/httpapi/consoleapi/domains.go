package consoleapi

import (
	"context"

	"signet/internal/core"
)

// CreateDomain makes an app trust a domain.
func (a *api) CreateDomain(ctx context.Context, r CreateDomainRequestObject) (CreateDomainResponseObject, error) {
	tenant, app, err := parseAppPath(r.TenantID, r.AppID)
	if err != nil {
		return nil, err
	}
	d, err := a.admin.CreateDomain(ctx, actorOf(ctx), tenant, app, r.Body.Host)
	if err != nil {
		return nil, err
	}
	return CreateDomain201JSONResponse{
		Body:    domainAnswer(d),
		Headers: CreateDomain201ResponseHeaders{Location: appPath(tenant, app) + "/domains/" + d.ID.String()},
	}, nil
}

// ListDomains lists the trusted domains of an app.
func (a *api) ListDomains(ctx context.Context, r ListDomainsRequestObject) (ListDomainsResponseObject, error) {
	tenant, app, err := parseAppPath(r.TenantID, r.AppID)
	if err != nil {
		return nil, err
	}
	page, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListDomains(ctx, actorOf(ctx), tenant, app, page)
	if err != nil {
		return nil, err
	}
	return ListDomains200JSONResponse{Items: mapped(list.Items, domainAnswer), NextCursor: nextCursor(list.NextCursor)}, nil
}

// DeleteDomain makes an app trust a domain no longer.
func (a *api) DeleteDomain(ctx context.Context, r DeleteDomainRequestObject) (DeleteDomainResponseObject, error) {
	tenant, app, err := parseAppPath(r.TenantID, r.AppID)
	if err != nil {
		return nil, err
	}
	domain, err := parseDomainID(r.DomainID)
	if err != nil {
		return nil, err
	}
	version, err := mayIfMatch(r.Params.IfMatch, a.appVersion(ctx, tenant, app))
	if err != nil {
		return nil, err
	}
	if err := a.admin.DeleteDomain(ctx, actorOf(ctx), tenant, app, domain, version); err != nil {
		return nil, err
	}
	return DeleteDomain204Response{}, nil
}

func domainAnswer(d core.TrustedDomain) TrustedDomain {
	return TrustedDomain{
		ID:           d.ID.String(),
		Host:         string(d.Host),
		Unicode:      d.Host.Unicode(),
		Wildcard:     d.Host.IsWildcard(),
		MixedScripts: d.Host.MixedScripts(),
		CreatedAt:    d.CreatedAt.UTC(),
	}
}
