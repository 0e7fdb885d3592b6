package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
)

// ScopeKey is a scope key with whose it is; the zero tenant is the platform.
type ScopeKey struct {
	TenantID core.TenantID
	WrappedKey
}

// OfPlatform tells whether it is the platform's.
func (k ScopeKey) OfPlatform() bool { return k.TenantID.IsZero() }

// Nobody waits for a row that another turns just now. The lock leaves those alone
// who seal under the key meanwhile.
const takeTenantKeys = `
SELECT tenant_id, version, root_epoch, wrapped
FROM signet_keys.tenant_keys
WHERE root_epoch < $1 AND (tenant_id, version) > ($2, $3)
ORDER BY tenant_id, version
LIMIT $4
FOR NO KEY UPDATE SKIP LOCKED`

const takePlatformKeys = `
SELECT version, root_epoch, wrapped
FROM signet_keys.platform_keys
WHERE root_epoch < $1
FOR NO KEY UPDATE SKIP LOCKED`

// TakeKeys gives at most limit tenants' keys that lie under root keys older than
// epoch, in the order of tenant and version and behind the given one, and holds
// them until the transaction ends. Before the first of them come the platform's
// own. What others hold is passed over.
func (tx *KeysTx) TakeKeys(ctx context.Context, epoch int32, after ScopeKey, limit int) ([]ScopeKey, error) {
	var keys []ScopeKey
	if after.OfPlatform() {
		var err error
		if keys, err = all(ctx, tx.tx, scanPlatformKey, takePlatformKeys, epoch); err != nil {
			return nil, err
		}
	}
	tenants, err := all(ctx, tx.tx, scanTenantKey, takeTenantKeys, epoch, after.TenantID, after.Version, limit)
	return append(keys, tenants...), err
}

func scanPlatformKey(row pgx.CollectableRow) (k ScopeKey, err error) {
	k.WrappedKey, err = scanWrappedKey(row)
	return k, err
}

func scanTenantKey(row pgx.CollectableRow) (ScopeKey, error) {
	var k ScopeKey
	err := row.Scan(&k.TenantID, &k.Version, &k.RootEpoch, &k.Wrapped)
	return k, err
}

const rewrapTenantKeys = `
UPDATE signet_keys.tenant_keys k
SET root_epoch = v.root_epoch, wrapped = v.wrapped
FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::bytea[]) AS v (tenant_id, version, root_epoch, wrapped)
WHERE k.tenant_id = v.tenant_id AND k.version = v.version`

const rewrapPlatformKey = `
UPDATE signet_keys.platform_keys
SET root_epoch = $2, wrapped = $3
WHERE version = $1`

// RewrapKeys writes scope keys as they are wrapped now. They must be held.
func (tx *KeysTx) RewrapKeys(ctx context.Context, keys []ScopeKey) error {
	var ids []string
	var versions, epochs []int32
	var wrapped [][]byte
	for _, k := range keys {
		if !k.OfPlatform() {
			ids, versions = append(ids, k.TenantID.String()), append(versions, k.Version)
			epochs, wrapped = append(epochs, k.RootEpoch), append(wrapped, k.Wrapped)
			continue
		}
		if _, err := tx.tx.Exec(ctx, rewrapPlatformKey, k.Version, k.RootEpoch, k.Wrapped); err != nil {
			return translate(err)
		}
	}
	_, err := tx.tx.Exec(ctx, rewrapTenantKeys, ids, versions, epochs, wrapped)
	return translate(err)
}

// KeyCount tells how many scope keys lie under a root key.
type KeyCount struct{ Tenants, Platform int64 }

// Sum is how many they are together.
func (c KeyCount) Sum() int64 { return c.Tenants + c.Platform }

const countScopeKeys = `
SELECT root_epoch, sum(tenants)::bigint, sum(platform)::bigint
FROM (
    SELECT root_epoch, count(*) AS tenants, 0 AS platform FROM signet_keys.tenant_keys GROUP BY root_epoch
    UNION ALL
    SELECT root_epoch, 0, count(*) FROM signet_keys.platform_keys GROUP BY root_epoch
) k
GROUP BY root_epoch`

// CountKeys tells how many scope keys lie under each root key, by epoch.
func (tx *KeysTx) CountKeys(ctx context.Context) (map[int32]KeyCount, error) {
	type row struct {
		Epoch    int32
		Tenants  int64
		Platform int64
	}
	rows, err := all(ctx, tx.tx, pgx.RowToStructByPos[row], countScopeKeys)
	counts := make(map[int32]KeyCount, len(rows))
	for _, r := range rows {
		counts[r.Epoch] = KeyCount{Tenants: r.Tenants, Platform: r.Platform}
	}
	return counts, err
}

// rootTurnLock lets one begin or end a turning at a time.
const rootTurnLock = `SELECT pg_advisory_xact_lock(hashtext('signet root turn'))`

