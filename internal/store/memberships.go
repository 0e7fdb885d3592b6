package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// MembershipRow is what a member is to a tenant, as the tenant's own rows say it: the
// person lies behind the platform's door.
type MembershipRow struct {
	Member  core.MemberID
	Role    core.Role
	Since   time.Time
	Version int64
}

const membershipColumns = `member_id, role, created_at, version`

const listTenantMembers = `
SELECT ` + membershipColumns + `
FROM signet.memberships
WHERE tenant_id = $1 AND (created_at, member_id) < ($2, $3)
ORDER BY created_at DESC, member_id DESC
LIMIT $4`

// ListMemberships gives the tenant's members, newest first.
func (tx *TenantTx) ListMemberships(ctx context.Context, p core.Page) (core.List[MembershipRow], error) {
	after, err := parseMark(memberList, p.Cursor, checkID)
	if err != nil {
		return core.List[MembershipRow]{}, err
	}
	items, err := all(ctx, tx.tx, pgx.RowToStructByPos[MembershipRow], listTenantMembers, tx.tenantID, after.at, after.id, p.Limit+1)
	return page(memberList, items, p.Limit, func(m MembershipRow) mark { return mark{m.Since, m.Member.String()} }), err
}

const selectMembership = `
SELECT ` + membershipColumns + `
FROM signet.memberships
WHERE tenant_id = $1 AND member_id = $2`

// GetMembership gives what a member is to the tenant, or fault.MemberUnknown.
func (tx *TenantTx) GetMembership(ctx context.Context, member core.MemberID) (MembershipRow, error) {
	return one(ctx, tx.tx, fault.MemberUnknown, pgx.RowToStructByPos[MembershipRow], selectMembership, tx.tenantID, member)
}

const lockTenantOwners = `
SELECT member_id
FROM signet.memberships
WHERE tenant_id = $1 AND role = 'tenant_owner'
ORDER BY member_id
FOR UPDATE`

// LockOwners gives the tenant's owners and holds their rows until the transaction
// ends: of two who take the last two away, the second sees one left.
func (tx *TenantTx) LockOwners(ctx context.Context) ([]core.MemberID, error) {
	return all(ctx, tx.tx, pgx.RowTo[core.MemberID], lockTenantOwners, tx.tenantID)
}

const lockMembership = selectMembership + `
FOR UPDATE`

// LockMembership is GetMembership, and holds the row until the transaction ends.
func (tx *TenantTx) LockMembership(ctx context.Context, member core.MemberID) (MembershipRow, error) {
	return one(ctx, tx.tx, fault.MemberUnknown, pgx.RowToStructByPos[MembershipRow], lockMembership, tx.tenantID, member)
}

const updateMembership = `
UPDATE signet.memberships
SET role = $3, version = version + 1
WHERE tenant_id = $1 AND member_id = $2`

// UpdateMembership gives a member of the tenant another role.
func (tx *TenantTx) UpdateMembership(ctx context.Context, member core.MemberID, role core.Role) error {
	_, err := tx.tx.Exec(ctx, updateMembership, tx.tenantID, member, role)
	return translate(err)
}

const deleteMembership = `
DELETE FROM signet.memberships
WHERE tenant_id = $1 AND member_id = $2`

// DeleteMembership takes a member out of the tenant.
func (tx *TenantTx) DeleteMembership(ctx context.Context, member core.MemberID) error {
	_, err := tx.tx.Exec(ctx, deleteMembership, tx.tenantID, member)
	return translate(err)
}
