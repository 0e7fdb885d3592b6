package admin

import (
	"cmp"
	"context"
	"time"

	"signet/internal/core"
	"signet/internal/failpoint"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/trial"
)

// CreateIntakeLink makes a one-time address with which somebody outside hands the
// secret of an app in. The token is given out here and nowhere else; who made the
// link never sees the secret. It fails with fault.TenantUnknown, fault.AppUnknown
// or fault.PermissionDenied.
func (a *Actions) CreateIntakeLink(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID) (core.IntakeLink, core.LinkToken, error) {
	if err := actor.MayIn(tenant, core.SecretsWrite); err != nil {
		return core.IntakeLink{}, core.LinkToken{}, err
	}
	id := core.NewLinkID()
	token := core.NewLinkToken(core.IntakePurpose, tenant, id)
	var link core.IntakeLink
	entry := core.AuditEntry{Action: "intake.create", SubjectKind: "app", Subject: app.String(), Detail: map[string]string{"link": id.String()}}
	err := a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		if _, err := lockApp(ctx, tx, app); err != nil {
			return err
		}
		var err error
		link, err = tx.CreateIntakeLink(ctx, id, app, token.Hash(), core.IntakeLife)
		noteTime(entry.Detail, "expires_at", &link.ExpiresAt)
		return err
	})
	return link, token, err
}

// ListIntakeLinks gives the links of an app, newest first, without what stands in
// their addresses.
func (a *Actions) ListIntakeLinks(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, p core.Page) (core.List[core.IntakeLink], error) {
	return read(ctx, a, actor, tenant, core.TenantRead, func(tx *store.TenantTx) (core.List[core.IntakeLink], error) {
		if _, err := tx.GetApp(ctx, app); err != nil {
			return core.List[core.IntakeLink]{}, err
		}
		return tx.ListIntakeLinks(ctx, app, p)
	})
}

// RevokeIntakeLink takes a link back. One that is revoked or expired already stays
// so; for one that was used it fails with fault.IntakeUsed, else with
// fault.IntakeUnknown.
func (a *Actions) RevokeIntakeLink(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, id core.LinkID) error {
	if err := actor.MayIn(tenant, core.SecretsWrite); err != nil {
		return err
	}
	entry := core.AuditEntry{Action: "intake.revoke", SubjectKind: "app", Subject: app.String(), Detail: map[string]string{"link": id.String()}}
	return a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		if _, err := lockApp(ctx, tx, app); err != nil {
			return err
		}
		link, err := tx.LockIntakeLink(ctx, id)
		switch {
		case err != nil:
			return err
		case link.AppID != app:
			return fault.New(fault.IntakeUnknown, nil)
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		switch err := link.RefuseEnded(core.IntakePurpose, now); {
		case fault.Has(err, fault.IntakeUsed):
			return err
		case err != nil:
			return errUnchanged
		}
		return tx.RevokeIntakeLink(ctx, id)
	})
}

// Intake is what is shown to who has a link, so that they know what for.
type Intake struct {
	Link   core.IntakeLink
	Tenant core.Tenant
	App    core.App
	ReadAt time.Time // by Postgres's clock, which links end by
}

// ReadIntake tells who has a link what it is for. It fails with
// fault.IntakeUnknown, or with the code of what has become of it.
func (a *Actions) ReadIntake(ctx context.Context, token string, requestID string) (Intake, error) {
	t, ok := core.ParseLinkToken(core.IntakePurpose, token)
	if !ok {
		return Intake{}, fault.New(fault.IntakeUnknown, nil)
	}
	var found Intake
	err := a.Store.Tenant(ctx, core.IntakeActor(t.Tenant, t.Link, requestID), t.Tenant, func(tx *store.TenantTx) error {
		var err error
		if found.Link, err = tx.FindIntakeLink(ctx, t.Link, t.Hash()); err != nil {
			return err
		}
		if found.Tenant, err = tx.GetTenant(ctx); err != nil {
			return err
		}
		if err := refuseChange(core.IntakeActor(t.Tenant, t.Link, requestID), found.Tenant); err != nil {
			return err
		}
		if found.App, err = tx.GetApp(ctx, found.Link.AppID); err != nil {
			return err
		}
		if found.ReadAt, err = tx.Now(ctx); err != nil {
			return err
		}
		return found.Link.RefuseEnded(core.IntakePurpose, found.ReadAt)
	})
	return found, err
}

