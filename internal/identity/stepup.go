package identity

import (
	"context"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// BeginStepUp tells with what the actor can prove once more who they are. Where
// nothing is named, signing in anew is the way.
func (i *Identity) BeginStepUp(ctx context.Context, actor core.Actor) (w Waiting, withPassword bool, err error) {
	if actor.Kind != core.ActorMember {
		return w, false, fault.New(fault.PermissionDenied, nil)
	}
	var m store.MemberRow
	var factors []store.FactorRow
	err = i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		if m, _, err = tx.FindMember(ctx, actor.MemberID); err != nil {
			return err
		}
		factors, err = tx.ListFactors(ctx, actor.MemberID)
		return err
	})
	if err != nil {
		return w, false, err
	}
	factors = counting(factors)
	var c ceremony
	options, err := i.askPasskey(ctx, m.Member, factors, &c)
	if err != nil {
		return w, false, err
	}
	w, err = i.wait(ctx, ofStepUp, actor.MemberID, actor.SessionID, c)
	w.Factors, w.Passkey = kindsOf(factors), options
	return w, len(factors) == 0 && !m.PasswordHash.IsZero(), err
}

// StepUp notes in the actor's session that they have proved just now who they are,
// and tells until when that counts. Who has a second factor proves it with that; who
// has none, with the password. It fails with fault.SessionRefused,
// fault.SecondFactorRefused, fault.PasskeyRefused, fault.CeremonyOver and
// fault.RateLimitedCode.
func (i *Identity) StepUp(ctx context.Context, actor core.Actor, v Visit, token core.Secret, password core.Secret, a Answer) (until time.Time, err error) {
	if actor.Kind != core.ActorMember {
		return until, fault.New(fault.PermissionDenied, nil)
	}
	c, held, m, err := i.takeCeremony(ctx, ofStepUp, token)
	switch {
	case err != nil:
		return until, err
	case held.MemberID != actor.MemberID, held.SessionID != actor.SessionID:
		return until, fault.New(fault.CeremonyOver, nil)
	}
	var right shown
	if password.IsZero() {
		right, err = i.checkAnswer(ctx, m.Member, c, a)
	} else {
		right, err = i.checkOwnPassword(ctx, v, m.Member, password)
	}
	if err != nil {
		return until, i.refuseAnswer(ctx, m.Member, err, v.RequestID)
	}
	err = i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		if err := tx.UseCeremony(ctx, held.TokenHash); err != nil {
			return err
		}
		if right.use != nil {
			if err := right.use(ctx, tx); err != nil {
				return err
			}
		}
		at, err := tx.ProveSession(ctx, actor.SessionID, right.use != nil)
		if err != nil {
			return err
		}
		until = at.Add(core.ProofLife)
		return tx.Audit(ctx, core.AuditEntry{Action: "session.step_up", SubjectKind: "session", Subject: actor.SessionID.String(),
			Detail: map[string]string{"with": right.name}})
	})
	return until, i.refuseAnswer(ctx, m.Member, err, v.RequestID)
}

// checkOwnPassword looks whether a member who has no second factor gives their
// password. Tries count as those of signing in do.
func (i *Identity) checkOwnPassword(ctx context.Context, v Visit, m core.Member, password core.Secret) (shown, error) {
	p, err := i.prove(ctx, v, m.Email, m.Email, password)
	if err != nil || p.right {
		i.undoTry(ctx, p.taken)
	}
	switch {
	case err != nil:
		return shown{}, err
	case !p.right:
		return shown{}, i.refuse(ctx, m, m.Email, v.RequestID)
	case len(counting(p.factors)) > 0:
		return shown{}, fault.New(fault.SecondFactorRefused, nil)
	}
	return shown{name: "password"}, nil
}
