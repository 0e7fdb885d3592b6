package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

const resetColumns = `link_id, member_id, tenant_id, factors, made_by, created_at, expires_at, used_at, revoked_at`

func scanReset(row pgx.CollectableRow) (core.Reset, error) {
	var r core.Reset
	var member, tenant *uuid.UUID
	err := row.Scan(&r.ID, &member, &tenant, &r.Factors, &r.MadeBy, &r.CreatedAt, &r.ExpiresAt, &r.UsedAt, &r.RevokedAt)
	if member != nil {
		r.Member = core.MemberID{UUID: *member}
	}
	if tenant != nil {
		r.Tenant = core.TenantID{UUID: *tenant}
	}
	return r, err
}

const revokeResetsOf = `
UPDATE signet.resets
SET revoked_at = now()
WHERE member_id = $1 AND link_id <> $2 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > now()`

// RevokeResetsOf takes the open resets of a member back but one.
func (tx *PlatformTx) RevokeResetsOf(ctx context.Context, member core.MemberID, keep core.LinkID) error {
	_, err := tx.tx.Exec(ctx, revokeResetsOf, member, keep)
	return translate(err)
}

const revokeAskedResetsOf = revokeResetsOf + `
  AND made_by = $3`

// revokeFormer takes back what a new reset stands for. Where nobody made it but a
// stranger has asked for a letter, that is what strangers have asked for: they must
// not take away what somebody has made.
func (tx *PlatformTx) revokeFormer(ctx context.Context, r core.Reset) error {
	if tx.actor.Kind != core.ActorSystem {
		return tx.RevokeResetsOf(ctx, r.Member, r.ID)
	}
	_, err := tx.tx.Exec(ctx, revokeAskedResetsOf, r.Member, r.ID, tx.actor.Name)
	return translate(err)
}

const insertReset = `
INSERT INTO signet.resets (link_id, member_id, tenant_id, factors, token_hash, made_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, now() + $7::interval)
RETURNING ` + resetColumns

// CreateReset makes a link that can be used for so long, and takes those back that are
// open for the same member: by Signet itself those of the same name alone. Without a member it takes the same steps for nobody.
func (tx *PlatformTx) CreateReset(ctx context.Context, r core.Reset, tokenHash [32]byte, length time.Duration) (core.Reset, error) {
	if err := tx.revokeFormer(ctx, r); err != nil {
		return core.Reset{}, err
	}
	var member, tenant *uuid.UUID
	if !r.Member.IsZero() {
		member = &r.Member.UUID
	}
	if !r.Tenant.IsZero() {
		tenant = &r.Tenant.UUID
	}
	return one(ctx, tx.tx, fault.InternalError, scanReset, insertReset, r.ID, member, tenant, r.Factors, tokenHash[:], tx.actor.Name, length)
}

const lockReset = `
SELECT ` + resetColumns + `
FROM signet.resets
WHERE link_id = $1 AND token_hash = $2
FOR UPDATE`

// LockReset gives the reset whose token has the hash and holds it until the
// transaction ends, or fails with fault.ResetUnknown.
func (tx *PlatformTx) LockReset(ctx context.Context, link core.LinkID, tokenHash [32]byte) (core.Reset, error) {
	return one(ctx, tx.tx, fault.ResetUnknown, scanReset, lockReset, link, tokenHash[:])
}

const useReset = `
UPDATE signet.resets
SET used_at = now()
WHERE link_id = $1`

// UseReset marks a reset as used. It must be locked.
func (tx *PlatformTx) UseReset(ctx context.Context, link core.LinkID) error {
	_, err := tx.tx.Exec(ctx, useReset, link)
	return translate(err)
}

const platformNow = `SELECT now()`

// Now is the time by Postgres's clock, which links end by.
func (tx *PlatformTx) Now(ctx context.Context) (time.Time, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[time.Time], platformNow)
}
