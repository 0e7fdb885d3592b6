package identity

import (
	"context"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// Refresh gives a new access token and a new refresh token for one that was not
// used before.
//
// A refresh token that comes back after its use was copied from one side or the
// other, and nobody can tell which side asks now: the whole session ends, with
// an audit row (RFC 9700, section 4.14.2). Not so within ten seconds of the use:
// two tabs that wake at the same instant send the same cookie. The second gets
// nothing but a refusal then, and has the new cookie on its next try. A thief
// gains nothing by the ten seconds: they never give a token, and whichever side
// lost the race comes back with the used one later and ends the session.
//
// It fails with fault.SessionRequired for everything that is wrong with the
// token or its session, and with fault.StoreUnavailable.
func (i *Identity) Refresh(ctx context.Context, v Visit, refresh core.Secret) (Session, error) {
	hash, ok := hashRefreshToken(refresh)
	if !ok {
		return Session{}, fault.New(fault.SessionRequired, nil)
	}
	i.keyring.renew(ctx, keysLookAgain) // before a connection is held
	var s Session
	err := i.store.Platform(ctx, system(v.RequestID), func(tx *store.PlatformTx) error {
		held, m, err := holdRefreshToken(ctx, tx, hash)
		switch {
		case err != nil:
			return err
		case held.JustUsed:
			return fault.New(fault.SessionRequired, nil)
		case held.Used:
			return endSession(ctx, tx, held.SessionID, map[string]string{"reason": "refresh_reused", "email": m.Email})
		case held.Ended:
			return fault.New(fault.SessionRequired, nil)
		}
		s, err = i.rotate(ctx, tx, v, hash, held, m)
		return err
	})
	if err != nil {
		return Session{}, err
	}
	if s.Refresh.IsZero() { // the session has ended, and the audit says why
		return Session{}, fault.New(fault.SessionRequired, nil)
	}
	return s, nil
}

// rotate uses the token and puts the next in its place.
func (i *Identity) rotate(ctx context.Context, tx *store.PlatformTx, v Visit, hash [32]byte, held store.RefreshToken, m store.LiveSession) (Session, error) {
	// Read before the token is used: a client that gets an error here can try
	// again with what it has.
	grants, err := i.grantsOf(ctx, m.Member, m.SecondFactor, m.OnlyTenant)
	if err != nil {
		return Session{}, err
	}
	s, next, err := i.session(m.Member, grants, held.SessionID, held.ExpiresAt)
	if err != nil {
		return Session{}, err
	}
	if err := tx.UseRefreshToken(ctx, hash); err != nil {
		return Session{}, err
	}
	if err := tx.NoteRefresh(ctx, held.SessionID, v.Client.String(), v.agent()); err != nil {
		return Session{}, err
	}
	return s, tx.CreateRefreshToken(ctx, next, held.SessionID, s.RefreshUntil)
}

// SignOut ends the session that a refresh token belongs to, used or not, with an
// audit row. Where there is none, or it has ended, there is nothing to do and
// that is no error. It fails with fault.StoreUnavailable.
func (i *Identity) SignOut(ctx context.Context, refresh core.Secret, requestID string) error {
	hash, ok := hashRefreshToken(refresh)
	if !ok {
		return nil
	}
	var m store.LiveSession
	err := i.store.Platform(ctx, system(requestID), func(tx *store.PlatformTx) (err error) {
		_, m, err = holdRefreshToken(ctx, tx, hash)
		return err
	})
	if err == nil {
		// Once more, now that it is known whom the audit row will name.
		err = i.store.Platform(ctx, actorOf(m.Member, core.Grants{}, requestID), func(tx *store.PlatformTx) error {
			held, _, err := holdRefreshToken(ctx, tx, hash)
			if err != nil {
				return err
			}
			return endSession(ctx, tx, held.SessionID, map[string]string{"reason": "sign_out"})
		})
	}
	if fault.Has(err, fault.SessionRequired) {
		return nil
	}
	return err
}

// holdRefreshToken locks a token and gives the member of its session, or fails
// with fault.SessionRequired where the session is no more.
func holdRefreshToken(ctx context.Context, tx *store.PlatformTx, hash [32]byte) (store.RefreshToken, store.LiveSession, error) {
	held, err := tx.LockRefreshToken(ctx, hash)
	if err != nil {
		return held, store.LiveSession{}, err
	}
	m, err := tx.GetSession(ctx, held.SessionID)
	return held, m, err
}

func endSession(ctx context.Context, tx *store.PlatformTx, id core.SessionID, detail map[string]string) error {
	if err := tx.EndSession(ctx, id); err != nil {
		return err
	}
	return tx.Audit(ctx, core.AuditEntry{
		Action: "session.end", SubjectKind: "session", Subject: id.String(), Detail: detail,
	})
}

// session draws the two tokens of a session. hash is how the refresh token will
// be known.
func (i *Identity) session(m core.Member, grants core.Grants, id core.SessionID, ends time.Time) (s Session, hash [32]byte, err error) {
	s = Session{Member: m, Grants: grants, RefreshUntil: i.clock().Add(idleLife)}
	if ends.Before(s.RefreshUntil) {
		s.RefreshUntil = ends
	}
	if s.AccessToken, s.ExpiresIn, err = i.keyring.now().mint(m.ID, id, ends); err != nil {
		return Session{}, hash, err
	}
	s.Refresh, hash = newRefreshToken()
	return s, hash, nil
}
