package admin

import (
	"context"
	"time"

	"signet/internal/core"
	"signet/internal/failpoint"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/trial"
)

// TrySecret asks WeCom about a version that is stored, and notes what it says. What
// the trial of a pending version fetched is used if it becomes current soon; what
// that of the current one fetched is used at once. It fails with
// fault.SecretRefused and the mend, with fault.SecretState for a version that is
// over, with fault.SecretDamaged, or with what RotateSecret fails with when WeCom
// did not judge.
func (a *Actions) TrySecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32) (core.SecretVersion, error) {
	// 1. May the actor, and is there anything to try?
	target, err := a.readVersion(ctx, actor, tenant, app, version)
	if err != nil {
		return core.SecretVersion{}, err
	}
	if err := triable(target.life, version); err != nil {
		return core.SecretVersion{}, err
	}
	// 2. Ask WeCom, outside any transaction.
	proof, refusal := a.Trials.TryStored(ctx, target.app, target.stored)
	problem, judged := trial.Problem(refusal)
	if !judged {
		return core.SecretVersion{}, refusal
	}
	// 3. Note what it said.
	tried, err := a.noteTrial(ctx, actor, target, version, problem, refusal, func(tx *store.TenantTx, state core.SecretState) error {
		switch state {
		case core.SecretCurrent:
			return a.takeUp(ctx, tx, target.app, version, proof)
		case core.SecretPending:
			grants, err := a.sealGrants(ctx, tx, target.app, version, proof)
			if err != nil {
				return err
			}
			return tx.PutTrialGrants(ctx, app, version, grants)
		case core.SecretPrevious, core.SecretRetired, core.SecretDestroyed:
		}
		return nil
	})
	if err != nil {
		return core.SecretVersion{}, err
	}
	return tried, refusal
}

// triable refuses a version that no move can make current any more.
func triable(life core.SecretLife, version int32) error {
	_, err := life.Activate(version)
	return err
}

// ActivateSecret makes a pending version current, or steps back to the previous
// one. It is tried at WeCom first, unless a trial of the last ten minutes has
// accepted it or the check is skipped. It fails as TrySecret does, and with
// fault.SecretConflict where another version became current meanwhile; then nothing
// has changed but what is noted of the version.
func (a *Actions) ActivateSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32, skipCheck bool) (core.SecretVersion, error) {
	return a.activateSecret(ctx, actor, tenant, app, version, skipCheck, nil)
}

// activateSecret is ActivateSecret; where due is given, for as long as that is the time
// that the version is to become current at, and else with fault.SecretConflict.
func (a *Actions) activateSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32, skipCheck bool, due *time.Time) (core.SecretVersion, error) {
	// 1. May the actor, and can the version become current?
	target, err := a.readVersion(ctx, actor, tenant, app, version)
	if err != nil {
		return core.SecretVersion{}, err
	}
	steps, err := target.life.Activate(version)
	if err != nil || len(steps) == 0 {
		v, _ := target.life.Find(version)
		return v, err
	}
	// 2. Try it at WeCom, outside any transaction.
	proof, err := a.prove(ctx, actor, target, version, skipCheck)
	if err != nil {
		return core.SecretVersion{}, err
	}
	failpoint.At(failpoint.ActivateTried)
	// 3. In one transaction: move the versions; audit row; change row.
	v, _ := target.life.Find(version)
	action := "secret.activate"
	if v.State == core.SecretPrevious {
		action = "secret.roll_back"
	}
	entry := core.AuditEntry{Action: action, SubjectKind: "app", Subject: app.String(), Detail: map[string]string{"tried": triedWord(proof)}}
	err = a.changeSecret(ctx, actor, tenant, entry, target, func(tx *store.TenantTx, locked core.App, life core.SecretLife) error {
		if now, _ := life.Find(version); due != nil && !sameTime(now.ActivateAt, due) {
			return fault.New(fault.SecretConflict, fault.Args{"version": versionText(version)})
		}
		if v, err = a.activate(ctx, tx, locked, version, proof, entry.Detail); err != nil {
			return err
		}
		err := a.takeUp(ctx, tx, locked, version, proof)
		failpoint.At(failpoint.ActivateBeforeCommit)
		return err
	})
	if fault.Has(err, fault.SecretConflict) {
		if is, readErr := a.readVersion(ctx, actor, tenant, app, version); readErr == nil {
			if now, _ := is.life.Find(version); now.State == core.SecretCurrent {
				return now, nil // somebody else has done just that
			}
		}
	}
	if err == nil {
		failpoint.At(failpoint.ActivateCommitted)
	}
	return v, err
}

