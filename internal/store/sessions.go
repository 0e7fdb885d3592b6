package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// NewSession is what a session begins with.
type NewSession struct {
	ID           core.SessionID
	MemberID     core.MemberID
	ExpiresAt    time.Time
	BegunWith    core.SignInWay
	SecondFactor bool
	Client       string        // the network from which it was begun
	Agent        string        // what the browser calls itself
	OnlyTenant   core.TenantID // where it holds in one tenant alone, else zero
}

const insertSession = `
INSERT INTO signet.sessions (session_id, member_id, expires_at, begun_with, second_factor, client, agent, only_tenant)
VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, '00000000-0000-0000-0000-000000000000'::uuid))`

// CreateSession begins a session. Its member has proved just now who they are.
func (tx *PlatformTx) CreateSession(ctx context.Context, s NewSession) error {
	_, err := tx.tx.Exec(ctx, insertSession, s.ID, s.MemberID, s.ExpiresAt, s.BegunWith, s.SecondFactor, s.Client, s.Agent, s.OnlyTenant)
	return translate(err)
}

// LiveSession is a session that has not ended, with its member.
type LiveSession struct {
	MemberRow
	BegunWith    core.SignInWay
	SecondFactor bool
	ProvedAt     time.Time // when the member showed last who they are
	Proved       bool      // no longer ago than core.ProofLife, by the database's clock
	OnlyTenant   core.TenantID
}

const selectLiveSession = `
SELECT m.member_id, m.email, m.password_hash, m.platform_role,
       s.begun_with, s.second_factor, s.proved_at, s.proved_at > now() - $2::interval,
       coalesce(s.only_tenant, '00000000-0000-0000-0000-000000000000')
FROM signet.sessions s
JOIN signet.members m ON m.member_id = s.member_id
WHERE s.session_id = $1 AND s.ended_at IS NULL AND s.expires_at > now()`

// GetSession gives a session that has not ended, or fault.SessionRequired.
func (tx *PlatformTx) GetSession(ctx context.Context, session core.SessionID) (LiveSession, error) {
	return one(ctx, tx.tx, fault.SessionRequired, func(row pgx.CollectableRow) (LiveSession, error) {
		var s LiveSession
		var hash *string
		var role *core.Role
		err := row.Scan(&s.ID, &s.Email, &hash, &role, &s.BegunWith, &s.SecondFactor, &s.ProvedAt, &s.Proved, &s.OnlyTenant)
		if hash != nil {
			s.PasswordHash = core.NewSecret(*hash)
		}
		if role != nil {
			s.Platform = *role
		}
		return s, err
	}, selectLiveSession, session, core.ProofLife)
}

const proveSession = `
UPDATE signet.sessions
SET proved_at = now(), second_factor = second_factor OR $2
WHERE session_id = $1 AND ended_at IS NULL
RETURNING proved_at`

// ProveSession notes that the member of a session has shown just now who they are,
// with a second factor or without, and gives when that was. It fails with
// fault.SessionRequired where the session has ended.
func (tx *PlatformTx) ProveSession(ctx context.Context, session core.SessionID, secondFactor bool) (time.Time, error) {
	return one(ctx, tx.tx, fault.SessionRequired, pgx.RowTo[time.Time], proveSession, session, secondFactor)
}

const refreshedSession = `
UPDATE signet.sessions
SET refreshed_at = now(), client = $2, agent = $3
WHERE session_id = $1`

// NoteRefresh writes when a session was refreshed last, and from where.
func (tx *PlatformTx) NoteRefresh(ctx context.Context, session core.SessionID, client, agent string) error {
	_, err := tx.tx.Exec(ctx, refreshedSession, session, client, agent)
	return translate(err)
}

const listSessions = `
SELECT session_id, begun_with, second_factor, client, agent, created_at, refreshed_at, least(expires_at, refreshed_at + $2::interval)
FROM signet.sessions
WHERE member_id = $1 AND ended_at IS NULL AND expires_at > now() AND refreshed_at > now() - $2::interval
ORDER BY refreshed_at DESC, session_id
LIMIT 100`

// ListSessions gives the sessions of a member that have not ended, the one that was
// refreshed last first, at most a hundred. idle is how long one lives unrefreshed.
func (tx *PlatformTx) ListSessions(ctx context.Context, member core.MemberID, idle time.Duration) ([]core.Session, error) {
	return all(ctx, tx.tx, func(row pgx.CollectableRow) (core.Session, error) {
		var s core.Session
		err := row.Scan(&s.ID, &s.BegunWith, &s.SecondFactor, &s.Client, &s.Agent, &s.CreatedAt, &s.RefreshedAt, &s.EndsAt)
		return s, err
	}, listSessions, member, idle)
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

const endSessionOf = `
UPDATE signet.sessions
SET ended_at = now()
WHERE member_id = $1 AND session_id = $2 AND ended_at IS NULL AND expires_at > now()`

// EndSessionOf ends one session of a member, and tells whether there was one.
func (tx *PlatformTx) EndSessionOf(ctx context.Context, member core.MemberID, session core.SessionID) (bool, error) {
	tag, err := tx.tx.Exec(ctx, endSessionOf, member, session)
	return tag.RowsAffected() == 1, translate(err)
}

const endSessionsOf = `
UPDATE signet.sessions
SET ended_at = now()
WHERE member_id = $1 AND session_id <> $2 AND ended_at IS NULL AND expires_at > now()`

// EndSessionsOf ends every session of a member but the one to keep (zero: none), and
// gives how many they were.
func (tx *PlatformTx) EndSessionsOf(ctx context.Context, member core.MemberID, keep core.SessionID) (int64, error) {
	tag, err := tx.tx.Exec(ctx, endSessionsOf, member, keep)
	return tag.RowsAffected(), translate(err)
}

const endTenantSessionsOf = `
UPDATE signet.sessions
SET ended_at = now()
WHERE member_id = $1 AND only_tenant = $2 AND ended_at IS NULL AND expires_at > now()`

// EndTenantSessionsOf ends the sessions of a member that hold in one tenant alone, and
// gives how many they were.
func (tx *PlatformTx) EndTenantSessionsOf(ctx context.Context, member core.MemberID, tenant core.TenantID) (int64, error) {
	tag, err := tx.tx.Exec(ctx, endTenantSessionsOf, member, tenant)
	return tag.RowsAffected(), translate(err)
}

const endEverySession = `
UPDATE signet.sessions
SET ended_at = now()
WHERE ended_at IS NULL AND expires_at > now()`

// EndEverySession ends the sessions of everybody, and gives how many they were.
func (tx *PlatformTx) EndEverySession(ctx context.Context) (int64, error) {
	tag, err := tx.tx.Exec(ctx, endEverySession)
	return tag.RowsAffected(), translate(err)
}
