package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// The row of a tenant says that it is leaving and from when on its destruction is
// due, so that any node may see to it and none has to be told (ADR 34).

// Hold is what a tenant is while a transaction changes something of it.
type Hold struct{ Leaving, Suspended bool }

const holdTenant = `
SELECT deletion_due_at IS NOT NULL, status = 'suspended'
FROM signet.tenants
WHERE tenant_id = $1
FOR SHARE`

// HoldTenant tells whether the tenant is leaving or suspended, and keeps it so until
// the transaction ends. Of a tenant that is not there it tells neither.
func (tx *TenantTx) HoldTenant(ctx context.Context) (Hold, error) {
	held, _, err := find(ctx, tx.tx, pgx.RowToStructByPos[Hold], holdTenant, tx.tenantID)
	return held, err
}

const scheduleDeletion = `
UPDATE signet.tenants
SET status = 'suspended', deletion_requested_at = now(), deletion_due_at = now() + $2 * interval '1 microsecond',
    deletion_requested_by = $3, version = version + 1, updated_at = now()
WHERE tenant_id = $1`

// ScheduleDeletion suspends the tenant and lets its destruction be due after the
// grace time, asked for by the actor of the transaction.
func (tx *TenantTx) ScheduleDeletion(ctx context.Context, grace time.Duration) error {
	_, err := tx.tx.Exec(ctx, scheduleDeletion, tx.tenantID, grace.Microseconds(), tx.actor.Name)
	return translate(err)
}

const restoreTenant = `
UPDATE signet.tenants
SET status = 'active', deletion_requested_at = NULL, deletion_due_at = NULL, deletion_requested_by = NULL,
    version = version + 1, updated_at = now()
WHERE tenant_id = $1`

// RestoreTenant takes the tenant's deletion back and lets it sign again.
func (tx *TenantTx) RestoreTenant(ctx context.Context) error {
	_, err := tx.tx.Exec(ctx, restoreTenant, tx.tenantID)
	return translate(err)
}

const lockDueTenant = `
SELECT true
FROM signet.tenants
WHERE tenant_id = $1 AND deletion_due_at <= now()
FOR UPDATE SKIP LOCKED`

// LockDueTenant holds the row of a tenant whose destruction is due until the
// transaction ends. It waits for nobody: found is false where another has it, where
// it is gone, and where the deletion was taken back.
func (tx *TenantTx) LockDueTenant(ctx context.Context) (found bool, err error) {
	_, found, err = find(ctx, tx.tx, pgx.RowTo[bool], lockDueTenant, tx.tenantID)
	return found, err
}

// Estate is what is destroyed with a tenant. The times are Postgres's.
type Estate struct {
	At           time.Time
	Apps         int64
	Secrets      int64    // versions that still had a value
	Fingerprints []string // of those, by app and version
	Keys         []string // version@epoch of the root key, by version
}

const selectEstate = `
SELECT now(),
       (SELECT count(*) FROM signet.apps WHERE tenant_id = $1),
       (SELECT count(*) FROM signet.app_secrets WHERE tenant_id = $1 AND sealed IS NOT NULL),
       ARRAY(SELECT fingerprint FROM signet.app_secrets WHERE tenant_id = $1 AND sealed IS NOT NULL ORDER BY app_id, version),
       ARRAY(SELECT version || '@' || root_epoch FROM signet_keys.tenant_keys k WHERE tenant_id = $1 ORDER BY k.version)`

// GetEstate tells what there is of the tenant, for the proof of its destruction. It
// finds keys also where there is no tenant to them.
func (tx *TenantTx) GetEstate(ctx context.Context) (Estate, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowToStructByPos[Estate], selectEstate, tx.tenantID)
}

// An audit without a tenant tells of its destruction. Columns that a migration has
// filled are left out: they are as young as the migration.
const selectLastTrace = `
SELECT greatest(
    (SELECT greatest(created_at, updated_at) FROM signet.tenants WHERE tenant_id = $1),
    (SELECT max(at) FROM signet.audit WHERE tenant_id = $1 AND EXISTS (SELECT FROM signet.tenants WHERE tenant_id = $1)),
    (SELECT max(greatest(fetched_at, used_at)) FROM signet.tickets WHERE tenant_id = $1),
    (SELECT max(created_at) FROM signet_keys.tenant_keys WHERE tenant_id = $1))`

// LastTrace tells when the tenant was changed, signed for or given a key last, as
// far as its rows tell; zero where there is nothing of it. The audit is stamped by
// the clocks of nodes, all else by Postgres's.
func (tx *TenantTx) LastTrace(ctx context.Context) (time.Time, error) {
	last, err := one(ctx, tx.tx, fault.InternalError, pgx.RowTo[*time.Time], selectLastTrace, tx.tenantID)
	if err != nil || last == nil {
		return time.Time{}, err
	}
	return *last, nil
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

const insertDeletion = `
INSERT INTO signet.deletions (tenant_id, destroyed_at, unopenable_from)
VALUES ($1, $2, $3)
ON CONFLICT (tenant_id) DO UPDATE
SET destroyed_at = EXCLUDED.destroyed_at, unopenable_from = EXCLUDED.unopenable_from`

// RecordDeletion puts a tenant on the list of deletions. Where a destruction was cut
// short before, its row is written over.
func (tx *PlatformTx) RecordDeletion(ctx context.Context, d core.Destroyed) error {
	_, err := tx.tx.Exec(ctx, insertDeletion, d.TenantID, d.At, d.UnopenableFrom)
	return translate(err)
}

const listDueTenants = `
SELECT tenant_id
FROM signet.tenants
WHERE deletion_due_at <= now()
ORDER BY deletion_due_at, tenant_id
LIMIT $1`

// ListDueTenants gives the tenants whose destruction is due, the longest due first.
func (tx *SystemTx) ListDueTenants(ctx context.Context, limit int) ([]core.TenantID, error) {
	return all(ctx, tx.tx, pgx.RowTo[core.TenantID], listDueTenants, limit)
}

const listDeletions = `
SELECT d.tenant_id, d.destroyed_at, d.unopenable_from
FROM signet.deletions d
WHERE NOT EXISTS (SELECT FROM signet.tenants t WHERE t.tenant_id = d.tenant_id)
ORDER BY d.destroyed_at, d.tenant_id`

// ListDeletions gives the tenants that were destroyed, the first one first. A row
// whose tenant is still there was written by a destruction that was cut short.
func (tx *SystemTx) ListDeletions(ctx context.Context) ([]core.Destroyed, error) {
	return all(ctx, tx.tx, pgx.RowToStructByPos[core.Destroyed], listDeletions)
}

const listKeylessTenants = `
SELECT DISTINCT s.tenant_id
FROM signet.app_secrets s
WHERE s.state <> 'destroyed' AND NOT EXISTS (
    SELECT FROM signet_keys.tenant_keys k
    WHERE k.tenant_id = s.tenant_id AND k.version = s.key_version)
ORDER BY s.tenant_id`

// ListKeylessTenants gives the tenants of whom a secret is sealed under a key that
// is not there: data and keys are backups of different days.
func (tx *SystemTx) ListKeylessTenants(ctx context.Context) ([]core.TenantID, error) {
	return all(ctx, tx.tx, pgx.RowTo[core.TenantID], listKeylessTenants)
}
