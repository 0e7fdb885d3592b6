package admin

import (
	"context"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/sealed"
	"signet/internal/store"
	"signet/internal/trial"
)

// trialHolds is how long a trial is as good as one made now: what it fetched is
// used, and the version is not tried again.
const trialHolds = 10 * time.Minute

// target is the app that an action on its secret is about, as it was read before
// WeCom was asked.
type target struct {
	app    core.App
	life   core.SecretLife
	stored trial.Stored  // the version that is named, if one is
	grants []trial.Grant // what a trial of it has fetched
}

// readForNew reads an app that is to get a new secret. It fails with
// fault.SecretUnchanged where the secret is one that it has.
func (a *Actions) readForNew(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, secret core.Secret) (target, error) {
	return read(ctx, a, actor, tenant, core.SecretsWrite, func(tx *store.TenantTx) (target, error) {
		t, err := readTarget(ctx, tx, actor, app)
		if err != nil {
			return t, err
		}
		// Fingerprints and the keys that made them lie in two rows. Where the tenant's
		// key is turned in between, both are read again.
		for range 2 {
			if t.life, err = tx.SecretLife(ctx, app, 0); err != nil {
				return t, err
			}
			var missed bool
			if missed, err = a.refuseSame(ctx, tx, t, secret); err != nil || !missed {
				return t, err
			}
		}
		return t, nil // sealing will tell of a key that is not there
	})
}

// readTarget reads an app of a tenant of which the actor may change something.
func readTarget(ctx context.Context, tx *store.TenantTx, actor core.Actor, app core.AppID) (t target, err error) {
	tenant, err := tx.GetTenant(ctx)
	if err != nil {
		return t, err
	}
	if err := refuseChange(actor, tenant); err != nil {
		return t, err
	}
	t.app, err = tx.GetApp(ctx, app)
	return t, err
}

// refuseSame compares a secret with those that are not over, by fingerprint: no
// value is opened. A fingerprint is made with the version of the tenant's key that
// sealed the value; missed tells that one was not there.
func (a *Actions) refuseSame(ctx context.Context, tx *store.TenantTx, t target, secret core.Secret) (missed bool, err error) {
	prints := map[int32]string{}
	for _, v := range t.life {
		mine, known := prints[v.KeyVersion]
		if !known {
			key, err := tx.GetTenantKey(ctx, v.KeyVersion)
			switch {
			case fault.Has(err, fault.TenantUnknown):
				missed = true
			case err != nil:
				return false, err
			default:
				mine, _ = a.Sealer.Fingerprint(sealed.Key(t.app.TenantID, key), secret) // "" for a key that does not open: sealing will tell of it
			}
			prints[v.KeyVersion] = mine
		}
		if mine != "" && mine == v.Fingerprint {
			return false, fault.New(fault.SecretUnchanged, fault.Args{"version": versionText(v.Version), "state": string(v.State)})
		}
	}
	return missed, nil
}

// readVersion reads an app with one version of its secret, whatever state that is
// in, and what is needed to try it. A version whose row was put back is logged as the
// alert secret_put_back, and fails with fault.SecretDamaged.
func (a *Actions) readVersion(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32) (target, error) {
	return read(ctx, a, actor, tenant, core.SecretsWrite, func(tx *store.TenantTx) (target, error) {
		t, err := readTarget(ctx, tx, actor, app)
		if err != nil {
			return t, err
		}
		if t.life, err = tx.SecretLife(ctx, app, version); err != nil {
			return t, err
		}
		// A value and its key lie in two rows; see readForNew.
		for range 2 {
			t.stored, t.grants, err = readStored(ctx, tx, app, version)
			switch {
			case t.stored.Secret.PutBack:
				a.Alerts.PutBack(ctx, t.stored.Row(t.app), app)
				return t, fault.New(fault.SecretDamaged, fault.Args{"version": versionText(version)})
			case !fault.Has(err, fault.TenantUnknown):
				return t, err
			}
		}
		return t, a.alertKey(ctx, t.app, seal.WrappedKey{}, err)
	})
}

