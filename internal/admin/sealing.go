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
	"signet/internal/wecom"
)

// storeSecret seals a secret as the app's next version, current, or pending with
// the time at which it becomes so (nil: when somebody says). The app's row is held.
func (a *Actions) storeSecret(ctx context.Context, tx *store.TenantTx, app core.App, secret core.Secret, as core.SecretState, activateAt *time.Time, proof trial.Proof) (core.SecretVersion, error) {
	key, err := a.sealingKey(ctx, tx, app)
	if err != nil {
		return core.SecretVersion{}, err
	}
	version, err := tx.NextSecretVersion(ctx, app.ID)
	if err != nil {
		return core.SecretVersion{}, err
	}
	text, err := a.Sealer.Seal(key, seal.ForAppSecret(app.TenantID, app.ID, version), secret)
	if err != nil {
		return core.SecretVersion{}, a.alertKey(ctx, app, key, err)
	}
	a.Alerts.KeyOpened(key)
	fingerprint, err := a.Sealer.Fingerprint(key, secret)
	if err != nil {
		return core.SecretVersion{}, err
	}
	next := store.NewSecret{AppID: app.ID, Version: version, State: as, Fingerprint: fingerprint, Sealed: text, KeyVersion: key.Version, ActivateAt: activateAt}
	if proof.Tried() {
		next.CheckedAt = &proof.At
	}
	return tx.CreateSecret(ctx, next)
}

// sealingKey gives the version of the tenant's key that seals.
func (a *Actions) sealingKey(ctx context.Context, tx *store.TenantTx, app core.App) (seal.WrappedKey, error) {
	row, err := tx.NewestTenantKey(ctx)
	if fault.Has(err, fault.TenantUnknown) { // the tenant is there, so its key was taken away
		return seal.WrappedKey{}, a.alertKey(ctx, app, seal.WrappedKey{}, err)
	}
	return sealed.Key(app.TenantID, row), err
}

// alertKey raises the alert about a tenant key under which nothing can be sealed, or
// that is not there (the zero key). It always fails with fault.InternalError: the
// cause is in the alert.
func (a *Actions) alertKey(ctx context.Context, app core.App, key seal.WrappedKey, err error) error {
	a.Alerts.KeyRefused(ctx, app.TenantID, key, err)
	return fault.New(fault.InternalError, nil)
}

// takeUp puts a version that has just become current to use: what its trial brought
// is stored, and nodes are told. The app's row is held.
func (a *Actions) takeUp(ctx context.Context, tx *store.TenantTx, app core.App, version int32, proof trial.Proof) error {
	// What held the former secret's calls back says nothing about this one.
	if err := tx.LiftAppPauses(ctx, app.ID); err != nil {
		return err
	}
	return a.keepProof(ctx, tx, app, version, proof)
}

// keepProof stores the access token and the agent ticket that the trial
// brought. Without a trial the old secret's access token is forgotten, so that
// the next one comes from the new secret.
func (a *Actions) keepProof(ctx context.Context, tx *store.TenantTx, app core.App, version int32, p trial.Proof) error {
	subject := store.TicketSubject{AppID: app.ID}
	if !p.Tried() {
		return forgetToken(ctx, tx, subject)
	}
	key, err := a.sealingKey(ctx, tx, app)
	if err != nil {
		return err
	}
	for _, fetched := range []struct {
		kind  core.TicketKind
		grant wecom.Grant
	}{{core.AccessToken, p.Token}, {core.AgentTicket, p.Ticket}} {
		if err := a.keepGrant(ctx, tx, app, fetched.kind, version, key, fetched.grant); err != nil {
			return err
		}
	}
	return nil
}

func forgetToken(ctx context.Context, tx *store.TenantTx, subject store.TicketSubject) error {
	if err := tx.VoidTurn(ctx, core.AccessToken, subject); err != nil {
		return err
	}
	held, found, err := tx.FindTicket(ctx, core.AccessToken, subject)
	if err != nil || !found {
		return err
	}
	return tx.DeleteTicket(ctx, core.AccessToken, subject, held.Generation)
}

// keepGrant writes a value of the trial over the one that is held. The trial
// may have brought the very value that is held, with a longer life than it has
// (design, section 7); nobody here can open that one and compare. So what lives
// keeps its end: a new value is then fetched somewhat early, and no value is
// used beyond its end.
func (a *Actions) keepGrant(ctx context.Context, tx *store.TenantTx, app core.App, kind core.TicketKind, version int32, key seal.WrappedKey, grant wecom.Grant) error {
	subject := store.TicketSubject{AppID: app.ID}
	// What a node is fetching just now, it fetches with the former secret.
	if err := tx.VoidTurn(ctx, kind, subject); err != nil {
		return err
	}
	for range keepTries {
		held, found, err := tx.FindTicket(ctx, kind, subject)
		if err != nil {
			return err
		}
		row := store.TicketRow{
			Generation: held.Generation + 1, KeyVersion: key.Version,
			FetchedBy: app.ID, SecretVersion: version,
			FetchedAt: grant.ReceivedAt, ExpiresAt: grant.Ends(),
		}
		if found && grant.ReceivedAt.Before(held.ExpiresAt) && held.ExpiresAt.Before(row.ExpiresAt) {
			row.ExpiresAt = held.ExpiresAt
		}
		row.Sealed, err = a.Sealer.SealUntil(key, seal.ForAppTicket(app.TenantID, app.ID, kind, row.Generation), grant.Value, row.ExpiresAt)
		if err != nil {
			return err
		}
		written, err := tx.PutTicket(ctx, kind, subject, row)
		if err != nil || written {
			return err
		}
	}
	return nil // what refreshers write meanwhile is used, and mended if WeCom disowns it
}

// keepTries is how often a value of the trial is written again when a refresher
// has just been faster with one of the former secret's.
const keepTries = 3
