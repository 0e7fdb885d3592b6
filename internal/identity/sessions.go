package identity

import (
	"context"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// ListSessions gives the browsers in which the actor is signed in.
func (i *Identity) ListSessions(ctx context.Context, actor core.Actor) ([]core.Session, error) {
	if err := requireOwnAccount(actor); err != nil {
		return nil, err
	}
	var list []core.Session
	err := i.store.Platform(ctx, actor, func(tx *store.PlatformTx) (err error) {
		list, err = tx.ListSessions(ctx, actor.MemberID, idleLife)
		return err
	})
	return list, err
}

// EndOwnSession ends a session of the actor, on all nodes at once. It fails with
// fault.SessionUnknown, also for another's.
func (i *Identity) EndOwnSession(ctx context.Context, actor core.Actor, session core.SessionID) error {
	if err := requireOwnAccount(actor); err != nil {
		return err
	}
	return i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		ended, err := tx.EndSessionOf(ctx, actor.MemberID, session)
		if err != nil {
			return err
		}
		if !ended {
			return fault.New(fault.SessionUnknown, nil)
		}
		return tx.Audit(ctx, core.AuditEntry{Action: "session.end", SubjectKind: "session", Subject: session.String(),
			Detail: map[string]string{"reason": "ended_by_member"}})
	})
}

// EndOtherSessions ends every session of the actor but the one by which they act, and
// gives how many they were.
func (i *Identity) EndOtherSessions(ctx context.Context, actor core.Actor) (int64, error) {
	if err := requireOwnAccount(actor); err != nil {
		return 0, err
	}
	var ended int64
	err := i.store.Platform(ctx, actor, func(tx *store.PlatformTx) (err error) {
		ended, err = endSessions(ctx, tx, actor.MemberID, actor.SessionID, "ended_by_member")
		return err
	})
	return ended, err
}

// EndSessionsOf ends every session of a member. It fails with fault.MemberUnknown,
// fault.PermissionDenied and fault.StepUpRequired.
func (i *Identity) EndSessionsOf(ctx context.Context, actor core.Actor, member core.MemberID) (int64, error) {
	if err := actor.May(core.OperatorsWrite); err != nil {
		return 0, err
	}
	var ended int64
	err := i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		_, found, err := tx.FindMember(ctx, member)
		if err != nil {
			return err
		}
		if !found {
			return fault.New(fault.MemberUnknown, nil)
		}
		ended, err = endSessions(ctx, tx, member, core.SessionID{}, "ended_by_operator")
		return err
	})
	return ended, err
}

// endSessions ends the sessions of a member but one, and writes it where there were
// any.
func endSessions(ctx context.Context, tx *store.PlatformTx, member core.MemberID, keep core.SessionID, reason string) (int64, error) {
	ended, err := tx.EndSessionsOf(ctx, member, keep)
	if err != nil || ended == 0 {
		return ended, err
	}
	return ended, tx.Audit(ctx, core.AuditEntry{Action: "session.end_all", SubjectKind: "member", Subject: member.String(),
		Detail: map[string]string{"reason": reason}})
}

// ChangePassword gives the actor another password, and ends all their sessions but
// this one. It fails with fault.SessionRefused where the present one is wrong, with
// fault.RequestInvalid (/newPassword), fault.StepUpRequired and fault.RateLimitedCode.
func (i *Identity) ChangePassword(ctx context.Context, actor core.Actor, v Visit, present, next core.Secret) error {
	if err := requireProof(actor); err != nil {
		return err
	}
	chosen, err := checkNewPassword(i.breached, "/newPassword", next, actor.Name)
	if err != nil {
		return err
	}
	p, err := i.prove(ctx, v, actor.Name, actor.Name, present)
	if err != nil || p.right {
		i.undoTry(ctx, p.taken)
	}
	switch {
	case err != nil:
		return err
	case !p.right:
		return i.refuse(ctx, p.member.Member, actor.Name, v.RequestID)
	}
	hash, err := i.passwords.hash(ctx, v.Client, chosen)
	if err != nil {
		return err
	}
	err = i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		if err := tx.UpdatePasswordHash(ctx, actor.MemberID, p.member.PasswordHash, hash); err != nil {
			return err
		}
		if _, err := tx.EndSessionsOf(ctx, actor.MemberID, actor.SessionID); err != nil {
			return err
		}
		return tx.Audit(ctx, core.AuditEntry{Action: "password.change", SubjectKind: "member", Subject: actor.MemberID.String()})
	})
	if err == nil {
		i.notify(core.PasswordNotice, actor.Name, v)
	}
	return err
}