// readStored reads a version with what a trial of it has fetched, and the keys that
// open them. It fails with fault.SecretUnknown, or with fault.TenantUnknown where a
// key is not there.
func readStored(ctx context.Context, tx *store.TenantTx, app core.AppID, version int32) (s trial.Stored, grants []trial.Grant, err error) {
	if s.Secret, err = tx.GetSealedSecret(ctx, app, version); err != nil || len(s.Secret.Sealed) == 0 {
		return s, nil, err
	}
	if s.Key, err = tx.GetTenantKey(ctx, s.Secret.KeyVersion); err != nil {
		return s, nil, err
	}
	rows, err := tx.ListTrialGrants(ctx, app, version, trialHolds)
	for _, row := range rows {
		key, err := tx.GetTenantKey(ctx, row.KeyVersion)
		if err != nil {
			return s, nil, err
		}
		grants = append(grants, trial.Grant{Row: row, Key: key})
	}
	return s, grants, err
}

// withSecretHeld does what every move of an app's secret has round it: the app's row is
// held, the work gets its versions and the one named (0: none), and nodes are told.
func withSecretHeld(ctx context.Context, tx *store.TenantTx, app core.AppID, named int32, work func(core.App, core.SecretLife) error) error {
	locked, err := lockApp(ctx, tx, app)
	if err != nil {
		return err
	}
	life, err := tx.SecretLife(ctx, app, named)
	if err != nil {
		return err
	}
	if err := work(locked, life); err != nil {
		return err
	}
	if err := tx.TouchApp(ctx, app); err != nil {
		return err
	}
	return tx.Announce(ctx, store.Change{Kind: store.SecretChanged, AppID: app, AppKey: locked.Key})
}

// changeSecret runs the transaction of one move: the secret is still the one that
// was read. It fails with fault.SecretConflict where another version has become
// current meanwhile.
func (a *Actions) changeSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, entry core.AuditEntry, t target, work func(*store.TenantTx, core.App, core.SecretLife) error) error {
	return a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		return withSecretHeld(ctx, tx, t.app.ID, 0, func(locked core.App, life core.SecretLife) error {
			before, _ := t.life.In(core.SecretCurrent)
			now, _ := life.In(core.SecretCurrent)
			if before.Version != now.Version || before.Activation != now.Activation {
				return fault.New(fault.SecretConflict, fault.Args{"version": versionText(now.Version)})
			}
			return work(tx, locked, life)
		})
	})
}

// putSecret is changeSecret for a new version, which retires a pending one. Where that
// is another than the one that was read, somebody has just put it, and it fails with
// fault.SecretConflict too. What the new one takes the place of is noted in the entry.
func (a *Actions) putSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, entry core.AuditEntry, t target, as core.SecretState, work func(*store.TenantTx, core.App) error) error {
	return a.changeSecret(ctx, actor, tenant, entry, t, func(tx *store.TenantTx, locked core.App, life core.SecretLife) error {
		before, _ := t.life.In(core.SecretPending)
		if now, waits := life.In(core.SecretPending); waits && now.Version != before.Version {
			return fault.New(fault.SecretConflict, fault.Args{"version": versionText(now.Version)})
		}
		noteSteps(entry.Detail, life.Put(as))
		return work(tx, locked)
	})
}

// noteSteps writes into the audit's detail which versions move on because another
// takes their place.
func noteSteps(detail map[string]string, steps []core.SecretStep) {
	for _, step := range steps {
		switch step.To {
		case core.SecretPrevious, core.SecretRetired:
			if detail[string(step.To)] != "" {
				detail[string(step.To)] += " "
			}
			detail[string(step.To)] += versionText(step.Version)
		case core.SecretPending, core.SecretCurrent, core.SecretDestroyed:
		}
	}
}

// try asks WeCom about a secret that was just typed.
func (a *Actions) try(ctx context.Context, app core.App, secret core.Secret, skip bool) (trial.Proof, error) {
	if skip {
		return trial.Proof{}, nil
	}
	return a.Trials.Try(ctx, app, secret)
}

func triedWord(p trial.Proof) string {
	if p.Tried() {
		return "accepted"
	}
	return "skipped"
}

