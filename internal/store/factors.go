package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// FactorRow is a factor with what proves it, sealed under the platform's key.
type FactorRow struct {
	core.Factor
	MemberID       core.MemberID
	Sealed         []byte
	KeyVersion     int32
	CredentialHash []byte // SHA-256 of a passkey's credential id, else nil
	UsedStep       int64  // the last step of a TOTP that was used
	SignCount      int64  // of a passkey, as it was told last
}

const factorColumns = `factor_id, member_id, kind, name, sealed, key_version, credential_hash, created_at, confirmed_at, used_at, used_step, sign_count`

func scanFactor(row pgx.CollectableRow) (FactorRow, error) {
	var f FactorRow
	err := row.Scan(&f.ID, &f.MemberID, &f.Kind, &f.Name, &f.Sealed, &f.KeyVersion, &f.CredentialHash, &f.CreatedAt, &f.ConfirmedAt, &f.UsedAt, &f.UsedStep, &f.SignCount)
	return f, err
}

const insertFactor = `
INSERT INTO signet.factors (factor_id, member_id, kind, name, sealed, key_version, credential_hash, confirmed_at, sign_count)
VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $8 THEN now() END, $9)
RETURNING ` + factorColumns

// CreateFactor adds a factor to a member, confirmed or not. A passkey that somebody
// has already fails with fault.FactorExists.
func (tx *PlatformTx) CreateFactor(ctx context.Context, f FactorRow, confirmed bool) (FactorRow, error) {
	return one(ctx, tx.tx, fault.InternalError, scanFactor, insertFactor,
		f.ID, f.MemberID, f.Kind, f.Name, f.Sealed, f.KeyVersion, f.CredentialHash, confirmed, f.SignCount)
}

const listFactors = `
SELECT ` + factorColumns + `
FROM signet.factors
WHERE member_id = $1 AND removed_at IS NULL
ORDER BY created_at, factor_id`

// ListFactors gives the factors of a member, the oldest first, also those that are
// not confirmed.
func (tx *PlatformTx) ListFactors(ctx context.Context, member core.MemberID) ([]FactorRow, error) {
	return all(ctx, tx.tx, scanFactor, listFactors, member)
}

const lockFactors = `
SELECT pg_advisory_xact_lock(hashtextextended('signet factors ' || $1::text, 0))`

// LockFactors lets one transaction at a time change the factors of a member.
func (tx *PlatformTx) LockFactors(ctx context.Context, member core.MemberID) error {
	_, err := tx.tx.Exec(ctx, lockFactors, member.String())
	return translate(err)
}

const confirmFactor = `
UPDATE signet.factors
SET confirmed_at = now(), used_at = now(), used_step = $2
WHERE factor_id = $1 AND removed_at IS NULL AND confirmed_at IS NULL AND used_step < $2`

// ConfirmFactor lets a TOTP count from now on. It tells false where it does already,
// or where that step was used.
func (tx *PlatformTx) ConfirmFactor(ctx context.Context, factor core.FactorID, step int64) (bool, error) {
	tag, err := tx.tx.Exec(ctx, confirmFactor, factor, step)
	return tag.RowsAffected() == 1, translate(err)
}

const useStep = `
UPDATE signet.factors
SET used_at = now(), used_step = $2
WHERE factor_id = $1 AND removed_at IS NULL AND used_step < $2`

// UseStep notes that the code of a step was used. It tells false where that step or
// a later one was used before: each code is good once, on all nodes together.
func (tx *PlatformTx) UseStep(ctx context.Context, factor core.FactorID, step int64) (bool, error) {
	tag, err := tx.tx.Exec(ctx, useStep, factor, step)
	return tag.RowsAffected() == 1, translate(err)
}

const usePasskey = `
UPDATE signet.factors
SET used_at = now(), sign_count = $2
WHERE factor_id = $1 AND removed_at IS NULL`

// UsePasskey notes the use of a passkey and what it counts. It fails with
// fault.PasskeyRefused where it was removed.
func (tx *PlatformTx) UsePasskey(ctx context.Context, factor core.FactorID, signCount int64) error {
	tag, err := tx.tx.Exec(ctx, usePasskey, factor, signCount)
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.PasskeyRefused, nil)
	}
	return translate(err)
}

const removeFactor = `
UPDATE signet.factors
SET removed_at = now(), sealed = NULL
WHERE member_id = $1 AND factor_id = $2 AND removed_at IS NULL`

// RemoveFactor takes a factor from a member, and what proves it. It fails with
// fault.FactorUnknown.
func (tx *PlatformTx) RemoveFactor(ctx context.Context, member core.MemberID, factor core.FactorID) error {
	tag, err := tx.tx.Exec(ctx, removeFactor, member, factor)
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.FactorUnknown, nil)
	}
	return translate(err)
}

const removeFactorsOf = `
UPDATE signet.factors
SET removed_at = now(), sealed = NULL
WHERE member_id = $1 AND removed_at IS NULL`

// RemoveFactorsOf takes every factor from a member, and gives how many they were.
func (tx *PlatformTx) RemoveFactorsOf(ctx context.Context, member core.MemberID) (int64, error) {
	tag, err := tx.tx.Exec(ctx, removeFactorsOf, member)
	return tag.RowsAffected(), translate(err)
}