// activate moves the versions as they are now, and notes them in the audit's detail;
// the app's row is held.
func (a *Actions) activate(ctx context.Context, tx *store.TenantTx, app core.App, version int32, proof trial.Proof, detail map[string]string) (core.SecretVersion, error) {
	life, err := tx.SecretLife(ctx, app.ID, version)
	if err != nil {
		return core.SecretVersion{}, err
	}
	steps, err := life.Activate(version)
	if err != nil {
		return core.SecretVersion{}, err
	}
	if err := tx.MoveSecrets(ctx, app.ID, steps, false); err != nil {
		return core.SecretVersion{}, err
	}
	if proof.Tried() {
		if err := tx.UpdateSecretOutcome(ctx, app.ID, version, ""); err != nil {
			return core.SecretVersion{}, err
		}
	}
	if life, err = tx.SecretLife(ctx, app.ID, version); err != nil {
		return core.SecretVersion{}, err
	}
	v, err := life.Find(version)
	noteSteps(detail, steps)
	noteVersion(detail, v)
	return v, err
}

// prove gives what WeCom said when it accepted the version: lately, or now. What it
// says against it is noted.
func (a *Actions) prove(ctx context.Context, actor core.Actor, t target, version int32, skip bool) (trial.Proof, error) {
	if skip {
		return trial.Proof{}, nil
	}
	if proof, ok := a.Trials.Reopen(ctx, t.app, version, t.grants); ok {
		return proof, nil
	}
	proof, refusal := a.Trials.TryStored(ctx, t.app, t.stored)
	problem, judged := trial.Problem(refusal)
	if refusal == nil || !judged {
		return proof, refusal
	}
	if _, err := a.noteTrial(ctx, actor, t, version, problem, refusal, nil); err != nil {
		return trial.Proof{}, err
	}
	return trial.Proof{}, refusal
}

// noteTrial runs the transaction that notes what WeCom said of a version, and gives
// the version as it is then. What becomes of one that was accepted is for accepted,
// which gets its state.
func (a *Actions) noteTrial(ctx context.Context, actor core.Actor, t target, version int32, problem fault.Code, refusal error, accepted func(*store.TenantTx, core.SecretState) error) (core.SecretVersion, error) {
	return a.moveSecret(ctx, actor, t.app.TenantID, t.app.ID, version, "secret.try", func(tx *store.TenantTx, life core.SecretLife, detail map[string]string) error {
		v, err := life.Find(version)
		if err != nil {
			return err
		}
		noteOutcome(detail, problem, refusal)
		if err := tx.UpdateSecretOutcome(ctx, t.app.ID, version, problem); err != nil {
			return err
		}
		if refusal != nil { // what an earlier trial fetched proves nothing any more
			return tx.PutTrialGrants(ctx, t.app.ID, version, nil)
		}
		return accepted(tx, v.State)
	})
}

// noteOutcome writes what WeCom said into the audit's detail.
func noteOutcome(detail map[string]string, problem fault.Code, refusal error) {
	if problem == "" {
		detail["outcome"] = "accepted"
		return
	}
	detail["outcome"] = string(problem)
	if reason := fault.Find(refusal).Reason; reason != "" {
		detail["reason"] = string(reason)
	}
}