// KeptSecret is a secret that is to wait.
type KeptSecret struct {
	Secret     core.Secret
	ActivateAt *time.Time // when it is to become current; nil: when somebody says so
}

// KeepSecret stores a secret as pending, untried, and retires the pending one that
// was there. The current one stays in use. It fails as RotateSecret does, but
// WeCom is not asked.
func (a *Actions) KeepSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, k KeptSecret) (core.SecretVersion, error) {
	if err := actor.MayIn(tenant, core.SecretsWrite); err != nil {
		return core.SecretVersion{}, err
	}
	var wrong fields
	secret, err := core.ParseAppSecret("/secret", k.Secret.Expose())
	secret = check(&wrong, secret, err)
	at, err := parseActivateAt(k.ActivateAt)
	at = check(&wrong, at, err)
	if err := wrong.err(); err != nil {
		return core.SecretVersion{}, err
	}
	target, err := a.readForNew(ctx, actor, tenant, app, secret)
	if err != nil {
		return core.SecretVersion{}, err
	}
	var made core.SecretVersion
	entry := core.AuditEntry{Action: "secret.keep", SubjectKind: "app", Subject: app.String(), Detail: map[string]string{}}
	err = a.putSecret(ctx, actor, tenant, entry, target, core.SecretPending, func(tx *store.TenantTx, locked core.App) error {
		if made, err = a.storeSecret(ctx, tx, locked, secret, core.SecretPending, at, trial.Proof{}); err != nil {
			return err
		}
		noteVersion(entry.Detail, made)
		noteTime(entry.Detail, "activate_at", made.ActivateAt)
		return nil
	})
	return made, err
}

// A time for a secret lies within a year; one that is just over means now.
const (
	activateLate  = time.Minute
	activateAhead = 366 * 24 * time.Hour
)

func parseActivateAt(at *time.Time) (*time.Time, error) {
	if at == nil {
		return nil, nil
	}
	if until := time.Until(*at); until < -activateLate || until > activateAhead {
		return nil, fault.InvalidField("/activateAt", fault.ReasonActivateAt, nil)
	}
	return at, nil
}

// ScheduleSecret gives a pending version the time at which it becomes current, or
// takes it away (nil). It fails with fault.SecretUnknown, with fault.SecretState
// for a version that is not pending, or with fault.RequestInvalid (/activateAt).
func (a *Actions) ScheduleSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32, at *time.Time) (core.SecretVersion, error) {
	if err := actor.MayIn(tenant, core.SecretsWrite); err != nil {
		return core.SecretVersion{}, err
	}
	at, err := parseActivateAt(at)
	if err != nil {
		return core.SecretVersion{}, err
	}
	return a.schedule(ctx, actor, tenant, app, version, at, nil)
}

// schedule writes the time; where another is given, in its place alone.
func (a *Actions) schedule(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32, at, inPlaceOf *time.Time) (core.SecretVersion, error) {
	return a.moveSecret(ctx, actor, tenant, app, version, "secret.schedule", func(tx *store.TenantTx, life core.SecretLife, detail map[string]string) error {
		v, err := life.Find(version)
		switch {
		case err != nil:
			return err
		case v.State != core.SecretPending:
			return fault.New(fault.SecretState, fault.Args{"version": versionText(version), "state": string(v.State)}).WithReason(fault.ReasonSecretScheduled)
		case sameTime(v.ActivateAt, at), inPlaceOf != nil && !sameTime(v.ActivateAt, inPlaceOf):
			return errUnchanged
		}
		noteTime(detail, "activate_at", at)
		return tx.ScheduleSecret(ctx, app, version, at)
	})
}

func sameTime(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

// RetireSecret puts a pending or previous version aside for good. Its value stays,
// sealed, until it is destroyed. It fails with fault.SecretUnknown, or with
// fault.SecretState for the current one.
func (a *Actions) RetireSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32) (core.SecretVersion, error) {
	return a.stepSecret(ctx, actor, tenant, app, version, "secret.retire", core.SecretLife.Retire)
}

