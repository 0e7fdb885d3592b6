package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

func scanApp(row pgx.CollectableRow) (core.App, error) {
	var a core.App
	var key []byte
	err := row.Scan(&a.TenantID, &a.ID, &a.CorpID, &a.AgentID, &key, &a.Name, &a.Kind, &a.Status,
		&a.AllowHTTP, &a.Strict, &a.ServerOnly, &a.SignIn, &a.Version, &a.CreatedAt, &a.UpdatedAt)
	copy(a.Key[:], key)
	return a, err
}

const insertApp = `
INSERT INTO signet.apps (tenant_id, app_id, corp_id, agent_id, app_key, name, kind, strict, server_only)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING tenant_id, app_id, corp_id, agent_id, app_key, name, kind, status, allow_http, strict, server_only, sign_in, version, created_at, updated_at`

// CreateApp makes an app of the tenant. It fails with fault.AppExists if the
// corp has an app with that agent id, with fault.CorpUnknown if the tenant has
// no such corp.
func (tx *TenantTx) CreateApp(ctx context.Context, a core.App) (core.App, error) {
	return one(ctx, tx.tx, fault.InternalError, scanApp, insertApp,
		tx.tenantID, a.ID, a.CorpID, a.AgentID, a.Key[:], a.Name, a.Kind, a.Strict, a.ServerOnly)
}

const selectApp = `
SELECT tenant_id, app_id, corp_id, agent_id, app_key, name, kind, status, allow_http, strict, server_only, sign_in, version, created_at, updated_at
FROM signet.apps
WHERE tenant_id = $1 AND app_id = $2`

// GetApp gives one app of the tenant, or fault.AppUnknown.
func (tx *TenantTx) GetApp(ctx context.Context, app core.AppID) (core.App, error) {
	return one(ctx, tx.tx, fault.AppUnknown, scanApp, selectApp, tx.tenantID, app)
}

// LockApp is GetApp, and holds the row until the transaction ends.
func (tx *TenantTx) LockApp(ctx context.Context, app core.AppID) (core.App, error) {
	return one(ctx, tx.tx, fault.AppUnknown, scanApp, selectApp+"\nFOR NO KEY UPDATE", tx.tenantID, app)
}

const selectAppExists = `
SELECT EXISTS (
    SELECT FROM signet.apps
    WHERE tenant_id = $1 AND corp_id = $2 AND agent_id = $3
)`

// HasApp tells whether a corp of the tenant has an app with that agent id.
func (tx *TenantTx) HasApp(ctx context.Context, corp core.CorpID, agent core.AgentID) (bool, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[bool], selectAppExists, tx.tenantID, corp, agent)
}

const listApps = `
SELECT tenant_id, app_id, corp_id, agent_id, app_key, name, kind, status, allow_http, strict, server_only, sign_in, version, created_at, updated_at
FROM signet.apps
WHERE tenant_id = $1 AND (created_at, app_id) < ($2, $3)
ORDER BY created_at DESC, app_id DESC
LIMIT $4`

// ListApps gives the tenant's apps, newest first.
func (tx *TenantTx) ListApps(ctx context.Context, p core.Page) (core.List[core.App], error) {
	after, err := parseMark(appList, p.Cursor, checkID)
	if err != nil {
		return core.List[core.App]{}, err
	}
	items, err := all(ctx, tx.tx, scanApp, listApps, tx.tenantID, after.at, after.id, p.Limit+1)
	return page(appList, items, p.Limit, func(a core.App) mark { return mark{a.CreatedAt, a.ID.String()} }), err
}

const updateApp = `
UPDATE signet.apps
SET name = $3, status = $4, allow_http = $5, strict = $6, server_only = $7, sign_in = $8, version = version + 1, updated_at = now()
WHERE tenant_id = $1 AND app_id = $2
RETURNING tenant_id, app_id, corp_id, agent_id, app_key, name, kind, status, allow_http, strict, server_only, sign_in, version, created_at, updated_at`

// UpdateApp writes name, status, AllowHTTP, Strict, ServerOnly and SignIn and counts the
// version up. It fails with fault.SignInAppExists where people sign in through another
// app.
func (tx *TenantTx) UpdateApp(ctx context.Context, a core.App) (core.App, error) {
	return one(ctx, tx.tx, fault.AppUnknown, scanApp, updateApp, tx.tenantID, a.ID, a.Name, a.Status, a.AllowHTTP, a.Strict, a.ServerOnly, a.SignIn)
}

const touchApp = `
UPDATE signet.apps
SET version = version + 1, updated_at = now()
WHERE tenant_id = $1 AND app_id = $2`

// TouchApp counts the version of an app up because something of it changed.
func (tx *TenantTx) TouchApp(ctx context.Context, app core.AppID) error {
	_, err := tx.tx.Exec(ctx, touchApp, tx.tenantID, app)
	return translate(err)
}

const deleteApp = `
DELETE FROM signet.apps
WHERE tenant_id = $1 AND app_id = $2`

// DeleteApp takes the app away with its secrets, domains, tickets, pauses and
// bound hosts; with the last app of a corp go the pauses of the corp.
func (tx *TenantTx) DeleteApp(ctx context.Context, app core.AppID) error {
	if err := tx.LiftAppPauses(ctx, app); err != nil {
		return err
	}
	if _, err := tx.tx.Exec(ctx, deleteApp, tx.tenantID, app); err != nil {
		return translate(err)
	}
	_, err := tx.tx.Exec(ctx, liftLeftCorpPauses, tx.tenantID)
	return translate(err)
}

const listAppKeys = `
SELECT app_id, app_key
FROM signet.apps
WHERE tenant_id = $1`

// AppName is what other nodes know an app by.
type AppName struct {
	ID  core.AppID
	Key core.AppKey
}

// ListAppNames gives the ids and keys of all the tenant's apps.
func (tx *TenantTx) ListAppNames(ctx context.Context) ([]AppName, error) {
	return all(ctx, tx.tx, func(row pgx.CollectableRow) (AppName, error) {
		var n AppName
		var key []byte
		err := row.Scan(&n.ID, &key)
		copy(n.Key[:], key)
		return n, err
	}, listAppKeys, tx.tenantID)
}
