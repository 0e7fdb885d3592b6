package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

const apiKeyColumns = `key_id, name, prefix, scopes, app_id, made_by, created_at, expires_at,
       last_used_at, last_used_network, revoked_at, replaced_by, overlap_until`

func scanAPIKey(row pgx.CollectableRow) (core.APIKey, error) {
	var k core.APIKey
	err := row.Scan(apiKeyPlaces(&k)...)
	return k, err
}

func apiKeyPlaces(k *core.APIKey) []any {
	return []any{&k.ID, &k.Name, &k.Prefix, &k.Scopes, &k.AppID, &k.MadeBy, &k.CreatedAt, &k.ExpiresAt,
		&k.LastUsedAt, &k.LastUsedFrom, &k.RevokedAt, &k.ReplacedBy, &k.OverlapUntil}
}

// NewAPIKey is a key to be made, with what its token is known by.
type NewAPIKey struct {
	core.APIKey
	Hash, SignHash [32]byte
	Life           time.Duration
}

const insertAPIKey = `
INSERT INTO signet.api_keys (tenant_id, key_id, name, prefix, token_hash, sign_hash, scopes, app_id, made_by, expires_at)
VALUES ($1, $2, $3, $4, $5, CASE WHEN 'pages.sign' = ANY ($7::text[]) THEN $6::bytea END, $7, $8, $9, now() + $10::interval)
RETURNING ` + apiKeyColumns

// CreateAPIKey makes a key that lives for n.Life. It fails with fault.AppUnknown
// where it is bound to an app that the tenant has not, and with fault.TenantUnknown.
func (tx *TenantTx) CreateAPIKey(ctx context.Context, n NewAPIKey) (core.APIKey, error) {
	var app *core.AppID
	if !n.AppID.IsZero() {
		app = &n.AppID
	}
	return one(ctx, tx.tx, fault.InternalError, scanAPIKey, insertAPIKey,
		tx.tenantID, n.ID, n.Name, n.Prefix, n.Hash[:], n.SignHash[:], n.Scopes, app, tx.actor.Name, n.Life)
}

const listAPIKeys = `
SELECT ` + apiKeyColumns + `
FROM signet.api_keys
WHERE tenant_id = $1 AND (created_at, key_id) < ($2, $3)
ORDER BY created_at DESC, key_id DESC
LIMIT $4`

// ListAPIKeys gives the tenant's keys, newest first.
func (tx *TenantTx) ListAPIKeys(ctx context.Context, p core.Page) (core.List[core.APIKey], error) {
	after, err := parseMark(apiKeyList, p.Cursor, checkID)
	if err != nil {
		return core.List[core.APIKey]{}, err
	}
	items, err := all(ctx, tx.tx, scanAPIKey, listAPIKeys, tx.tenantID, after.at, after.id, p.Limit+1)
	return page(apiKeyList, items, p.Limit, func(k core.APIKey) mark { return mark{k.CreatedAt, k.ID.String()} }), err
}

const selectAPIKey = `
SELECT ` + apiKeyColumns + `
FROM signet.api_keys
WHERE tenant_id = $1 AND key_id = $2`

// GetAPIKey gives a key of the tenant, or fault.APIKeyUnknown.
func (tx *TenantTx) GetAPIKey(ctx context.Context, key core.APIKeyID) (core.APIKey, error) {
	return one(ctx, tx.tx, fault.APIKeyUnknown, scanAPIKey, selectAPIKey, tx.tenantID, key)
}

// The second number keeps these locks apart from those of others.
const lockAPIKeys = `SELECT pg_advisory_xact_lock(hashtext('signet api keys'), hashtext($1))`

// LockAPIKeys lets one transaction at a time change the tenant's keys.
func (tx *TenantTx) LockAPIKeys(ctx context.Context) error {
	_, err := tx.tx.Exec(ctx, lockAPIKeys, tx.tenantID.String())
	return translate(err)
}

const countAPIKeys = `
SELECT count(*)
FROM signet.api_keys
WHERE tenant_id = $1 AND revoked_at IS NULL AND overlap_until IS NULL AND expires_at > now()`

// CountAPIKeys tells how many keys of the tenant live, without those that were
// replaced.
func (tx *TenantTx) CountAPIKeys(ctx context.Context) (int, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[int], countAPIKeys, tx.tenantID)
}

const findReplacedAPIKey = `
SELECT ` + apiKeyColumns + `
FROM signet.api_keys
WHERE tenant_id = $1 AND replaced_by = $2 AND revoked_at IS NULL AND overlap_until > now() AND expires_at > now()
LIMIT 1`

// FindReplacedAPIKey gives the key that the given one has replaced, while it goes on.
func (tx *TenantTx) FindReplacedAPIKey(ctx context.Context, key core.APIKeyID) (core.APIKey, bool, error) {
	return find(ctx, tx.tx, scanAPIKey, findReplacedAPIKey, tx.tenantID, key)
}

const replaceAPIKey = `
UPDATE signet.api_keys
SET replaced_by = $3, overlap_until = least(expires_at, now() + $4::interval)
WHERE tenant_id = $1 AND key_id = $2
RETURNING ` + apiKeyColumns

