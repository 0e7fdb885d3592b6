package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// WrappedKey is a scope key as it lies in its row.
type WrappedKey struct {
	Version   int32
	RootEpoch int32
	Wrapped   []byte
}

func scanWrappedKey(row pgx.CollectableRow) (WrappedKey, error) {
	var k WrappedKey
	err := row.Scan(&k.Version, &k.RootEpoch, &k.Wrapped)
	return k, err
}

const insertTenantKey = `
INSERT INTO signet_keys.tenant_keys (tenant_id, version, root_epoch, wrapped)
VALUES ($1, $2, $3, $4)`

// ErrRootKeyGone says that a scope key is wrapped under a root key that was turned
// meanwhile.
var ErrRootKeyGone = errors.New("the root key that this key is wrapped under is gone: it was turned just now")

// CreateTenantKey stores a version of the tenant's key. It fails with
// ErrRootKeyGone.
func (tx *TenantTx) CreateTenantKey(ctx context.Context, k WrappedKey) error {
	_, err := tx.tx.Exec(ctx, insertTenantKey, tx.tenantID, k.Version, k.RootEpoch, k.Wrapped)
	if broke(err, "tenant_keys_root") {
		return ErrRootKeyGone
	}
	return translate(err)
}

const selectTenantKey = `
SELECT version, root_epoch, wrapped
FROM signet_keys.tenant_keys
WHERE tenant_id = $1 AND version = $2`

// GetTenantKey gives one version of the tenant's key, or fault.TenantUnknown
// where the key was destroyed.
func (tx *TenantTx) GetTenantKey(ctx context.Context, version int32) (WrappedKey, error) {
	return one(ctx, tx.tx, fault.TenantUnknown, scanWrappedKey, selectTenantKey, tx.tenantID, version)
}

const selectNewestTenantKey = `
SELECT version, root_epoch, wrapped
FROM signet_keys.tenant_keys
WHERE tenant_id = $1
ORDER BY version DESC
LIMIT 1
FOR KEY SHARE`

// NewestTenantKey gives the version of the tenant's key that seals, and keeps it
// from being deleted until the transaction ends, or fault.TenantUnknown.
func (tx *TenantTx) NewestTenantKey(ctx context.Context) (WrappedKey, error) {
	key, found, err := find(ctx, tx.tx, scanWrappedKey, selectNewestTenantKey, tx.tenantID)
	if err != nil || found {
		return key, err
	}
	// One that was deleted while this waited for it has a younger one, which the
	// statement did not see yet.
	return one(ctx, tx.tx, fault.TenantUnknown, scanWrappedKey, selectNewestTenantKey, tx.tenantID)
}

const insertPlatformKey = `
INSERT INTO signet_keys.platform_keys (version, root_epoch, wrapped)
VALUES ($1, $2, $3)
ON CONFLICT (version) DO NOTHING`

const selectNewestPlatformKey = `
SELECT version, root_epoch, wrapped
FROM signet_keys.platform_keys
ORDER BY version DESC
LIMIT 1
FOR KEY SHARE`

const selectPlatformKey = `
SELECT version, root_epoch, wrapped
FROM signet_keys.platform_keys
WHERE version = $1`

// newestPlatformKey gives the platform's scope key that seals, and keeps it from
// being deleted until the transaction ends.
func newestPlatformKey(ctx context.Context, q querier) (key WrappedKey, found bool, err error) {
	key, found, err = find(ctx, q, scanWrappedKey, selectNewestPlatformKey)
	if err != nil || found {
		return key, found, err
	}
	// One that was deleted while this waited for it has a younger one, which the
	// statement did not see yet.
	return find(ctx, q, scanWrappedKey, selectNewestPlatformKey)
}

// EnsurePlatformKey gives the platform's scope key that seals, keeps it from being
// deleted until the transaction ends, and stores the given one first if there is
// none. Of two nodes that do so at once both get the same key.
func (tx *PlatformTx) EnsurePlatformKey(ctx context.Context, first WrappedKey) (WrappedKey, error) {
	key, found, err := newestPlatformKey(ctx, tx.tx)
	if err != nil || found {
		return key, err
	}
	if _, err := tx.tx.Exec(ctx, insertPlatformKey, first.Version, first.RootEpoch, first.Wrapped); err != nil {
		return WrappedKey{}, translate(err)
	}
	return one(ctx, tx.tx, fault.InternalError, scanWrappedKey, selectNewestPlatformKey)
}

// ErrPlatformKeyGone says that a version of the platform's scope key is not there:
// what was read under it was turned to a newer one meanwhile, and is to be read again;
// or the keys are missed.
var ErrPlatformKeyGone = errors.New("the version of the platform's key that it is sealed under is not there: restore the schema signet_keys from its backup")

