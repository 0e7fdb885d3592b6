package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// invitations names the statements about a tenant's invitations, or the platform's.
type invitations struct {
	line, insert, list, lock, find, use, revoke, revokeTo string
}

const invitationColumns = `link_id, email, role, made_by, created_at, expires_at, used_at, revoked_at`

// Those who invite at once stand in line, so that of two invitations to one address
// the second takes the first back.
const invitationLine = `SELECT pg_advisory_xact_lock(hashtext('signet invitation ' || $1))`

var tenantInvitations = invitations{
	line: invitationLine,
	insert: `
INSERT INTO signet.invitations (tenant_id, link_id, email, role, token_hash, made_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, now() + $7::interval)
RETURNING ` + invitationColumns,
	list: `
SELECT ` + invitationColumns + `
FROM signet.invitations
WHERE tenant_id = $1 AND (created_at, link_id) < ($2, $3)
ORDER BY created_at DESC, link_id DESC
LIMIT $4`,
	lock: `
SELECT ` + invitationColumns + `
FROM signet.invitations
WHERE tenant_id = $1 AND link_id = $2
FOR UPDATE`,
	find: `
SELECT ` + invitationColumns + `
FROM signet.invitations
WHERE tenant_id = $1 AND link_id = $2 AND token_hash = $3`,
	use: `
UPDATE signet.invitations
SET used_at = now()
WHERE tenant_id = $1 AND link_id = $2`,
	revoke: `
UPDATE signet.invitations
SET revoked_at = now()
WHERE tenant_id = $1 AND link_id = $2`,
	revokeTo: `
UPDATE signet.invitations
SET revoked_at = now()
WHERE tenant_id = $1 AND email = $2 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > now()`,
}

var platformInvitations = invitations{
	line: invitationLine,
	insert: `
INSERT INTO signet.platform_invitations (link_id, email, role, token_hash, made_by, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + $6::interval)
RETURNING ` + invitationColumns,
	list: `
SELECT ` + invitationColumns + `
FROM signet.platform_invitations
WHERE (created_at, link_id) < ($1, $2)
ORDER BY created_at DESC, link_id DESC
LIMIT $3`,
	lock: `
SELECT ` + invitationColumns + `
FROM signet.platform_invitations
WHERE link_id = $1
FOR UPDATE`,
	find: `
SELECT ` + invitationColumns + `
FROM signet.platform_invitations
WHERE link_id = $1 AND token_hash = $2`,
	use: `
UPDATE signet.platform_invitations
SET used_at = now()
WHERE link_id = $1`,
	revoke: `
UPDATE signet.platform_invitations
SET revoked_at = now()
WHERE link_id = $1`,
	revokeTo: `
UPDATE signet.platform_invitations
SET revoked_at = now()
WHERE email = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > now()`,
}

// InvitationTx is the part of a transaction that is about invitations: those of a
// tenant, or those of the platform.
type InvitationTx struct {
	tx     pgx.Tx
	says   invitations
	scope  []any // leading arguments
	tenant core.TenantID
	maker  string
}

// Invitations gives the part of the transaction that is about the tenant's invitations.
func (tx *TenantTx) Invitations() *InvitationTx {
	return &InvitationTx{tx: tx.tx, says: tenantInvitations, scope: []any{tx.tenantID}, tenant: tx.tenantID, maker: tx.actor.Name}
}

// Invitations gives the part of the transaction that is about the platform's
// invitations.
func (tx *PlatformTx) Invitations() *InvitationTx {
	return &InvitationTx{tx: tx.tx, says: platformInvitations, maker: tx.actor.Name}
}

func (tx *InvitationTx) args(more ...any) []any {
	return append(append([]any{}, tx.scope...), more...)
}

func (tx *InvitationTx) scan(row pgx.CollectableRow) (core.Invitation, error) {
	i := core.Invitation{Tenant: tx.tenant}
	err := row.Scan(&i.ID, &i.Email, &i.Role, &i.MadeBy, &i.CreatedAt, &i.ExpiresAt, &i.UsedAt, &i.RevokedAt)
	return i, err
}

// Create makes an invitation that can be used for so long, and takes those back that
// are open for the same address.
func (tx *InvitationTx) Create(ctx context.Context, link core.LinkID, email string, role core.Role, tokenHash [32]byte, length time.Duration) (core.Invitation, error) {
	if _, err := tx.tx.Exec(ctx, tx.says.line, tx.tenant.String()); err != nil {
		return core.Invitation{}, translate(err)
	}
	if _, err := tx.tx.Exec(ctx, tx.says.revokeTo, tx.args(email)...); err != nil {
		return core.Invitation{}, translate(err)
	}
	return one(ctx, tx.tx, fault.InternalError, tx.scan, tx.says.insert, tx.args(link, email, role, tokenHash[:], tx.maker, length)...)
}

// List gives the invitations, newest first.
func (tx *InvitationTx) List(ctx context.Context, p core.Page) (core.List[core.Invitation], error) {
	after, err := parseMark(invitationList, p.Cursor, checkID)
	if err != nil {
		return core.List[core.Invitation]{}, err
	}
	items, err := all(ctx, tx.tx, tx.scan, tx.says.list, tx.args(after.at, after.id, p.Limit+1)...)
	return page(invitationList, items, p.Limit, func(i core.Invitation) mark { return mark{i.CreatedAt, i.ID.String()} }), err
}

// Lock gives an invitation and holds it until the transaction ends, or fails with
// fault.InvitationUnknown.
func (tx *InvitationTx) Lock(ctx context.Context, link core.LinkID) (core.Invitation, error) {
	return one(ctx, tx.tx, fault.InvitationUnknown, tx.scan, tx.says.lock, tx.args(link)...)
}

// Find gives the invitation whose token has the hash, or fault.InvitationUnknown.
func (tx *InvitationTx) Find(ctx context.Context, link core.LinkID, tokenHash [32]byte) (core.Invitation, error) {
	return one(ctx, tx.tx, fault.InvitationUnknown, tx.scan, tx.says.find, tx.args(link, tokenHash[:])...)
}

// Use marks an invitation as accepted. It must be locked.
func (tx *InvitationTx) Use(ctx context.Context, link core.LinkID) error {
	_, err := tx.tx.Exec(ctx, tx.says.use, tx.args(link)...)
	return translate(err)
}

// Revoke takes an invitation back. It must be locked.
func (tx *InvitationTx) Revoke(ctx context.Context, link core.LinkID) error {
	_, err := tx.tx.Exec(ctx, tx.says.revoke, tx.args(link)...)
	return translate(err)
}
