package admin

import (
	"context"
	"strconv"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/wecom"
)

// NewSecret is a secret as it was typed.
type NewSecret struct {
	Secret    core.Secret
	SkipCheck bool // store it without trying it at WeCom
}

// RotateSecret makes a new secret current, without one failed page: the tickets
// in use do not depend on the secret, and the former version is kept as
// previous. It fails as CreateApp does, and then the current secret is what it
// was.
func (a *Actions) RotateSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, n NewSecret) (core.SecretVersion, error) {
	// 1. May the actor do it, and is it a secret at all?
	if err := actor.MayIn(tenant, core.SecretsWrite); err != nil {
		return core.SecretVersion{}, err
	}
	secret, err := core.ParseAppSecret("/secret", n.Secret.Expose())
	if err != nil {
		return core.SecretVersion{}, err
	}
	target, err := a.GetApp(ctx, actor, tenant, app)
	if err != nil {
		return core.SecretVersion{}, err
	}
	// 2. Try it at WeCom, outside any transaction.
	proof, err := a.try(ctx, tenant, target, secret, n.SkipCheck)
	if err != nil {
		return core.SecretVersion{}, err
	}
	// 3. In one transaction: seal it, bound to tenant, app and version; make it
	// current and the old one previous; audit row; change row. After the commit
	// every node hears of it, drops the access token and keeps the tickets.
	var made core.SecretVersion
	entry := core.AuditEntry{Action: "secret.rotate", SubjectKind: "app", Subject: app.String(), Detail: map[string]string{"tried": proof.word()}}
	err = a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		locked, err := lockApp(ctx, tx, app)
		if err != nil {
			return err
		}
		if made, err = a.activate(ctx, tx, tenant, locked, secret, proof); err != nil {
			return err
		}
		if err := tx.TouchApp(ctx, app); err != nil {
			return err
		}
		noteVersion(entry.Detail, made)
		return tx.Announce(ctx, store.Change{Kind: store.SecretChanged, AppID: app, AppKey: locked.Key})
	})
	return made, err
}

func noteVersion(detail map[string]string, v core.SecretVersion) {
	detail["version"] = strconv.Itoa(int(v.Version))
	detail["activation"] = strconv.FormatInt(v.Activation, 10)
	detail["fingerprint"] = v.Fingerprint
}

// activate seals a secret as the app's next version and makes it current,
// together with what its trial brought. The app's row is held.
func (a *Actions) activate(ctx context.Context, tx *store.TenantTx, tenant core.TenantID, app core.App, secret core.Secret, p proof) (core.SecretVersion, error) {
	row, err := tx.NewestTenantKey(ctx)
	if fault.Has(err, fault.TenantUnknown) { // the tenant is there, so its key was taken away
		return core.SecretVersion{}, a.alertKey(ctx, tenant, app.ID, err)
	}
	if err != nil {
		return core.SecretVersion{}, err
	}
	key := wrappedOf(tenant, row)
	version, err := tx.NextSecretVersion(ctx, app.ID)
	if err != nil {
		return core.SecretVersion{}, err
	}
	sealed, err := a.Sealer.Seal(key, seal.ForAppSecret(tenant, app.ID, version), secret)
	if err != nil {
		return core.SecretVersion{}, a.alertKey(ctx, tenant, app.ID, err)
	}
	fingerprint, err := a.Sealer.Fingerprint(key, secret)
	if err != nil {
		return core.SecretVersion{}, err
	}
	next := store.NewSecret{AppID: app.ID, Version: version, Fingerprint: fingerprint, Sealed: sealed, KeyVersion: key.Version}
	if p.tried() {
		next.CheckedAt = &p.at
	}
	made, err := tx.CreateCurrentSecret(ctx, next)
	if err != nil {
		return core.SecretVersion{}, err
	}
	// What held the former secret's calls back says nothing about this one.
	if err := tx.LiftAppPauses(ctx, app.ID); err != nil {
		return core.SecretVersion{}, err
	}
	return made, a.keepProof(ctx, tx, tenant, app, version, key, p)
}

// alertKey raises the alert about a tenant key under which nothing can be sealed.
// It always fails with fault.InternalError: the cause is in the alert.
func (a *Actions) alertKey(ctx context.Context, tenant core.TenantID, app core.AppID, err error) error {
	a.Log.ErrorContext(ctx, "a tenant's key does not open; no secret can be stored under it",
		"alert", "seal_refused", "tenant_id", tenant, "app_id", app, "error", err)
	return fault.New(fault.InternalError, nil)
}

// keepProof stores the access token and the agent ticket that the trial
// brought. Without a trial the old secret's access token is forgotten, so that
// the next one comes from the new secret.
func (a *Actions) keepProof(ctx context.Context, tx *store.TenantTx, tenant core.TenantID, app core.App, version int32, key seal.WrappedKey, p proof) error {
	subject := store.TicketSubject{AppID: app.ID}
	if !p.tried() {
		if err := tx.VoidTurn(ctx, core.AccessToken, subject); err != nil {
			return err
		}
		held, found, err := tx.FindTicket(ctx, core.AccessToken, subject)
		if err != nil || !found {
			return err
		}
		return tx.DeleteTicket(ctx, core.AccessToken, subject, held.Generation)
	}
	for _, fetched := range []struct {
		kind  core.TicketKind
		grant wecom.Grant
	}{{core.AccessToken, p.token}, {core.AgentTicket, p.ticket}} {
		if err := a.keepGrant(ctx, tx, tenant, app, fetched.kind, version, key, fetched.grant); err != nil {
			return err
		}
	}
	return nil
}

// keepGrant writes a value of the trial over the one that is held. The trial
// may have brought the very value that is held, with a longer life than it has
// (design, section 7); nobody here can open that one and compare. So what lives
// keeps its end: a new value is then fetched somewhat early, and no value is
// used beyond its end.
func (a *Actions) keepGrant(ctx context.Context, tx *store.TenantTx, tenant core.TenantID, app core.App, kind core.TicketKind, version int32, key seal.WrappedKey, grant wecom.Grant) error {
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
		row.Sealed, err = a.Sealer.SealUntil(key, seal.ForAppTicket(tenant, app.ID, kind, row.Generation), grant.Value, row.ExpiresAt)
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
