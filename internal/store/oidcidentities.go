package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
)

const useOIDCIdentity = `
UPDATE signet.oidc_identities
SET used_at = now()
WHERE issuer = $1 AND subject = $2 AND unbound_at IS NULL
RETURNING member_id`

// UseOIDCIdentity gives the member who is that subject at that issuer, and notes that
// they have come in from there.
func (tx *PlatformTx) UseOIDCIdentity(ctx context.Context, issuer, subject string) (member core.MemberID, found bool, err error) {
	rows, err := all(ctx, tx.tx, func(row pgx.CollectableRow) (id core.MemberID, err error) { return id, row.Scan(&id) }, useOIDCIdentity, issuer, subject)
	if err != nil || len(rows) == 0 {
		return core.MemberID{}, false, err
	}
	return rows[0], true, nil
}

const bindOIDCIdentity = `
INSERT INTO signet.oidc_identities (issuer, subject, member_id)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING`

// BindOIDCIdentity notes who a member is at an issuer. It tells false where the member
// is another subject there, or the subject another member.
func (tx *PlatformTx) BindOIDCIdentity(ctx context.Context, issuer, subject string, member core.MemberID) (bool, error) {
	tag, err := tx.tx.Exec(ctx, bindOIDCIdentity, issuer, subject, member)
	return tag.RowsAffected() == 1, translate(err)
}

const unbindOIDCIdentities = `
UPDATE signet.oidc_identities
SET unbound_at = now()
WHERE member_id = $1 AND unbound_at IS NULL`

// UnbindOIDCIdentities forgets who a member is at any issuer, and tells how many there
// were.
func (tx *PlatformTx) UnbindOIDCIdentities(ctx context.Context, member core.MemberID) (int64, error) {
	tag, err := tx.tx.Exec(ctx, unbindOIDCIdentities, member)
	return tag.RowsAffected(), translate(err)
}
