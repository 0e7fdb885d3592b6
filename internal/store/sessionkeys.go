package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// SessionKey is a key pair that signs access tokens; the private half is
// sealed under the platform's scope key.
type SessionKey struct {
	ID         string
	PublicKey  []byte
	Sealed     []byte
	KeyVersion int32
	Signs      bool // it is the newest, and signs
}

func scanSessionKey(row pgx.CollectableRow) (SessionKey, error) {
	var k SessionKey
	err := row.Scan(&k.ID, &k.PublicKey, &k.Sealed, &k.KeyVersion, &k.Signs)
	return k, err
}

const listSessionKeys = `
SELECT key_id, public_key, sealed, key_version, trusted_until IS NULL
FROM signet.session_keys
WHERE trusted_until IS NULL OR trusted_until > now()
ORDER BY trusted_until DESC NULLS FIRST, created_at DESC, key_id`

// ListSessionKeys gives the keys that are trusted: the first signs, all verify.
func (tx *PlatformTx) ListSessionKeys(ctx context.Context) ([]SessionKey, error) {
	return all(ctx, tx.tx, scanSessionKey, listSessionKeys)
}

// sessionKeyLock keeps two nodes that start at once from making a key each.
const sessionKeyLock = `SELECT pg_advisory_xact_lock(hashtext('signet session key'))`

const insertSessionKey = `
INSERT INTO signet.session_keys (key_id, public_key, sealed, key_version)
VALUES ($1, $2, $3, $4)`

// EnsureSessionKey stores the given key if there is none yet, and gives all.
func (tx *PlatformTx) EnsureSessionKey(ctx context.Context, first SessionKey) ([]SessionKey, error) {
	if _, err := tx.tx.Exec(ctx, sessionKeyLock); err != nil {
		return nil, translate(err)
	}
	keys, err := tx.ListSessionKeys(ctx)
	if err != nil || len(keys) > 0 {
		return keys, err
	}
	if _, err := tx.tx.Exec(ctx, insertSessionKey, first.ID, first.PublicKey, first.Sealed, first.KeyVersion); err != nil {
		return nil, translate(err)
	}
	return tx.ListSessionKeys(ctx)
}

const putAsideSessionKeys = `
UPDATE signet.session_keys
SET trusted_until = now() + $1::interval
WHERE trusted_until IS NULL OR trusted_until > now() + $1::interval`

// TurnSessionKey stores a key that signs from the commit on. The others are trusted
// for so long yet, or not at all. LockSessionKeys comes before it.
func (tx *PlatformTx) TurnSessionKey(ctx context.Context, next SessionKey, overlap time.Duration) error {
	if _, err := tx.tx.Exec(ctx, putAsideSessionKeys, overlap); err != nil {
		return translate(err)
	}
	_, err := tx.tx.Exec(ctx, insertSessionKey, next.ID, next.PublicKey, next.Sealed, next.KeyVersion)
	return translate(err)
}

const selectSessionKeyAge = `
SELECT now() - created_at
FROM signet.session_keys
WHERE trusted_until IS NULL`

// LockSessionKeys lets one transaction at a time make a key, and tells how old the one
// is that signs; ok is false where there is none.
func (tx *PlatformTx) LockSessionKeys(ctx context.Context) (age time.Duration, ok bool, err error) {
	if _, err := tx.tx.Exec(ctx, sessionKeyLock); err != nil {
		return 0, false, translate(err)
	}
	return find(ctx, tx.tx, pgx.RowTo[time.Duration], selectSessionKeyAge)
}
