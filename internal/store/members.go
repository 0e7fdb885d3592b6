package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// MemberRow is a member with what proves them.
type MemberRow struct {
	core.Member
	PasswordHash core.Secret // zero: they come in by other ways
}

func scanMember(row pgx.CollectableRow) (MemberRow, error) {
	var m MemberRow
	var hash *string
	var role *core.Role
	err := row.Scan(&m.ID, &m.Email, &hash, &role)
	if hash != nil {
		m.PasswordHash = core.NewSecret(*hash)
	}
	if role != nil {
		m.Platform = *role
	}
	return m, err
}

const insertMember = `
INSERT INTO signet.members (member_id, email, password_hash, platform_role)
VALUES ($1, $2, nullif($3, ''), nullif($4, ''))`

// CreateMember makes a member, or fails with fault.MemberExists.
func (tx *PlatformTx) CreateMember(ctx context.Context, m MemberRow) error {
	_, err := tx.tx.Exec(ctx, insertMember, m.ID, m.Email, m.PasswordHash.Expose(), string(m.Platform))
	return translate(err)
}

const selectMemberByEmail = `
SELECT member_id, email, password_hash, platform_role
FROM signet.members
WHERE email = $1`

// FindMemberByEmail gives the member with that address, in lower case, if
// there is one.
func (tx *PlatformTx) FindMemberByEmail(ctx context.Context, email string) (MemberRow, bool, error) {
	return find(ctx, tx.tx, scanMember, selectMemberByEmail, email)
}

const selectMember = `
SELECT member_id, email, password_hash, platform_role
FROM signet.members
WHERE member_id = $1`

// FindMember gives the member, if there is one.
func (tx *PlatformTx) FindMember(ctx context.Context, member core.MemberID) (MemberRow, bool, error) {
	return find(ctx, tx.tx, scanMember, selectMember, member)
}

const updatePasswordHash = `
UPDATE signet.members
SET password_hash = $3
WHERE member_id = $1 AND password_hash = $2`

// UpdatePasswordHash puts a new hash in the place of an old one. A member whose
// hash is no longer the old one keeps theirs, which is no error.
func (tx *PlatformTx) UpdatePasswordHash(ctx context.Context, member core.MemberID, old, hash core.Secret) error {
	_, err := tx.tx.Exec(ctx, updatePasswordHash, member, old.Expose(), hash.Expose())
	return translate(err)
}

const holdPassword = `
SELECT true
FROM signet.members
WHERE member_id = $1 AND password_hash = $2
FOR SHARE`

// HoldPassword keeps the password of a member from being changed until the transaction
// ends. It fails with fault.CeremonyOver where the hash is no longer theirs.
func (tx *PlatformTx) HoldPassword(ctx context.Context, member core.MemberID, hash core.Secret) error {
	_, err := one(ctx, tx.tx, fault.CeremonyOver, pgx.RowTo[bool], holdPassword, member, hash.Expose())
	return err
}

// Membership is what a member is to a tenant, and what that tenant asks of them.
type Membership struct {
	TenantID             core.TenantID
	Role                 core.Role
	SecondFactorRequired bool
}

const listMemberships = `
SELECT m.tenant_id, m.role, t.second_factor_required
FROM signet.memberships m
JOIN signet.tenants t ON t.tenant_id = m.tenant_id
WHERE m.member_id = $1`

// ListMemberships gives the tenants that a member belongs to, in no order.
func (tx *SystemTx) ListMemberships(ctx context.Context, member core.MemberID) ([]Membership, error) {
	return all(ctx, tx.tx, pgx.RowToStructByPos[Membership], listMemberships, member)
}

const insertMembership = `
INSERT INTO signet.memberships (tenant_id, member_id, role)
VALUES ($1, $2, $3)`

// CreateMembership gives a member a role in the tenant.
func (tx *TenantTx) CreateMembership(ctx context.Context, member core.MemberID, role core.Role) error {
	_, err := tx.tx.Exec(ctx, insertMembership, tx.tenantID, member, role)
	return translate(err)
}