// LockRootKeys keeps others from adding and deleting root keys, and from adding keys
// of the platform, until the transaction ends.
func (tx *KeysTx) LockRootKeys(ctx context.Context) error {
	_, err := tx.tx.Exec(ctx, rootTurnLock)
	return translate(err)
}

const putRootKeyWrap = `
INSERT INTO signet_keys.root_key_wraps (epoch, recipient, wrapped, sealed_by, mac)
SELECT k.epoch, $3, $4, $5, $6
FROM signet_keys.root_keys k
WHERE k.epoch = $1 AND k.fingerprint = $2
ON CONFLICT (epoch, recipient) DO UPDATE SET wrapped = excluded.wrapped, sealed_by = excluded.sealed_by, mac = excluded.mac`

var errNoSuchRootKey = errors.New("a wrap was not stored: its root key was turned meanwhile, or is another one; run it again")

// PutRootKey stores a root key if its epoch is not there yet, and its wraps in
// place of those to the same recipients. It fails, and stores none of the wraps,
// where the stored key of that epoch is another one.
func (tx *KeysTx) PutRootKey(ctx context.Context, k RootKeyRow) error {
	if _, err := tx.tx.Exec(ctx, insertRootKey, k.Epoch, k.Fingerprint); err != nil {
		return translate(err)
	}
	return tx.PutWraps(ctx, k)
}

// PutWraps stores wraps of a root key that is there, in place of those to the same
// recipients. It fails where that key is not there, or is another one.
func (tx *KeysTx) PutWraps(ctx context.Context, k RootKeyRow) error {
	for _, w := range k.Wraps {
		tag, err := tx.tx.Exec(ctx, putRootKeyWrap, k.Epoch, k.Fingerprint, w.Recipient, w.Wrapped, w.SealedBy, w.MAC)
		switch {
		case err != nil:
			return translate(err)
		case tag.RowsAffected() != 1:
			return errNoSuchRootKey
		}
	}
	return nil
}

const deleteRootKeyWrap = `
DELETE FROM signet_keys.root_key_wraps
WHERE epoch = $1 AND recipient = $2`

// DeleteWrap takes a root key from a recipient.
func (tx *KeysTx) DeleteWrap(ctx context.Context, epoch int32, recipient string) error {
	_, err := tx.tx.Exec(ctx, deleteRootKeyWrap, epoch, recipient)
	return translate(err)
}

const deleteOldWraps = `
DELETE FROM signet_keys.root_key_wraps
WHERE epoch < $1`

const deleteOldRootKeys = `
DELETE FROM signet_keys.root_keys
WHERE epoch < $1
RETURNING epoch, fingerprint, created_at`

// ErrRootKeyInUse says that scope keys still lie under a root key.
var ErrRootKeyInUse = errors.New("keys still lie under the old root key")

// DeleteRootKeys deletes the root keys older than epoch, and gives them without
// their wraps. It fails with ErrRootKeyInUse where anything still lies under one:
// somebody who had not heard of the new one may just have made a key.
func (tx *KeysTx) DeleteRootKeys(ctx context.Context, epoch int32) ([]RootKeyRow, error) {
	if _, err := tx.tx.Exec(ctx, deleteOldWraps, epoch); err != nil {
		return nil, translate(err)
	}
	rows, err := tx.tx.Query(ctx, deleteOldRootKeys, epoch)
	if err != nil {
		return nil, translate(err)
	}
	gone, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (RootKeyRow, error) {
		var k RootKeyRow
		err := row.Scan(&k.Epoch, &k.Fingerprint, &k.CreatedAt)
		return k, err
	})
	if broke(err, "tenant_keys_root", "platform_keys_root") {
		return nil, ErrRootKeyInUse
	}
	return gone, translate(err)
}

const listScopeKeys = `
SELECT tenant_id, version, root_epoch, wrapped
FROM signet_keys.tenant_keys
WHERE (tenant_id, version) > ($1, $2)
ORDER BY tenant_id, version
LIMIT $3`

const listPlatformKeys = `
SELECT version, root_epoch, wrapped
FROM signet_keys.platform_keys
ORDER BY version`

// ListTenantKeys gives at most limit keys of tenants behind the given one, in the
// order of tenant and version.
func (tx *KeysTx) ListTenantKeys(ctx context.Context, after ScopeKey, limit int) ([]ScopeKey, error) {
	return all(ctx, tx.tx, scanTenantKey, listScopeKeys, after.TenantID, after.Version, limit)
}

// ListPlatformKeys gives the platform's own keys, oldest first.
func (tx *KeysTx) ListPlatformKeys(ctx context.Context) ([]ScopeKey, error) {
	return all(ctx, tx.tx, scanPlatformKey, listPlatformKeys)
}
