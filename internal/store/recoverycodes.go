package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

const replaceRecoveryCodes = `
UPDATE signet.recovery_codes
SET replaced_at = now()
WHERE member_id = $1 AND replaced_at IS NULL`

const insertRecoveryCode = `
INSERT INTO signet.recovery_codes (member_id, code_hash)
VALUES ($1, $2)`

// ReplaceRecoveryCodes gives a member codes, as their hashes, in the place of those
// they had. None takes them away.
func (tx *PlatformTx) ReplaceRecoveryCodes(ctx context.Context, member core.MemberID, hashes [][32]byte) error {
	batch := &pgx.Batch{}
	batch.Queue(replaceRecoveryCodes, member)
	for _, hash := range hashes {
		batch.Queue(insertRecoveryCode, member, hash[:])
	}
	return translate(tx.tx.SendBatch(ctx, batch).Close())
}

const useRecoveryCode = `
UPDATE signet.recovery_codes
SET used_at = now()
WHERE member_id = $1 AND code_hash = $2 AND used_at IS NULL AND replaced_at IS NULL`

// UseRecoveryCode uses a code of a member up. It tells false where they have none
// like it.
func (tx *PlatformTx) UseRecoveryCode(ctx context.Context, member core.MemberID, hash [32]byte) (bool, error) {
	tag, err := tx.tx.Exec(ctx, useRecoveryCode, member, hash[:])
	return tag.RowsAffected() == 1, translate(err)
}

const countRecoveryCodes = `
SELECT count(*)
FROM signet.recovery_codes
WHERE member_id = $1 AND used_at IS NULL AND replaced_at IS NULL`

// CountRecoveryCodes tells how many codes a member has left.
func (tx *PlatformTx) CountRecoveryCodes(ctx context.Context, member core.MemberID) (int64, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[int64], countRecoveryCodes, member)
}
