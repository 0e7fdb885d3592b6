package consoleapi

import (
	"context"

	"signet/internal/admin"
	"signet/internal/core"
	"signet/internal/fault"
)

// CreateApp makes an app with its first secret.
func (a *api) CreateApp(ctx context.Context, r CreateAppRequestObject) (CreateAppResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	skip, err := parseCheck(r.Params.Check)
	if err != nil {
		return nil, err
	}
	later, err := parseLater(r.Params.Secret)
	if err != nil {
		return nil, err
	}
	n := admin.NewApp{
		Name:        r.Body.Name,
		AgentID:     string(r.Body.AgentID),
		CorpID:      orEmpty(r.Body.CorpID),
		Strict:      r.Body.Strict != nil && *r.Body.Strict,
		ServerOnly:  r.Body.ServerOnly != nil && *r.Body.ServerOnly,
		SecretLater: later,
		SkipCheck:   skip,
	}
	switch {
	case r.Body.Secret != nil:
		n.Secret = r.Body.Secret.Secret
	case !later:
		return nil, fault.InvalidField("/secret", fault.ReasonMissing, nil)
	}
	app, err := a.admin.CreateApp(ctx, actorOf(ctx), tenant, n)
	if err != nil {
		return nil, err
	}
	return CreateApp201JSONResponse{
		Body:    appAnswer(app),
		Headers: CreateApp201ResponseHeaders{ETag: etagOf(app.Version), Location: appPath(tenant, app.ID)},
	}, nil
}

// ListApps lists the apps of a tenant.
func (a *api) ListApps(ctx context.Context, r ListAppsRequestObject) (ListAppsResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	page, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListApps(ctx, actorOf(ctx), tenant, page)
	if err != nil {
		return nil, err
	}
	return ListApps200JSONResponse{Items: mapped(list.Items, appAnswer), NextCursor: nextCursor(list.NextCursor)}, nil
}

// GetApp gives an app.
func (a *api) GetApp(ctx context.Context, r GetAppRequestObject) (GetAppResponseObject, error) {
	tenant, id, err := parseAppPath(r.TenantID, r.AppID)
	if err != nil {
		return nil, err
	}
	app, err := a.admin.GetApp(ctx, actorOf(ctx), tenant, id)
	if err != nil {
		return nil, err
	}
	return GetApp200JSONResponse{Body: appAnswer(app), Headers: GetApp200ResponseHeaders{ETag: etagOf(app.Version)}}, nil
}

// UpdateApp renames, suspends or resumes an app, lets it sign pages on http, makes it
// strict, or lets people sign in through it.
func (a *api) UpdateApp(ctx context.Context, r UpdateAppRequestObject) (UpdateAppResponseObject, error) {
	tenant, id, err := parseAppPath(r.TenantID, r.AppID)
	if err != nil {
		return nil, err
	}
	version, err := mustIfMatch(r.Params.IfMatch, a.appVersion(ctx, tenant, id))
	if err != nil {
		return nil, err
	}
	change := admin.AppChange{Name: r.Body.Name, Status: r.Body.Status, AllowHTTP: r.Body.AllowHTTP, Strict: r.Body.Strict, ServerOnly: r.Body.ServerOnly, SignIn: r.Body.SignIn}
	if change == (admin.AppChange{}) {
		return nil, fault.InvalidField("", fault.ReasonEmpty, nil)
	}
	app, err := a.admin.UpdateApp(ctx, actorOf(ctx), tenant, id, version, change)
	if err != nil {
		return nil, err
	}
	return UpdateApp200JSONResponse{Body: appAnswer(app), Headers: UpdateApp200ResponseHeaders{ETag: etagOf(app.Version)}}, nil
}

// DeleteApp deletes an app.
func (a *api) DeleteApp(ctx context.Context, r DeleteAppRequestObject) (DeleteAppResponseObject, error) {
	tenant, id, err := parseAppPath(r.TenantID, r.AppID)
	if err != nil {
		return nil, err
	}
	version, err := mayIfMatch(r.Params.IfMatch, a.appVersion(ctx, tenant, id))
	if err != nil {
		return nil, err
	}
	if err := a.admin.DeleteApp(ctx, actorOf(ctx), tenant, id, version); err != nil {
		return nil, err
	}
	return DeleteApp204Response{}, nil
}

func (a *api) appVersion(ctx context.Context, tenant core.TenantID, id core.AppID) func() (int64, error) {
	return func() (int64, error) {
		app, err := a.admin.GetApp(ctx, actorOf(ctx), tenant, id)
		return app.Version, err
	}
}

func appPath(tenant core.TenantID, id core.AppID) string {
	return tenantPath(tenant) + "/apps/" + id.String()
}

func appAnswer(app core.App) App {
	answer := App{
		ID:         app.ID.String(),
		Key:        app.Key.String(),
		Name:       app.Name,
		CorpID:     string(app.CorpID),
		AgentID:    string(app.AgentID),
		Kind:       app.Kind,
		Status:     app.Status,
		AllowHTTP:  app.AllowHTTP,
		Strict:     app.Strict,
		ServerOnly: app.ServerOnly,
		SignIn:     app.SignIn,
		CreatedAt:  app.CreatedAt.UTC(),
		UpdatedAt:  app.UpdatedAt.UTC(),
	}
	if app.Secret != nil {
		secret := secretAnswer(*app.Secret)
		answer.Secret = &secret
	}
	return answer
}