// GetPlatformKey gives one version of the platform's scope key. It fails with
// ErrPlatformKeyGone.
func (tx *PlatformTx) GetPlatformKey(ctx context.Context, version int32) (WrappedKey, error) {
	key, found, err := find(ctx, tx.tx, scanWrappedKey, selectPlatformKey, version)
	if err == nil && !found {
		err = ErrPlatformKeyGone
	}
	return key, err
}

// RootKeyRow is one epoch of the root key with its wraps.
type RootKeyRow struct {
	Epoch       int32
	Fingerprint []byte
	CreatedAt   time.Time
	Wraps       []RootKeyWrap
}

// RootKeyWrap is a root key sealed to one recipient.
type RootKeyWrap struct {
	Recipient string
	Wrapped   []byte
	SealedBy  string
	MAC       []byte
}

// In one statement, so that a key which is deleted meanwhile is not seen without its
// wraps: nobody could open such a one.
const listRootKeys = `
SELECT k.epoch, k.fingerprint, k.created_at, coalesce(w.recipient, ''), w.wrapped, coalesce(w.sealed_by, ''), w.mac
FROM signet_keys.root_keys k
LEFT JOIN signet_keys.root_key_wraps w USING (epoch)
ORDER BY k.epoch, w.recipient`

// ListRootKeys gives every root key with its wraps, oldest epoch first.
func (tx *PlatformTx) ListRootKeys(ctx context.Context) ([]RootKeyRow, error) {
	return rootKeys(ctx, tx.tx)
}

// ListRootKeys gives every root key with its wraps, oldest epoch first.
func (tx *KeysTx) ListRootKeys(ctx context.Context) ([]RootKeyRow, error) {
	return rootKeys(ctx, tx.tx)
}

func rootKeys(ctx context.Context, q querier) ([]RootKeyRow, error) {
	var keys []RootKeyRow
	_, err := all(ctx, q, func(row pgx.CollectableRow) (struct{}, error) {
		var k RootKeyRow
		var w RootKeyWrap
		err := row.Scan(&k.Epoch, &k.Fingerprint, &k.CreatedAt, &w.Recipient, &w.Wrapped, &w.SealedBy, &w.MAC)
		if len(keys) == 0 || keys[len(keys)-1].Epoch != k.Epoch {
			keys = append(keys, k)
		}
		if w.Recipient != "" {
			last := &keys[len(keys)-1]
			last.Wraps = append(last.Wraps, w)
		}
		return struct{}{}, err
	}, listRootKeys)
	return keys, err
}

const insertRootKey = `
INSERT INTO signet_keys.root_keys (epoch, fingerprint)
VALUES ($1, $2)
ON CONFLICT (epoch) DO NOTHING`

// The fingerprint stands in the statement so that a wrap never gets under an
// epoch whose key is another one.
const insertRootKeyWrap = `
INSERT INTO signet_keys.root_key_wraps (epoch, recipient, wrapped, sealed_by, mac)
SELECT k.epoch, $3, $4, $5, $6
FROM signet_keys.root_keys k
WHERE k.epoch = $1 AND k.fingerprint = $2
ON CONFLICT (epoch, recipient) DO NOTHING`

// CreateRootKey stores a root key, or further wraps of one that is stored.
// Where another node has just stored the same epoch or the same wrap, theirs
// stays, and where their key of that epoch is another, none of these wraps is
// stored.
func (tx *PlatformTx) CreateRootKey(ctx context.Context, k RootKeyRow) error {
	if _, err := tx.tx.Exec(ctx, insertRootKey, k.Epoch, k.Fingerprint); err != nil {
		return translate(err)
	}
	for _, w := range k.Wraps {
		if _, err := tx.tx.Exec(ctx, insertRootKeyWrap, k.Epoch, k.Fingerprint, w.Recipient, w.Wrapped, w.SealedBy, w.MAC); err != nil {
			return translate(err)
		}
	}
	return nil
}

const listSupersededTenants = `
SELECT DISTINCT tenant_id
FROM signet_keys.tenant_keys
WHERE superseded_at IS NOT NULL AND tenant_id > $1
ORDER BY tenant_id
LIMIT $2`

// ListTurningTenants gives at most limit tenants whose key is being turned, in the
// order of their ids and behind the given one: there is a newer key, and what was
// sealed under the former may not all be under it yet.
func (tx *SystemTx) ListTurningTenants(ctx context.Context, after core.TenantID, limit int) ([]core.TenantID, error) {
	return all(ctx, tx.tx, pgx.RowTo[core.TenantID], listSupersededTenants, after, limit)
}

const selectSealedWithoutRoot = `
SELECT NOT EXISTS (SELECT FROM signet_keys.root_keys)
       AND (EXISTS (SELECT FROM signet.session_keys) OR EXISTS (SELECT FROM signet.audit_keys) OR EXISTS (SELECT FROM signet_keys.platform_keys))`

// SealedWithoutRoot tells whether there are sealed rows but no root key: data
// that was restored without its keys.
func (tx *PlatformTx) SealedWithoutRoot(ctx context.Context) (bool, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[bool], selectSealedWithoutRoot)
}
