package admin

import (
	"context"
	"strconv"
	"time"

	"signet/internal/core"
	"signet/internal/failpoint"
	"signet/internal/store"
)

// NewSecret is a secret as it was typed.
type NewSecret struct {
	Secret    core.Secret
	SkipCheck bool // store it without trying it at WeCom
}

// RotateSecret makes a new secret current, without one failed page: the tickets
// in use do not depend on the secret, and the former version is kept as
// previous. It fails as CreateApp does, with fault.SecretUnchanged for a secret
// that is there already, and with fault.SecretConflict where somebody else was
// faster, also with one that is to wait; then the current secret is what it was, or
// theirs.
func (a *Actions) RotateSecret(ctx context.Context, actor core.Actor, tenant core.TenantID, app core.AppID, n NewSecret) (core.SecretVersion, error) {
	// 1. May the actor do it, and is it a secret at all, and a new one?
	if err := actor.MayIn(tenant, core.SecretsWrite); err != nil {
		return core.SecretVersion{}, err
	}
	secret, err := core.ParseAppSecret("/secret", n.Secret.Expose())
	if err != nil {
		return core.SecretVersion{}, err
	}
	target, err := a.readForNew(ctx, actor, tenant, app, secret)
	if err != nil {
		return core.SecretVersion{}, err
	}
	// 2. Try it at WeCom, outside any transaction.
	proof, err := a.try(ctx, target.app, secret, n.SkipCheck)
	if err != nil {
		return core.SecretVersion{}, err
	}
	failpoint.At(failpoint.PutTried)
	// 3. In one transaction: seal it, bound to tenant, app and version; make it
	// current and the old one previous; audit row; change row. After the commit
	// every node hears of it, drops the access token and keeps the tickets.
	var made core.SecretVersion
	entry := core.AuditEntry{Action: "secret.rotate", SubjectKind: "app", Subject: app.String(), Detail: map[string]string{"tried": triedWord(proof)}}
	err = a.putSecret(ctx, actor, tenant, entry, target, core.SecretCurrent, func(tx *store.TenantTx, locked core.App) error {
		if made, err = a.storeSecret(ctx, tx, locked, secret, core.SecretCurrent, nil, proof); err != nil {
			return err
		}
		noteVersion(entry.Detail, made)
		err := a.takeUp(ctx, tx, locked, made.Version, proof)
		failpoint.At(failpoint.PutBeforeCommit)
		return err
	})
	if err == nil {
		failpoint.At(failpoint.PutCommitted)
	}
	return made, err
}

// noteVersion writes which version it is into the audit's detail. The number of an
// activation stands there so that an older row put back is noticed.
func noteVersion(detail map[string]string, v core.SecretVersion) {
	detail["version"] = versionText(v.Version)
	detail["fingerprint"] = v.Fingerprint
	if v.State == core.SecretCurrent {
		detail["activation"] = strconv.FormatInt(v.Activation, 10)
	}
}

func noteTime(detail map[string]string, member string, at *time.Time) {
	if at != nil {
		detail[member] = at.UTC().Format(time.RFC3339)
	}
}

func versionText(version int32) string { return strconv.Itoa(int(version)) }
