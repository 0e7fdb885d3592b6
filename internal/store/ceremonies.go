package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// Ceremony is a step on the way in that waits for the next one.
type Ceremony struct {
	TokenHash [32]byte
	Kind      string
	MemberID  core.MemberID  // zero: not known yet
	SessionID core.SessionID // zero: there is none yet
	Data      []byte         // JSON, of its kind's own form
	Tries     int32          // of the next step, the present one counted
}

const insertCeremony = `
INSERT INTO signet.ceremonies (token_hash, kind, member_id, session_id, data, expires_at)
VALUES ($1, $2, nullif($3, '00000000-0000-0000-0000-000000000000'::uuid), nullif($4, '00000000-0000-0000-0000-000000000000'::uuid), $5, now() + $6::interval)`

// CreateCeremony keeps a ceremony for so long.
func (tx *PlatformTx) CreateCeremony(ctx context.Context, c Ceremony, length time.Duration) error {
	_, err := tx.tx.Exec(ctx, insertCeremony, c.TokenHash[:], c.Kind, c.MemberID, c.SessionID, c.Data, length)
	return translate(err)
}

const takeCeremony = `
UPDATE signet.ceremonies
SET tries = tries + 1
WHERE token_hash = $1 AND kind = $2 AND used_at IS NULL AND expires_at > now() AND tries < $3
RETURNING token_hash, kind, coalesce(member_id, '00000000-0000-0000-0000-000000000000'), coalesce(session_id, '00000000-0000-0000-0000-000000000000'), data, tries`

// TakeCeremony counts a try at a ceremony that is open and has one left, gives it and
// holds its row until the transaction ends. It fails with fault.CeremonyOver.
func (tx *PlatformTx) TakeCeremony(ctx context.Context, tokenHash [32]byte, kind string, most int32) (Ceremony, error) {
	return one(ctx, tx.tx, fault.CeremonyOver, func(row pgx.CollectableRow) (Ceremony, error) {
		var c Ceremony
		var hash []byte
		err := row.Scan(&hash, &c.Kind, &c.MemberID, &c.SessionID, &c.Data, &c.Tries)
		copy(c.TokenHash[:], hash)
		return c, err
	}, takeCeremony, tokenHash[:], kind, most)
}

const useCeremony = `
UPDATE signet.ceremonies
SET used_at = now()
WHERE token_hash = $1 AND used_at IS NULL`

// UseCeremony ends a ceremony. It fails with fault.CeremonyOver where it has ended.
func (tx *PlatformTx) UseCeremony(ctx context.Context, tokenHash [32]byte) error {
	tag, err := tx.tx.Exec(ctx, useCeremony, tokenHash[:])
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.CeremonyOver, nil)
	}
	return translate(err)
}
