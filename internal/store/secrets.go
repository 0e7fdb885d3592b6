package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

func scanSecretVersion(row pgx.CollectableRow) (core.SecretVersion, error) {
	var v core.SecretVersion
	err := row.Scan(&v.AppID, &v.Version, &v.State, &v.Activation, &v.Fingerprint, &v.CheckedAt, &v.Problem, &v.CreatedAt)
	return v, err
}

const selectNextSecretVersion = `
SELECT coalesce(max(version), 0) + 1
FROM signet.app_secrets
WHERE tenant_id = $1 AND app_id = $2`

// NextSecretVersion gives the number that the app's next secret will bear. The
// app must be locked, so that nobody else takes it.
func (tx *TenantTx) NextSecretVersion(ctx context.Context, app core.AppID) (int32, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[int32], selectNextSecretVersion, tx.tenantID, app)
}

const retirePreviousSecret = `
UPDATE signet.app_secrets
SET state = 'retired'
WHERE tenant_id = $1 AND app_id = $2 AND state = 'previous'`

const stepBackCurrentSecret = `
UPDATE signet.app_secrets
SET state = 'previous'
WHERE tenant_id = $1 AND app_id = $2 AND state = 'current'`

const countActivation = `
UPDATE signet.apps
SET activation = activation + 1
WHERE tenant_id = $1 AND app_id = $2
RETURNING activation`

const insertCurrentSecret = `
INSERT INTO signet.app_secrets (tenant_id, app_id, version, state, activation, fingerprint, sealed, key_version, checked_at)
VALUES ($1, $2, $3, 'current', $4, $5, $6, $7, $8)
RETURNING app_id, version, state, activation, fingerprint, checked_at, problem, created_at`

// NewSecret is a sealed secret about to become current.
type NewSecret struct {
	AppID       core.AppID
	Version     int32
	Fingerprint string
	Sealed      []byte
	KeyVersion  int32
	CheckedAt   *time.Time // when WeCom accepted it; nil: not tried
}

// CreateCurrentSecret makes a new secret the current one. The former current
// one becomes previous, the former previous one is retired, and the app's
// activation number rises. The app must be locked.
func (tx *TenantTx) CreateCurrentSecret(ctx context.Context, s NewSecret) (core.SecretVersion, error) {
	for _, statement := range []string{retirePreviousSecret, stepBackCurrentSecret} {
		if _, err := tx.tx.Exec(ctx, statement, tx.tenantID, s.AppID); err != nil {
			return core.SecretVersion{}, translate(err)
		}
	}
	activation, err := one(ctx, tx.tx, fault.AppUnknown, pgx.RowTo[int64], countActivation, tx.tenantID, s.AppID)
	if err != nil {
		return core.SecretVersion{}, err
	}
	return one(ctx, tx.tx, fault.InternalError, scanSecretVersion, insertCurrentSecret,
		tx.tenantID, s.AppID, s.Version, activation, s.Fingerprint, s.Sealed, s.KeyVersion, s.CheckedAt)
}

const listSecretVersions = `
SELECT app_id, version, state, activation, fingerprint, checked_at, problem, created_at
FROM signet.app_secrets
WHERE tenant_id = $1 AND app_id = $2 AND version < $3::bigint
ORDER BY version DESC
LIMIT $4`

// ListSecretVersions gives what may be known of an app's secrets, newest first.
func (tx *TenantTx) ListSecretVersions(ctx context.Context, app core.AppID, p core.Page) (core.List[core.SecretVersion], error) {
	below, err := parseNumber(secretList, p.Cursor)
	if err != nil {
		return core.List[core.SecretVersion]{}, err
	}
	items, err := all(ctx, tx.tx, scanSecretVersion, listSecretVersions, tx.tenantID, app, below, p.Limit+1)
	return pageByNumber(secretList, items, p.Limit, func(v core.SecretVersion) int64 { return int64(v.Version) }), err
}

const currentSecretVersions = `
SELECT app_id, version, state, activation, fingerprint, checked_at, problem, created_at
FROM signet.app_secrets
WHERE tenant_id = $1 AND state = 'current' AND app_id = ANY ($2::uuid[])`

// CurrentSecretVersions gives what may be known of the current secrets of the
// named apps.
func (tx *TenantTx) CurrentSecretVersions(ctx context.Context, apps ...core.AppID) (map[core.AppID]core.SecretVersion, error) {
	ids := make([]string, len(apps))
	for i, id := range apps {
		ids[i] = id.String()
	}
	list, err := all(ctx, tx.tx, scanSecretVersion, currentSecretVersions, tx.tenantID, ids)
	byApp := make(map[core.AppID]core.SecretVersion, len(list))
	for _, v := range list {
		byApp[v.AppID] = v
	}
	return byApp, err
}

// SealedSecret is the current secret of an app as it lies in its row.
type SealedSecret struct {
	Version    int32
	Sealed     []byte
	KeyVersion int32
	Checked    bool   // WeCom has accepted it at least once
	Problem    string // what WeCom said last, "" if it was accepted
}

const selectCurrentSecret = `
SELECT version, sealed, key_version, checked_at IS NOT NULL, problem
FROM signet.app_secrets
WHERE tenant_id = $1 AND app_id = $2 AND state = 'current'`

// GetCurrentSecret gives the sealed current secret of an app, or
// fault.AppNotReady.
func (tx *TenantTx) GetCurrentSecret(ctx context.Context, app core.AppID) (SealedSecret, error) {
	return one(ctx, tx.tx, fault.AppNotReady, func(row pgx.CollectableRow) (SealedSecret, error) {
		var s SealedSecret
		err := row.Scan(&s.Version, &s.Sealed, &s.KeyVersion, &s.Checked, &s.Problem)
		return s, err
	}, selectCurrentSecret, tx.tenantID, app)
}

const keepApp = `
SELECT true
FROM signet.apps
WHERE tenant_id = $1 AND app_id = $2
FOR SHARE SKIP LOCKED`

const secretIsCurrent = `
SELECT EXISTS (
    SELECT FROM signet.app_secrets
    WHERE tenant_id = $1 AND app_id = $2 AND version = $3 AND state = 'current'
)`

// HoldSecret tells whether a version of an app's secret is the current one, and
// keeps it so until the transaction ends. It waits for nobody: while somebody
// changes the app, nothing can be said, and held is false.
func (tx *TenantTx) HoldSecret(ctx context.Context, app core.AppID, version int32) (held bool, err error) {
	// Two statements, so that the second sees what was written before the first.
	if _, held, err = find(ctx, tx.tx, pgx.RowTo[bool], keepApp, tx.tenantID, app); err != nil || !held {
		return false, err
	}
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[bool], secretIsCurrent, tx.tenantID, app, version)
}

const updateSecretOutcome = `
UPDATE signet.app_secrets
SET problem = $4, checked_at = CASE WHEN $4 = '' THEN now() ELSE checked_at END
WHERE tenant_id = $1 AND app_id = $2 AND version = $3`

// UpdateSecretOutcome notes what WeCom said of a version of a secret: a fault
// code, or "" when it was accepted.
func (tx *TenantTx) UpdateSecretOutcome(ctx context.Context, app core.AppID, version int32, problem fault.Code) error {
	_, err := tx.tx.Exec(ctx, updateSecretOutcome, tx.tenantID, app, version, string(problem))
	return translate(err)
}
