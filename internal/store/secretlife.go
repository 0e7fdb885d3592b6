package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

const updateActivateAt = `
UPDATE signet.app_secrets
SET activate_at = $4, try_after = NULL
WHERE tenant_id = $1 AND app_id = $2 AND version = $3 AND state = 'pending'`

// ScheduleSecret sets the time at which a pending version is to become current; nil
// takes it away. Any other version is left alone.
func (tx *TenantTx) ScheduleSecret(ctx context.Context, app core.AppID, version int32, at *time.Time) error {
	_, err := tx.tx.Exec(ctx, updateActivateAt, tx.tenantID, app, version, at)
	return translate(err)
}

const claimDueSecret = `
UPDATE signet.app_secrets
SET try_after = now() + $4::interval
WHERE tenant_id = $1 AND app_id = $2 AND version = $3 AND state = 'pending'
  AND activate_at <= now() AND (try_after IS NULL OR try_after <= now())
RETURNING activate_at`

// ClaimDueSecret takes a pending version whose time has come for as long as it
// says, and gives that time. Of several nodes one gets it, and nobody else for so long.
func (tx *TenantTx) ClaimDueSecret(ctx context.Context, app core.AppID, version int32, length time.Duration) (due time.Time, claimed bool, err error) {
	return find(ctx, tx.tx, pgx.RowTo[time.Time], claimDueSecret, tx.tenantID, app, version, length)
}

const postponeSecret = `
UPDATE signet.app_secrets
SET try_after = now() + $4::interval
WHERE tenant_id = $1 AND app_id = $2 AND version = $3 AND state = 'pending' AND activate_at IS NOT NULL`

// PostponeSecret lets nobody take a pending version whose time has come for so long.
// Any other version is left alone.
func (tx *TenantTx) PostponeSecret(ctx context.Context, app core.AppID, version int32, length time.Duration) error {
	_, err := tx.tx.Exec(ctx, postponeSecret, tx.tenantID, app, version, length)
	return translate(err)
}

// SecretRef names one version of a secret among all tenants.
type SecretRef struct {
	TenantID core.TenantID
	AppID    core.AppID
	Version  int32
}

// Of a tenant that is leaving nothing is changed, so that it would stand first in
// every list.
const notLeaving = `NOT EXISTS (SELECT FROM signet.tenants t WHERE t.tenant_id = s.tenant_id AND t.deletion_due_at IS NOT NULL)`

const listDueSecrets = `
SELECT tenant_id, app_id, version
FROM signet.app_secrets s
WHERE state = 'pending' AND activate_at <= now() AND (try_after IS NULL OR try_after <= now()) AND ` + notLeaving + `
ORDER BY activate_at
LIMIT $1`

// ListDueSecrets gives pending versions whose time has come, the longest due first,
// but those of tenants that are leaving.
func (tx *SystemTx) ListDueSecrets(ctx context.Context, limit int) ([]SecretRef, error) {
	return all(ctx, tx.tx, pgx.RowToStructByPos[SecretRef], listDueSecrets, limit)
}

const listSupersededSecrets = `
SELECT tenant_id, app_id, version
FROM signet.app_secrets s
WHERE state = 'previous' AND moved_at < now() - $1::interval AND ` + notLeaving + `
ORDER BY moved_at
LIMIT $2`

// ListSupersededSecrets gives versions that have been previous for longer than age,
// the longest so first, but those of tenants that are leaving.
func (tx *SystemTx) ListSupersededSecrets(ctx context.Context, age time.Duration, limit int) ([]SecretRef, error) {
	return all(ctx, tx.tx, pgx.RowToStructByPos[SecretRef], listSupersededSecrets, age, limit)
}

const selectNow = `SELECT now()`

// Now is the time of the transaction's beginning by Postgres's clock, which is the
// one that rows are stamped with.
func (tx *TenantTx) Now(ctx context.Context) (time.Time, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[time.Time], selectNow)
}

// TrialGrant is what a trial has fetched, as it lies in its row.
type TrialGrant struct {
	Kind       core.TicketKind // access token or agent ticket
	Sealed     []byte
	KeyVersion int32
	FetchedAt  time.Time
}

const deleteTrialGrants = `
DELETE FROM signet.trial_grants
WHERE tenant_id = $1 AND app_id = $2 AND version = $3`

const insertTrialGrant = `
INSERT INTO signet.trial_grants (tenant_id, app_id, version, kind, sealed, key_version, fetched_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)`

// PutTrialGrants keeps what the trial of a version has fetched, in place of what an
// earlier one has. The app must be locked.
func (tx *TenantTx) PutTrialGrants(ctx context.Context, app core.AppID, version int32, grants []TrialGrant) error {
	if _, err := tx.tx.Exec(ctx, deleteTrialGrants, tx.tenantID, app, version); err != nil {
		return translate(err)
	}
	for _, g := range grants {
		if _, err := tx.tx.Exec(ctx, insertTrialGrant, tx.tenantID, app, version, g.Kind, g.Sealed, g.KeyVersion, g.FetchedAt); err != nil {
			return translate(err)
		}
	}
	return nil
}

const listTrialGrants = `
SELECT kind, sealed, key_version, fetched_at
FROM signet.trial_grants
WHERE tenant_id = $1 AND app_id = $2 AND version = $3 AND fetched_at > now() - $4::interval
ORDER BY kind`

// ListTrialGrants gives what a trial not older than age has fetched for a version.
func (tx *TenantTx) ListTrialGrants(ctx context.Context, app core.AppID, version int32, age time.Duration) ([]TrialGrant, error) {
	return all(ctx, tx.tx, pgx.RowToStructByPos[TrialGrant], listTrialGrants, tx.tenantID, app, version, age)
}

const updateSecretAge = `
UPDATE signet.tenants
SET secret_max_age_days = nullif($2, 0), version = version + 1, updated_at = now()
WHERE tenant_id = $1`

// SetSecretAge sets how many days old the tenant's secrets may become (0: no limit),
// and counts the version up.
func (tx *TenantTx) SetSecretAge(ctx context.Context, days int32) error {
	_, err := tx.tx.Exec(ctx, updateSecretAge, tx.tenantID, days)
	return translate(err)
}

const listSecretsByAge = `
SELECT t.tenant_id, t.name, a.app_id, a.name, s.version, s.created_at, s.created_at + make_interval(days => t.secret_max_age_days) AS due_at
FROM signet.app_secrets s
JOIN signet.tenants t ON t.tenant_id = s.tenant_id
JOIN signet.apps a ON a.tenant_id = s.tenant_id AND a.app_id = s.app_id
WHERE s.state = 'current' AND t.secret_max_age_days IS NOT NULL
  AND s.created_at + make_interval(days => t.secret_max_age_days) <= $1
  AND (s.created_at + make_interval(days => t.secret_max_age_days), a.app_id) > ($2, $3)
ORDER BY due_at, a.app_id
LIMIT $4`

// ListSecretsByAge gives the current secrets that are due by a time, those first
// that are due first.
func (tx *SystemTx) ListSecretsByAge(ctx context.Context, by time.Time, p core.Page) (core.List[core.DueSecret], error) {
	after, err := parseMarkFrom(dueList, p.Cursor, checkID, longPast)
	if err != nil {
		return core.List[core.DueSecret]{}, err
	}
	items, err := all(ctx, tx.tx, pgx.RowToStructByPos[core.DueSecret], listSecretsByAge, by, after.at, after.id, p.Limit+1)
	return page(dueList, items, p.Limit, func(d core.DueSecret) mark { return mark{d.DueAt, d.AppID.String()} }), err
}
