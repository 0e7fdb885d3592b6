package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// MemberRow is a member with what proves them.
type MemberRow struct {
	core.Member
	PasswordHash core.Secret
}

func scanMember(row pgx.CollectableRow) (MemberRow, error) {
	var m MemberRow
	var hash string
	var role *core.Role
	err := row.Scan(&m.ID, &m.Email, &hash, &role)
	m.PasswordHash = core.NewSecret(hash)
	if role != nil {
		m.Platform = *role
	}
	return m, err
}

const insertMember = `
INSERT INTO signet.members (member_id, email, password_hash, platform_role)
VALUES ($1, $2, $3, nullif($4, ''))`

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

const listMemberships = `
SELECT tenant_id, role
FROM signet.memberships
WHERE member_id = $1`

// ListMemberships gives the tenants that a member belongs to, with the role.
func (tx *SystemTx) ListMemberships(ctx context.Context, member core.MemberID) (map[core.TenantID]core.Role, error) {
	type row struct {
		TenantID core.TenantID
		Role     core.Role
	}
	rows, err := all(ctx, tx.tx, func(r pgx.CollectableRow) (row, error) {
		var m row
		err := r.Scan(&m.TenantID, &m.Role)
		return m, err
	}, listMemberships, member)
	roles := make(map[core.TenantID]core.Role, len(rows))
	for _, r := range rows {
		roles[r.TenantID] = r.Role
	}
	return roles, err
}

const insertMembership = `
INSERT INTO signet.memberships (tenant_id, member_id, role)
VALUES ($1, $2, $3)`

// CreateMembership gives a member a role in the tenant.
func (tx *TenantTx) CreateMembership(ctx context.Context, member core.MemberID, role core.Role) error {
	_, err := tx.tx.Exec(ctx, insertMembership, tx.tenantID, member, role)
	return translate(err)
}

const insertSession = `
INSERT INTO signet.sessions (session_id, member_id, expires_at)
VALUES ($1, $2, $3)`

// CreateSession begins a session of a member.
func (tx *PlatformTx) CreateSession(ctx context.Context, session core.SessionID, member core.MemberID, expires time.Time) error {
	_, err := tx.tx.Exec(ctx, insertSession, session, member, expires)
	return translate(err)
}

const selectLiveSession = `
SELECT m.member_id, m.email, m.password_hash, m.platform_role
FROM signet.sessions s
JOIN signet.members m ON m.member_id = s.member_id
WHERE s.session_id = $1 AND s.ended_at IS NULL AND s.expires_at > now()`

// GetSessionMember gives the member of a session that has not ended, or
// fault.SessionRequired.
func (tx *PlatformTx) GetSessionMember(ctx context.Context, session core.SessionID) (MemberRow, error) {
	return one(ctx, tx.tx, fault.SessionRequired, scanMember, selectLiveSession, session)
}

const endSession = `
UPDATE signet.sessions
SET ended_at = now()
WHERE session_id = $1 AND ended_at IS NULL`

// EndSession ends a session; ending it twice is no error.
func (tx *PlatformTx) EndSession(ctx context.Context, session core.SessionID) error {
	_, err := tx.tx.Exec(ctx, endSession, session)
	return translate(err)
}

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

// SessionKey is a key pair that signs access tokens; the private half is
// sealed under the platform's scope key.
type SessionKey struct {
	ID         string
	PublicKey  []byte
	Sealed     []byte
	KeyVersion int32
}

func scanSessionKey(row pgx.CollectableRow) (SessionKey, error) {
	var k SessionKey
	err := row.Scan(&k.ID, &k.PublicKey, &k.Sealed, &k.KeyVersion)
	return k, err
}

const listSessionKeys = `
SELECT key_id, public_key, sealed, key_version
FROM signet.session_keys
ORDER BY created_at DESC, key_id`

// ListSessionKeys gives the keys, the newest first: it signs, all verify.
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
