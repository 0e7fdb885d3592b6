package ticket

import (
	"context"
	"strconv"

	"signet/internal/core"
	"signet/internal/failpoint"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/sealed"
	"signet/internal/store"
)

// fallBack leaves a secret that WeCom refuses, although it has just become current,
// for the one before it (core.SecretLife.FallBack says when). It tells whether the
// former one is current again. Nobody may be there to do it, so it is done as the
// system, with an alert and a row in the audit. WeCom kills the old secret at the
// reset, so this seldom helps; then the next refusal is the last.
func (c *Cache) fallBack(ctx context.Context, e errand, refused store.SealedSecret, cause error) bool {
	if e.alone || !refused.Fresh || !fault.Has(cause, fault.SecretRejected) {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notePatience)
	defer cancel()
	facts := []any{"tenant_id", e.app.TenantID, "app_id", e.app.AppID, "version", refused.Version}
	fellTo := int32(0)
	err := c.Store.Tenant(ctx, actor, e.app.TenantID, func(tx *store.TenantTx) error {
		var err error
		fellTo, err = c.stepBack(ctx, tx, e.app, refused.Version, fault.Find(cause).Errcode)
		failpoint.At(failpoint.FallBackBeforeCommit)
		return err
	})
	if err != nil {
		c.Log.ErrorContext(ctx, "a refused secret could not be left for the one before it; it is tried again with the next page", append(facts, "error", err)...)
		return false
	}
	if fellTo == 0 {
		return false
	}
	failpoint.At(failpoint.FallBackCommitted)
	c.Gate.Resume(e.app.TenantID, e.app.AppID) // what held the refused one back says nothing about this one
	c.Log.ErrorContext(ctx, "WeCom refuses an app's new secret; the one before it is current again",
		append(facts, "alert", "secret_fell_back", "fell_back_to", fellTo)...)
	return true
}

// stepBack makes the previous version current, if that may be; it gives its number,
// 0 where everything stays.
func (c *Cache) stepBack(ctx context.Context, tx *store.TenantTx, of App, refused int32, errcode int) (int32, error) {
	id := of.AppID
	app, err := tx.LockApp(ctx, id)
	if err != nil {
		return 0, err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return 0, err
	}
	life, err := tx.SecretLife(ctx, id, 0)
	if err != nil {
		return 0, err
	}
	steps, ok := life.FallBack(refused, now)
	if !ok {
		return 0, nil
	}
	previous, _ := life.In(core.SecretPrevious)
	lies, err := tx.GetSealedSecret(ctx, id, previous.Version)
	if err != nil {
		return 0, err
	}
	if lies.PutBack {
		c.Alerts.PutBack(ctx, sealed.Row{Tenant: of.TenantID, Place: seal.ForAppSecret(of.TenantID, id, lies.Version), Sealed: lies.Sealed}, id)
		return 0, nil
	}
	if err := tx.MoveSecrets(ctx, id, steps, true); err != nil {
		return 0, err
	}
	if err := tx.LiftAppPauses(ctx, id); err != nil {
		return 0, err
	}
	if err := tx.TouchApp(ctx, id); err != nil {
		return 0, err
	}
	if err := tx.Announce(ctx, store.Change{Kind: store.SecretChanged, AppID: id, AppKey: app.Key}); err != nil {
		return 0, err
	}
	if life, err = tx.SecretLife(ctx, id, 0); err != nil {
		return 0, err
	}
	current, _ := life.In(core.SecretCurrent)
	return current.Version, tx.Audit(ctx, core.AuditEntry{Action: "secret.fall_back", SubjectKind: "app", Subject: id.String(), Detail: map[string]string{
		"refused":     strconv.Itoa(int(refused)),
		"errcode":     strconv.Itoa(errcode),
		"version":     strconv.Itoa(int(current.Version)),
		"activation":  strconv.FormatInt(current.Activation, 10),
		"fingerprint": current.Fingerprint,
	}})
}
