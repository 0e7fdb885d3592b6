package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

func scanTenant(row pgx.CollectableRow) (core.Tenant, error) {
	var t core.Tenant
	var requested, due *time.Time
	var by *string
	err := row.Scan(&t.ID, &t.Name, &t.Status, &t.Version, &t.CreatedAt, &t.UpdatedAt, &t.SecretMaxAgeDays, &t.SecondFactor, &requested, &due, &by, &t.Corps)
	if err == nil && due != nil { // the three come together: tenants_deletion
		t.Deletion = &core.Deletion{RequestedAt: *requested, DueAt: *due, RequestedBy: *by}
	}
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
SELECT t.tenant_id, t.name, t.status, t.version, t.created_at, t.updated_at, coalesce(t.secret_max_age_days, 0), t.second_factor_required,
       t.deletion_requested_at, t.deletion_due_at, t.deletion_requested_by,
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

const setSecondFactor = `
UPDATE signet.tenants
SET second_factor_required = $2, version = version + 1, updated_at = now()
WHERE tenant_id = $1`

// SetSecondFactor says whether the tenant's members must sign in with a second factor,
// and counts the version up.
func (tx *TenantTx) SetSecondFactor(ctx context.Context, required bool) error {
	_, err := tx.tx.Exec(ctx, setSecondFactor, tx.tenantID, required)
	return translate(err)
}

const listTenants = `
SELECT t.tenant_id, t.name, t.status, t.version, t.created_at, t.updated_at, coalesce(t.secret_max_age_days, 0), t.second_factor_required,
       t.deletion_requested_at, t.deletion_due_at, t.deletion_requested_by,
       ARRAY(SELECT c.corp_id FROM signet.corps c WHERE c.tenant_id = t.tenant_id ORDER BY c.created_at, c.corp_id)
FROM signet.tenants t
WHERE (t.created_at, t.tenant_id) < ($1, $2) AND ($3 OR t.tenant_id = ANY ($4::uuid[]))
  AND ($6::text IN ('', t.status) OR $6 = 'leaving' AND t.deletion_due_at IS NOT NULL)
ORDER BY t.created_at DESC, t.tenant_id DESC
LIMIT $5`

// ListTenants gives the tenants that the filter picks, newest first: of all of
// them, or of those named.
func (tx *SystemTx) ListTenants(ctx context.Context, everyone bool, named []core.TenantID, filter core.TenantFilter, p core.Page) (core.List[core.Tenant], error) {
	after, err := parseMark(tenantList, p.Cursor, checkID)
	if err != nil {
		return core.List[core.Tenant]{}, err
	}
	ids := make([]string, len(named))
	for i, id := range named {
		ids[i] = id.String()
	}
	items, err := all(ctx, tx.tx, scanTenant, listTenants, after.at, after.id, everyone, ids, p.Limit+1, filter)
	return page(tenantList, items, p.Limit, func(t core.Tenant) mark { return mark{t.CreatedAt, t.ID.String()} }), err
}

func checkID(text string) error {
	_, err := core.ParseTenantID(text) // any id: they have one form
	return err
}
