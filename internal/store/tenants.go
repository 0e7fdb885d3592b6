package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

func scanTenant(row pgx.CollectableRow) (core.Tenant, error) {
	var t core.Tenant
	err := row.Scan(&t.ID, &t.Name, &t.Status, &t.Version, &t.CreatedAt, &t.UpdatedAt, &t.Corps)
	return t, err
}

const insertTenant = `
INSERT INTO signet.tenants (tenant_id, name)
VALUES ($1, $2)`

// CreateTenant makes the tenant that this transaction is about.
func (tx *TenantTx) CreateTenant(ctx context.Context, name string) error {
	_, err := tx.tx.Exec(ctx, insertTenant, tx.tenantID, name)
	return translate(err)
}

const insertCorp = `
INSERT INTO signet.corps (tenant_id, corp_id)
VALUES ($1, $2)`

// CreateCorp adds a corp to the tenant.
func (tx *TenantTx) CreateCorp(ctx context.Context, corp core.CorpID) error {
	_, err := tx.tx.Exec(ctx, insertCorp, tx.tenantID, corp)
	return translate(err)
}

const selectTenant = `
SELECT t.tenant_id, t.name, t.status, t.version, t.created_at, t.updated_at,
       ARRAY(SELECT c.corp_id FROM signet.corps c WHERE c.tenant_id = t.tenant_id ORDER BY c.created_at, c.corp_id)
FROM signet.tenants t
WHERE t.tenant_id = $1`

// GetTenant gives the tenant, or fault.TenantUnknown.
func (tx *TenantTx) GetTenant(ctx context.Context) (core.Tenant, error) {
	return one(ctx, tx.tx, fault.TenantUnknown, scanTenant, selectTenant, tx.tenantID)
}

const lockTenant = `
SELECT version
FROM signet.tenants
WHERE tenant_id = $1
FOR UPDATE`

// LockTenant holds the tenant's row until the transaction ends and gives its
// version, or fault.TenantUnknown.
func (tx *TenantTx) LockTenant(ctx context.Context) (int64, error) {
	return one(ctx, tx.tx, fault.TenantUnknown, pgx.RowTo[int64], lockTenant, tx.tenantID)
}

const updateTenant = `
UPDATE signet.tenants
SET name = $2, status = $3, version = version + 1, updated_at = now()
WHERE tenant_id = $1`

// UpdateTenant writes name and status and counts the version up.
func (tx *TenantTx) UpdateTenant(ctx context.Context, name string, status core.Status) error {
	_, err := tx.tx.Exec(ctx, updateTenant, tx.tenantID, name, status)
	return translate(err)
}

const deleteTenantKeys = `
DELETE FROM signet_keys.tenant_keys
WHERE tenant_id = $1`

const deleteTenant = `
DELETE FROM signet.tenants
WHERE tenant_id = $1`

// DeleteTenant destroys the tenant's keys, then the tenant and everything that
// hangs on it but its audit and the counts of its calls.
func (tx *TenantTx) DeleteTenant(ctx context.Context) error {
	if _, err := tx.tx.Exec(ctx, deleteTenantKeys, tx.tenantID); err != nil {
		return translate(err)
	}
	if _, err := tx.tx.Exec(ctx, liftTenantPauses, tx.tenantID); err != nil {
		return translate(err)
	}
	_, err := tx.tx.Exec(ctx, deleteTenant, tx.tenantID)
	return translate(err)
}

const listTenants = `
SELECT t.tenant_id, t.name, t.status, t.version, t.created_at, t.updated_at,
       ARRAY(SELECT c.corp_id FROM signet.corps c WHERE c.tenant_id = t.tenant_id ORDER BY c.created_at, c.corp_id)
FROM signet.tenants t
WHERE (t.created_at, t.tenant_id) < ($1, $2) AND ($3 OR t.tenant_id = ANY ($4::uuid[]))
ORDER BY t.created_at DESC, t.tenant_id DESC
LIMIT $5`

// ListTenants gives the tenants, newest first: all of them, or those named.
func (tx *SystemTx) ListTenants(ctx context.Context, everyone bool, named []core.TenantID, p core.Page) (core.List[core.Tenant], error) {
	after, err := parseMark(tenantList, p.Cursor, checkID)
	if err != nil {
		return core.List[core.Tenant]{}, err
	}
	ids := make([]string, len(named))
	for i, id := range named {
		ids[i] = id.String()
	}
	items, err := all(ctx, tx.tx, scanTenant, listTenants, after.at, after.id, everyone, ids, p.Limit+1)
	return page(tenantList, items, p.Limit, func(t core.Tenant) mark { return mark{t.CreatedAt, t.ID.String()} }), err
}

func checkID(text string) error {
	_, err := core.ParseTenantID(text) // any id: they have one form
	return err
}
