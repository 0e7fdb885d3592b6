package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// The last sign-in is known for as long as sessions are kept (trim.go).
const platformMemberColumns = `m.member_id, m.email, coalesce(m.platform_role, ''), m.role_version, m.created_at,
       (SELECT max(s.created_at) FROM signet.sessions s WHERE s.member_id = m.member_id),
       EXISTS (SELECT FROM signet.factors f WHERE f.member_id = m.member_id AND f.confirmed_at IS NOT NULL AND f.removed_at IS NULL)`

func scanPlatformMember(row pgx.CollectableRow) (core.PlatformMember, error) {
	var m core.PlatformMember
	err := row.Scan(&m.ID, &m.Email, &m.Platform, &m.Version, &m.Since, &m.LastSignInAt, &m.SecondFactor)
	return m, err
}

const listPlatformMembers = `
SELECT ` + platformMemberColumns + `
FROM signet.members m
WHERE m.platform_role IS NOT NULL AND (m.created_at, m.member_id) < ($1, $2)
ORDER BY m.created_at DESC, m.member_id DESC
LIMIT $3`

// ListPlatformMembers gives the members with a role on the platform, newest first.
func (tx *PlatformTx) ListPlatformMembers(ctx context.Context, p core.Page) (core.List[core.PlatformMember], error) {
	after, err := parseMark(platformMemberList, p.Cursor, checkID)
	if err != nil {
		return core.List[core.PlatformMember]{}, err
	}
	items, err := all(ctx, tx.tx, scanPlatformMember, listPlatformMembers, after.at, after.id, p.Limit+1)
	return page(platformMemberList, items, p.Limit, func(m core.PlatformMember) mark { return mark{m.Since, m.ID.String()} }), err
}

const selectPlatformMember = `
SELECT ` + platformMemberColumns + `
FROM signet.members m
WHERE m.member_id = $1 AND m.platform_role IS NOT NULL`

// GetPlatformMember gives one of the platform's people, or fault.MemberUnknown.
func (tx *PlatformTx) GetPlatformMember(ctx context.Context, member core.MemberID) (core.PlatformMember, error) {
	return one(ctx, tx.tx, fault.MemberUnknown, scanPlatformMember, selectPlatformMember, member)
}

const lockPlatformMember = selectPlatformMember + `
FOR UPDATE OF m`

// LockPlatformMember is GetPlatformMember, and holds the row until the transaction
// ends.
func (tx *PlatformTx) LockPlatformMember(ctx context.Context, member core.MemberID) (core.PlatformMember, error) {
	return one(ctx, tx.tx, fault.MemberUnknown, scanPlatformMember, lockPlatformMember, member)
}

const lockPlatformOwners = `
SELECT member_id
FROM signet.members
WHERE platform_role = 'platform_owner'
ORDER BY member_id
FOR UPDATE`

// LockPlatformOwners gives the platform's owners and holds their rows, as
// TenantTx.LockOwners does.
func (tx *PlatformTx) LockPlatformOwners(ctx context.Context) ([]core.MemberID, error) {
	return all(ctx, tx.tx, pgx.RowTo[core.MemberID], lockPlatformOwners)
}

const setPlatformRole = `
UPDATE signet.members
SET platform_role = nullif($2, ''), role_version = role_version + 1
WHERE member_id = $1`

// SetPlatformRole gives a member a role on the platform, or none.
func (tx *PlatformTx) SetPlatformRole(ctx context.Context, member core.MemberID, role core.Role) error {
	_, err := tx.tx.Exec(ctx, setPlatformRole, member, string(role))
	return translate(err)
}

const setPasswordHash = `
UPDATE signet.members
SET password_hash = $2
WHERE member_id = $1`

// SetPasswordHash gives a member another password, whatever it was.
func (tx *PlatformTx) SetPasswordHash(ctx context.Context, member core.MemberID, hash core.Secret) error {
	_, err := tx.tx.Exec(ctx, setPasswordHash, member, hash.Expose())
	return translate(err)
}

// Person is a member as those who belong to a tenant with them see them.
type Person struct {
	Member       core.Member
	LastSignInAt *time.Time
	SecondFactor bool
}

const describeMembers = `
SELECT ` + platformMemberColumns + `
FROM signet.members m
WHERE m.member_id = ANY ($1::uuid[])`

// DescribeMembers gives the members that are there, by their ids.
func (tx *PlatformTx) DescribeMembers(ctx context.Context, members []core.MemberID) (map[core.MemberID]Person, error) {
	ids := make([]string, len(members))
	for i, id := range members {
		ids[i] = id.String()
	}
	rows, err := all(ctx, tx.tx, scanPlatformMember, describeMembers, ids)
	people := make(map[core.MemberID]Person, len(rows))
	for _, m := range rows {
		people[m.ID] = Person{Member: m.Member, LastSignInAt: m.LastSignInAt, SecondFactor: m.SecondFactor}
	}
	return people, err
}
