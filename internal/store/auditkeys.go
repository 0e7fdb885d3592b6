package store

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// AuditKeyRow is a key that vouches for audit rows as it lies in its row.
type AuditKeyRow struct {
	ID         string
	PublicKey  []byte
	Sealed     []byte
	KeyVersion int32
	Beginning  string // signed: how far the chains went before the first key; "" of a later one
}

func scanAuditKey(row pgx.CollectableRow) (AuditKeyRow, error) {
	var k AuditKeyRow
	err := row.Scan(&k.ID, &k.PublicKey, &k.Sealed, &k.KeyVersion, &k.Beginning)
	return k, err
}

const listAuditKeys = `
SELECT key_id, public_key, sealed, key_version, beginning
FROM signet.audit_keys
ORDER BY created_at DESC, key_id`

// ListAuditKeys gives the keys, the newest first: it vouches, all are accepted.
func (tx *PlatformTx) ListAuditKeys(ctx context.Context) ([]AuditKeyRow, error) {
	return all(ctx, tx.tx, scanAuditKey, listAuditKeys)
}

// auditKeyLock keeps two nodes that start at once from making a first key each.
const auditKeyLock = `SELECT pg_advisory_xact_lock(hashtext('signet audit key'))`

// LockAuditKeys keeps others from making a key until the transaction ends.
func (tx *PlatformTx) LockAuditKeys(ctx context.Context) error {
	_, err := tx.tx.Exec(ctx, auditKeyLock)
	return translate(err)
}

const insertAuditKey = `
INSERT INTO signet.audit_keys (key_id, public_key, sealed, key_version, beginning)
VALUES ($1, $2, $3, $4, $5)`

// CreateAuditKey stores a key. The keys must be locked.
func (tx *PlatformTx) CreateAuditKey(ctx context.Context, k AuditKeyRow) error {
	_, err := tx.tx.Exec(ctx, insertAuditKey, k.ID, k.PublicKey, k.Sealed, k.KeyVersion, k.Beginning)
	return translate(err)
}