// DestroySecret takes the value of a retired version away; its history stays. It
// fails with fault.SecretUnknown, or with fault.SecretState for one that is not
// retired.
func (a *Actions) DestroySecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32) (core.SecretVersion, error) {
	return a.stepSecret(ctx, actor, tenant, app, version, "secret.destroy", core.SecretLife.Destroy)
}

func (a *Actions) stepSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32, action string, move func(core.SecretLife, int32) ([]core.SecretStep, error)) (core.SecretVersion, error) {
	if err := actor.MayIn(tenant, core.SecretsWrite); err != nil {
		return core.SecretVersion{}, err
	}
	return a.moveSecret(ctx, actor, tenant, app, version, action, func(tx *store.TenantTx, life core.SecretLife, detail map[string]string) error {
		steps, err := move(life, version)
		if err != nil {
			return err
		}
		if len(steps) == 0 {
			return errUnchanged
		}
		v, _ := life.Find(version)
		detail["fingerprint"] = v.Fingerprint
		return tx.MoveSecrets(ctx, app, steps, false)
	})
}

// moveSecret runs the transaction of a move that asks WeCom nothing, and gives the
// version as it is then.
func (a *Actions) moveSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, version int32, action string, work func(*store.TenantTx, core.SecretLife, map[string]string) error) (core.SecretVersion, error) {
	var moved core.SecretVersion
	entry := core.AuditEntry{Action: action, SubjectKind: "app", Subject: app.String(), Detail: map[string]string{"version": versionText(version)}}
	err := a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		return withSecretHeld(ctx, tx, app, version, func(_ core.App, life core.SecretLife) error {
			moved, _ = life.Find(version)
			if err := work(tx, life, entry.Detail); err != nil {
				return err
			}
			life, err := tx.SecretLife(ctx, app, version)
			moved, _ = life.Find(version)
			return err
		})
	})
	return moved, err
}

// sealGrants locks what a trial has fetched, until the version becomes current.
func (a *Actions) sealGrants(ctx context.Context, tx *store.TenantTx, app core.App, version int32, p trial.Proof) ([]store.TrialGrant, error) {
	key, err := a.sealingKey(ctx, tx, app)
	if err != nil {
		return nil, err
	}
	rows := []store.TrialGrant{{Kind: core.AccessToken, FetchedAt: p.Token.ReceivedAt}, {Kind: core.AgentTicket, FetchedAt: p.Ticket.ReceivedAt}}
	for i, grant := range []struct {
		value core.Secret
		ends  time.Time
	}{{p.Token.Value, p.Token.Ends()}, {p.Ticket.Value, p.Ticket.Ends()}} {
		rows[i].KeyVersion = key.Version
		rows[i].Sealed, err = a.Sealer.SealUntil(key, seal.ForTrialGrant(app.TenantID, app.ID, version, rows[i].Kind, rows[i].FetchedAt), grant.value, grant.ends)
		if err != nil {
			return nil, a.alertKey(ctx, app, key, err)
		}
	}
	return rows, nil
}

// ListSecrets gives what may be known of the versions of an app's secret,
// newest first. The values are in no answer.
func (a *Actions) ListSecrets(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, p core.Page) (core.List[core.SecretVersion], error) {
	return read(ctx, a, actor, tenant, core.TenantRead, func(tx *store.TenantTx) (core.List[core.SecretVersion], error) {
		if _, err := tx.GetApp(ctx, app); err != nil {
			return core.List[core.SecretVersion]{}, err
		}
		return tx.ListSecretVersions(ctx, app, p)
	})
}

// ListDueSecrets gives the current secrets of all tenants that are too old by their
// tenant's policy within some time, or already, those first that are due first. It is
// for operators of the platform.
func (a *Actions) ListDueSecrets(ctx context.Context, actor core.Actor, within time.Duration, p core.Page) (core.List[core.DueSecret], error) {
	var list core.List[core.DueSecret]
	if err := actor.May(core.SecretsDue); err != nil {
		return list, err
	}
	err := a.Store.System(ctx, func(tx *store.SystemTx) (err error) {
		list, err = tx.ListSecretsByAge(ctx, time.Now().Add(within), p)
		return err
	})
	return list, err
}
