package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

const insertRefreshToken = `
INSERT INTO signet.refresh_tokens (token_hash, session_id, expires_at)
VALUES ($1, $2, $3)`

// CreateRefreshToken adds a refresh token, given as its SHA-256, to a session.
func (tx *PlatformTx) CreateRefreshToken(ctx context.Context, hash [32]byte, session core.SessionID, expires time.Time) error {
	_, err := tx.tx.Exec(ctx, insertRefreshToken, hash[:], session, expires)
	return translate(err)
}

// RefreshToken is what is known of a refresh token.
type RefreshToken struct {
	SessionID core.SessionID
	ExpiresAt time.Time // of the session
	Used      bool
	JustUsed  bool // used within the last ten seconds, by the database's clock
	Ended     bool // the token or its session has ended
}

const lockRefreshToken = `
SELECT t.session_id, s.expires_at, t.used_at IS NOT NULL,
       coalesce(t.used_at > now() - interval '10 seconds', false),
       s.ended_at IS NOT NULL OR s.expires_at <= now() OR t.expires_at <= now()
FROM signet.refresh_tokens t
JOIN signet.sessions s ON s.session_id = t.session_id
WHERE t.token_hash = $1
FOR UPDATE OF t`

// LockRefreshToken gives what is known of a token and holds its row until the
// transaction ends, or fails with fault.SessionRequired.
func (tx *PlatformTx) LockRefreshToken(ctx context.Context, hash [32]byte) (RefreshToken, error) {
	return one(ctx, tx.tx, fault.SessionRequired, func(row pgx.CollectableRow) (RefreshToken, error) {
		var t RefreshToken
		err := row.Scan(&t.SessionID, &t.ExpiresAt, &t.Used, &t.JustUsed, &t.Ended)
		return t, err
	}, lockRefreshToken, hash[:])
}

const useRefreshToken = `
UPDATE signet.refresh_tokens
SET used_at = now()
WHERE token_hash = $1`

// UseRefreshToken marks a token as used.
func (tx *PlatformTx) UseRefreshToken(ctx context.Context, hash [32]byte) error {
	_, err := tx.tx.Exec(ctx, useRefreshToken, hash[:])
	return translate(err)
}