// ReplaceAPIKey notes that a key has a successor, and lets it go on for so long.
func (tx *TenantTx) ReplaceAPIKey(ctx context.Context, key, by core.APIKeyID, overlap time.Duration) (core.APIKey, error) {
	return one(ctx, tx.tx, fault.APIKeyUnknown, scanAPIKey, replaceAPIKey, tx.tenantID, key, by, overlap)
}

const revokeAPIKey = `
UPDATE signet.api_keys
SET revoked_at = now()
WHERE tenant_id = $1 AND key_id = $2 AND revoked_at IS NULL`

// RevokeAPIKey ends a key.
func (tx *TenantTx) RevokeAPIKey(ctx context.Context, key core.APIKeyID) error {
	_, err := tx.tx.Exec(ctx, revokeAPIKey, tx.tenantID, key)
	return translate(err)
}

// ShownAPIKey is a key as it is found by what somebody shows.
type ShownAPIKey struct {
	core.APIKey
	Hash      [32]byte
	Suspended bool // the tenant is, or is leaving
	ReadAt    time.Time
}

const findAPIKey = `
SELECT k.key_id, k.name, k.prefix, k.scopes, k.app_id, k.made_by, k.created_at, k.expires_at,
       k.last_used_at, k.last_used_network, k.revoked_at, k.replaced_by, k.overlap_until,
       k.token_hash, t.status = 'suspended' OR t.deletion_due_at IS NOT NULL, now()
FROM signet.api_keys k
JOIN signet.tenants t ON t.tenant_id = k.tenant_id
WHERE k.tenant_id = $1 AND k.key_id = $2`

// FindAPIKey gives a key with what its token is known by, and how its tenant stands.
func (tx *TenantTx) FindAPIKey(ctx context.Context, key core.APIKeyID) (ShownAPIKey, bool, error) {
	return find(ctx, tx.tx, func(row pgx.CollectableRow) (ShownAPIKey, error) {
		var k ShownAPIKey
		var hash []byte
		err := row.Scan(append(apiKeyPlaces(&k.APIKey), &hash, &k.Suspended, &k.ReadAt)...)
		copy(k.Hash[:], hash)
		return k, err
	}, findAPIKey, tx.tenantID, key)
}

// Who holds the row just now notes a use of it as well, or ends it.
const useAPIKey = `
UPDATE signet.api_keys
SET last_used_at = date_trunc('minute', least($3::timestamptz, now())), last_used_network = $4
WHERE ctid = (
    SELECT ctid FROM signet.api_keys
    WHERE tenant_id = $1 AND key_id = $2 AND (last_used_at IS NULL OR last_used_at <= $3::timestamptz - interval '1 minute')
    FOR NO KEY UPDATE SKIP LOCKED
)`

// UseAPIKey notes when and from which network a key was used, to the minute. It
// writes once a minute at most, and waits for nobody.
func (tx *TenantTx) UseAPIKey(ctx context.Context, key core.APIKeyID, at time.Time, network string) error {
	_, err := tx.tx.Exec(ctx, useAPIKey, tx.tenantID, key, at, network)
	return translate(err)
}

// SigningKey is what signing needs to know of an API key with the scope pages.sign.
type SigningKey struct {
	TenantID core.TenantID
	Key      core.APIKeyID
	Hash     [32]byte // SignHash of its token
	AppID    core.AppID
	EndsAt   time.Time
}

const selectSigningKeys = `
SELECT tenant_id, key_id, sign_hash, app_id, least(expires_at, overlap_until)
FROM signet.api_keys
WHERE sign_hash IS NOT NULL AND revoked_at IS NULL AND least(expires_at, overlap_until) > now()
  AND ($1 OR tenant_id = ANY ($2::uuid[]))`

// ListSigningKeys gives the keys that sign pages and live, in no order: of the named
// tenants.
func (tx *SystemTx) ListSigningKeys(ctx context.Context, tenants []core.TenantID) ([]SigningKey, error) {
	ids := make([]string, len(tenants))
	for i, id := range tenants {
		ids[i] = id.String()
	}
	return all(ctx, tx.tx, scanSigningKey, selectSigningKeys, false, ids)
}

// ListEverySigningKey gives those of all tenants.
func (tx *SystemTx) ListEverySigningKey(ctx context.Context) ([]SigningKey, error) {
	return all(ctx, tx.tx, scanSigningKey, selectSigningKeys, true, []string{})
}

func scanSigningKey(row pgx.CollectableRow) (SigningKey, error) {
	var k SigningKey
	var hash []byte
	err := row.Scan(&k.TenantID, &k.Key, &hash, &k.AppID, &k.EndsAt)
	copy(k.Hash[:], hash)
	return k, err
}

const trimAPIKeys = `
DELETE FROM signet.api_keys WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM signet.api_keys
    WHERE least(revoked_at, overlap_until, expires_at) < now() - interval '90 days'
    LIMIT $1))`

// TrimAPIKeys deletes a batch of keys that ended 90 days ago, and gives how many
// they were.
func (tx *PlatformTx) TrimAPIKeys(ctx context.Context) (int64, error) {
	tag, err := tx.tx.Exec(ctx, trimAPIKeys, trimBatch)
	return tag.RowsAffected(), translate(err)
}