// HandInSecret puts the secret that somebody hands in with a link. It is tried as
// any other and becomes current. If WeCom refuses it, the link stays open for some
// more (core.IntakeRefusals); if WeCom does not answer, it is kept and tried by itself
// until WeCom does. It fails as ReadIntake and RotateSecret do.
func (a *Actions) HandInSecret(ctx context.Context, token string, typed core.Secret, requestID string) (core.SecretVersion, error) {
	// 1. Is the link open, and is it a secret at all, and a new one?
	intake, err := a.ReadIntake(ctx, token, requestID)
	if err != nil {
		return core.SecretVersion{}, err
	}
	secret, err := core.ParseAppSecret("/secret", typed.Expose())
	if err != nil {
		return core.SecretVersion{}, err
	}
	tenant, actor := intake.Tenant.ID, core.IntakeActor(intake.Tenant.ID, intake.Link.ID, requestID)
	target, err := a.readForNew(ctx, actor, tenant, intake.App.ID, secret)
	if err != nil {
		return core.SecretVersion{}, err
	}
	// 2. Try it at WeCom, outside any transaction, if the link has tries left.
	if err := a.reserveHandIn(ctx, actor, intake); err != nil {
		return core.SecretVersion{}, err
	}
	as, when := core.SecretCurrent, (*time.Time)(nil)
	proof, err := a.Trials.Try(ctx, target.app, secret)
	problem, judged := trial.Problem(err)
	if err != nil && judged {
		return core.SecretVersion{}, cmp.Or(a.noteRefusal(ctx, actor, intake, problem), err)
	}
	defer a.giveBackHandIn(ctx, actor, intake)
	switch {
	case err == nil:
	case fault.Has(err, fault.WeComUnavailable), fault.Has(err, fault.WeComQuota):
		as, when = core.SecretPending, &intake.ReadAt
	default:
		return core.SecretVersion{}, err
	}
	// 3. In one transaction: the link is used, and the secret is in its place.
	var made core.SecretVersion
	entry := core.AuditEntry{Action: "intake.use", SubjectKind: "app", Subject: intake.App.ID.String(),
		Detail: map[string]string{"link": intake.Link.ID.String(), "made_by": intake.Link.MadeBy, "tried": triedWord(proof)}}
	err = a.putSecret(ctx, actor, tenant, entry, target, as, func(tx *store.TenantTx, locked core.App) error {
		link, err := tx.LockIntakeLink(ctx, intake.Link.ID)
		if err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		if err := link.RefuseEnded(core.IntakePurpose, now); err != nil {
			return err
		}
		if made, err = a.storeSecret(ctx, tx, locked, secret, as, when, proof); err != nil {
			return err
		}
		noteVersion(entry.Detail, made)
		err = tx.UseIntakeLink(ctx, link.ID, made.Version)
		failpoint.At(failpoint.IntakeBeforeCommit)
		if err != nil || as == core.SecretPending {
			return err
		}
		return a.takeUp(ctx, tx, locked, made.Version, proof)
	})
	if err == nil {
		failpoint.At(failpoint.IntakeCommitted)
	}
	return made, err
}

// handInAgain is how long who finds all tries of a link under way is told to wait.
const handInAgain = 30 * time.Second

// reserveHandIn takes one of the link's tries before WeCom is asked, so that however
// many hand in at once, no more are refused than a link may have. Where all are under
// way it fails with fault.RateLimitedCode.
func (a *Actions) reserveHandIn(ctx context.Context, actor core.Actor, intake Intake) error {
	return a.Store.Tenant(ctx, actor, intake.Tenant.ID, func(tx *store.TenantTx) error {
		reserved, err := tx.ReserveHandIn(ctx, intake.Link.ID, core.IntakeRefusals)
		if err == nil && !reserved {
			err = fault.New(fault.RateLimitedCode, nil).WithRetryAfter(handInAgain)
		}
		return err
	})
}

// giveBackHandIn gives a try back that WeCom has not refused. Where that cannot be
// done the link has one less.
func (a *Actions) giveBackHandIn(ctx context.Context, actor core.Actor, intake Intake) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := a.Store.Tenant(ctx, actor, intake.Tenant.ID, func(tx *store.TenantTx) error { return tx.GiveBackHandIn(ctx, intake.Link.ID) })
	if err != nil {
		a.Log.WarnContext(ctx, "a try of an intake link could not be given back; the link has one less", "tenant_id", intake.Tenant.ID, "link_id", intake.Link.ID, "error", err)
	}
}

// noteRefusal notes that WeCom refused what was handed in. After too many the link
// is taken back, since each stands against the tenant's own trials too.
func (a *Actions) noteRefusal(ctx context.Context, actor core.Actor, intake Intake, problem fault.Code) error {
	entry := core.AuditEntry{Action: "intake.refuse", SubjectKind: "app", Subject: intake.App.ID.String(),
		Detail: map[string]string{"link": intake.Link.ID.String(), "made_by": intake.Link.MadeBy, "outcome": string(problem)}}
	return a.change(ctx, actor, intake.Tenant.ID, entry, func(tx *store.TenantTx) error {
		link, err := tx.LockIntakeLink(ctx, intake.Link.ID)
		if err != nil || link.Refused < core.IntakeRefusals || link.RefuseEnded(core.IntakePurpose, intake.ReadAt) != nil {
			return err
		}
		entry.Detail["revoked"] = "true"
		return tx.RevokeIntakeLink(ctx, link.ID)
	})
}
