package ticket

import (
	"context"
	"errors"

	"github.com/puzpuzpuz/xsync/v4"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/sealed"
	"signet/internal/store"
)

// spare is the current secret of an app with the key that opens it, both as they
// lie in their rows. It is kept so that a node which loses Postgres can still
// fetch; what keeps it from being used in Postgres (it was rotated, the app is
// gone) takes it from memory as well, by the change feed.
type spare struct {
	secret store.SealedSecret
	key    store.WrappedKey
	asOf   int64 // Cache.forgotten before it was read
}

// findSecret reads both from their rows.
func (c *Cache) findSecret(ctx context.Context, tx *store.TenantTx, app core.AppID) (s spare, err error) {
	s.asOf = c.forgotten.Load()
	s.secret, s.key, err = secretWithKey(ctx, tx, app)
	return s, err
}

// noteSpare keeps a secret that WeCom has accepted and not refused since. Where
// something was forgotten since it was read, it may be a former one by now, and the
// next reading decides.
func (c *Cache) noteSpare(app App, s spare) {
	c.spares.Compute(keyOf(app, core.AccessToken), func(held spare, _ bool) (spare, xsync.ComputeOp) {
		switch {
		case !s.secret.Checked || s.secret.Problem != "" || s.secret.PutBack:
			return held, xsync.DeleteOp
		case c.forgotten.Load() != s.asOf:
			return held, xsync.CancelOp
		}
		return s, xsync.UpdateOp
	})
}

// keepSpare sees to it that the secret of an app whose tickets were read from
// their rows is at hand as well. That there is none to be had is no trouble now.
func (c *Cache) keepSpare(ctx context.Context, tx *store.TenantTx, app App) error {
	if _, known := c.spares.Load(keyOf(app, core.AccessToken)); known {
		return nil
	}
	s, err := c.findSecret(ctx, tx, app.AppID)
	switch {
	case err == nil:
		c.noteSpare(app, s)
		return nil
	case fault.Has(err, fault.AppNotReady), fault.Has(err, fault.TenantUnknown):
		return nil
	}
	return err
}

// errPutBack says that a row is genuine and yet not the current secret: its
// activation is not the one that the app or the audit told last.
var errPutBack = errors.New("an older row of the secret was put back")

// openSecret opens the current secret of an app. It fails with
// fault.AppNotReady where there is none, one that does not open, or an older one
// put back: a new one is the remedy for all.
func (c *Cache) openSecret(ctx context.Context, e errand) (secret core.Secret, s spare, err error) {
	app := e.app
	s, known := c.spares.Load(keyOf(app, core.AccessToken))
	if !e.alone || !known {
		err = c.Store.Tenant(ctx, actor, app.TenantID, func(tx *store.TenantTx) error {
			s, err = c.findSecret(ctx, tx, app.AppID)
			return err
		})
	}
	lies := sealed.Row{Tenant: app.TenantID, Place: seal.ForAppSecret(app.TenantID, app.AppID, s.secret.Version), Sealed: s.secret.Sealed, Key: sealed.Key(app.TenantID, s.key)}
	if err == nil && s.secret.PutBack {
		err = errPutBack
	}
	if err == nil {
		c.noteSpare(app, s)
		secret, err = c.Opener.Open(lies.Key, lies.Place, lies.Sealed)
	}
	switch {
	case err == nil:
		c.Alerts.Opened(lies.Place, lies.Key)
		return secret, s, nil
	case fault.Has(err, fault.StoreUnavailable):
		return secret, s, err
	case fault.Has(err, fault.AppNotReady):
	case errors.Is(err, errPutBack):
		c.spares.Delete(keyOf(app, core.AccessToken))
		c.Alerts.PutBack(ctx, lies, app.AppID)
	default:
		c.Alerts.Refused(ctx, lies, err, "a sealed app secret does not open", "app_id", app.AppID, "version", s.secret.Version)
	}
	return secret, s, fault.Wrap(err, fault.AppNotReady, nil).WithRetryAfter(deadSecretWait)
}
