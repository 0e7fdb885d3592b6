package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

func scanWeComPerson(row pgx.CollectableRow) (core.WeComPerson, error) {
	var p core.WeComPerson
	err := row.Scan(&p.TenantID, &p.CorpID, &p.UserID, &p.MemberID, &p.BoundAt, &p.BoundBy)
	return p, err
}

const bindWeComPerson = `
INSERT INTO signet.wecom_people (tenant_id, corp_id, user_id, member_id, bound_by)
VALUES ($1, $2, $3, $4, $5)
RETURNING tenant_id, corp_id, user_id, member_id, bound_at, bound_by`

// BindWeComPerson says which member a person of the corp is. It fails with
// fault.WeComBound where the person is somebody already or the member is another
// person of that corp, and with fault.WeComUnbound where the member does not belong to
// the tenant.
func (tx *TenantTx) BindWeComPerson(ctx context.Context, corp core.CorpID, user core.WeComUserID, member core.MemberID) (core.WeComPerson, error) {
	return one(ctx, tx.tx, fault.InternalError, scanWeComPerson, bindWeComPerson, tx.tenantID, corp, user, member, tx.actor.Name)
}

const findWeComPerson = `
SELECT tenant_id, corp_id, user_id, member_id, bound_at, bound_by
FROM signet.wecom_people
WHERE tenant_id = $1 AND corp_id = $2 AND user_id = $3`

// FindWeComPerson tells which member a person of the corp is, if they are any.
func (tx *TenantTx) FindWeComPerson(ctx context.Context, corp core.CorpID, user core.WeComUserID) (core.WeComPerson, bool, error) {
	return find(ctx, tx.tx, scanWeComPerson, findWeComPerson, tx.tenantID, corp, user)
}

const listWeComPeopleOf = `
SELECT tenant_id, corp_id, user_id, member_id, bound_at, bound_by
FROM signet.wecom_people
WHERE tenant_id = $1 AND member_id = $2
ORDER BY corp_id`

// ListWeComPeopleOf gives the people that a member is, at most one of each corp.
func (tx *TenantTx) ListWeComPeopleOf(ctx context.Context, member core.MemberID) ([]core.WeComPerson, error) {
	return all(ctx, tx.tx, scanWeComPerson, listWeComPeopleOf, tx.tenantID, member)
}

const unbindWeComPeopleOf = `
DELETE FROM signet.wecom_people
WHERE tenant_id = $1 AND member_id = $2
RETURNING tenant_id, corp_id, user_id, member_id, bound_at, bound_by`

// UnbindWeComPeopleOf takes from a member every person that they are, and gives those.
func (tx *TenantTx) UnbindWeComPeopleOf(ctx context.Context, member core.MemberID) ([]core.WeComPerson, error) {
	return all(ctx, tx.tx, scanWeComPerson, unbindWeComPeopleOf, tx.tenantID, member)
}
