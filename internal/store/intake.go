package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

const intakeColumns = `link_id, app_id, made_by, created_at, expires_at, used_at, coalesce(used_version, 0), revoked_at, refused`

func scanIntakeLink(row pgx.CollectableRow) (core.IntakeLink, error) {
	var l core.IntakeLink
	err := row.Scan(&l.ID, &l.AppID, &l.MadeBy, &l.CreatedAt, &l.ExpiresAt, &l.UsedAt, &l.UsedVersion, &l.RevokedAt, &l.Refused)
	return l, err
}

const insertIntakeLink = `
INSERT INTO signet.intake_links (tenant_id, link_id, app_id, token_hash, made_by, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + $6::interval)
RETURNING ` + intakeColumns

// CreateIntakeLink makes a link that can be used for so long.
func (tx *TenantTx) CreateIntakeLink(ctx context.Context, link core.LinkID, app core.AppID, tokenHash [32]byte, length time.Duration) (core.IntakeLink, error) {
	return one(ctx, tx.tx, fault.InternalError, scanIntakeLink, insertIntakeLink, tx.tenantID, link, app, tokenHash[:], tx.actor.Name, length)
}

const listIntakeLinks = `
SELECT ` + intakeColumns + `
FROM signet.intake_links
WHERE tenant_id = $1 AND app_id = $2 AND (created_at, link_id) < ($3, $4)
ORDER BY created_at DESC, link_id DESC
LIMIT $5`

// ListIntakeLinks gives the links of an app, newest first.
func (tx *TenantTx) ListIntakeLinks(ctx context.Context, app core.AppID, p core.Page) (core.List[core.IntakeLink], error) {
	after, err := parseMark(intakeList, p.Cursor, checkID)
	if err != nil {
		return core.List[core.IntakeLink]{}, err
	}
	items, err := all(ctx, tx.tx, scanIntakeLink, listIntakeLinks, tx.tenantID, app, after.at, after.id, p.Limit+1)
	return page(intakeList, items, p.Limit, func(l core.IntakeLink) mark { return mark{l.CreatedAt, l.ID.String()} }), err
}

const lockIntakeLink = `
SELECT ` + intakeColumns + `
FROM signet.intake_links
WHERE tenant_id = $1 AND link_id = $2
FOR UPDATE`

// LockIntakeLink gives a link and holds it until the transaction ends, or
// fault.IntakeUnknown.
func (tx *TenantTx) LockIntakeLink(ctx context.Context, link core.LinkID) (core.IntakeLink, error) {
	return one(ctx, tx.tx, fault.IntakeUnknown, scanIntakeLink, lockIntakeLink, tx.tenantID, link)
}

const findIntakeLink = `
SELECT ` + intakeColumns + `
FROM signet.intake_links
WHERE tenant_id = $1 AND link_id = $2 AND token_hash = $3`

// FindIntakeLink gives the link whose token has the hash, or fault.IntakeUnknown.
func (tx *TenantTx) FindIntakeLink(ctx context.Context, link core.LinkID, tokenHash [32]byte) (core.IntakeLink, error) {
	return one(ctx, tx.tx, fault.IntakeUnknown, scanIntakeLink, findIntakeLink, tx.tenantID, link, tokenHash[:])
}

const useIntakeLink = `
UPDATE signet.intake_links
SET used_at = now(), used_version = $3
WHERE tenant_id = $1 AND link_id = $2`

// UseIntakeLink notes which version came of a link. The link must be locked.
func (tx *TenantTx) UseIntakeLink(ctx context.Context, link core.LinkID, version int32) error {
	_, err := tx.tx.Exec(ctx, useIntakeLink, tx.tenantID, link, version)
	return translate(err)
}

const reserveHandIn = `
UPDATE signet.intake_links
SET refused = refused + 1
WHERE tenant_id = $1 AND link_id = $2 AND refused < $3`

// ReserveHandIn counts a secret that is about to be tried as one that WeCom refused,
// since it may be. It tells false, and counts nothing, where there are most already.
func (tx *TenantTx) ReserveHandIn(ctx context.Context, link core.LinkID, most int32) (bool, error) {
	tag, err := tx.tx.Exec(ctx, reserveHandIn, tx.tenantID, link, most)
	return tag.RowsAffected() == 1, translate(err)
}

const giveBackHandIn = `
UPDATE signet.intake_links
SET refused = refused - 1
WHERE tenant_id = $1 AND link_id = $2 AND refused > 0`

// GiveBackHandIn takes a reservation back: WeCom has not refused the secret.
func (tx *TenantTx) GiveBackHandIn(ctx context.Context, link core.LinkID) error {
	_, err := tx.tx.Exec(ctx, giveBackHandIn, tx.tenantID, link)
	return translate(err)
}

const revokeIntakeLink = `
UPDATE signet.intake_links
SET revoked_at = now()
WHERE tenant_id = $1 AND link_id = $2`

// RevokeIntakeLink takes a link back. The link must be locked.
func (tx *TenantTx) RevokeIntakeLink(ctx context.Context, link core.LinkID) error {
	_, err := tx.tx.Exec(ctx, revokeIntakeLink, tx.tenantID, link)
	return translate(err)
}
