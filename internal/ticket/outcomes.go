package ticket

import (
	"context"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// noteSecretOutcome writes down what gettoken said of a secret where that is
// news: the console shows it, and a dead one is not tried again by any node.
func (c *Cache) noteSecretOutcome(ctx context.Context, e errand, sealed store.SealedSecret, err error) {
	problem, speaks := problemOf(err)
	if !speaks || sealed.Checked && sealed.Problem == string(problem) {
		return
	}
	c.note(ctx, e, sealed.Version, problem, err)
}

// noteTicketOutcome does so for a ticket call. Trusted IPs are checked there
// and not by gettoken (protocol notes 8, 10), so it is there that a refused
// address shows, and that it shows no more. It says nothing of a dead secret,
// whose last token may live.
func (c *Cache) noteTicketOutcome(ctx context.Context, e errand, version int32, err error) {
	problem, speaks := problemOf(err)
	if !speaks || problem == fault.SecretRejected || e.alone {
		return
	}
	app := e.app
	var current store.SealedSecret
	readErr := c.Store.Tenant(ctx, actor, app.TenantID, func(tx *store.TenantTx) error {
		var err error
		current, err = tx.GetCurrentSecret(ctx, app.AppID)
		return err
	})
	if version != 0 && version != current.Version {
		return // of a former secret's token
	}
	if readErr != nil || current.Problem == string(problem) || current.Problem == string(fault.SecretRejected) {
		return
	}
	c.note(ctx, e, current.Version, problem, err)
}

// problemOf gives what a secret's row is to say: a code, or "" for a secret
// that was accepted. speaks is false where WeCom did not judge it.
func problemOf(err error) (problem fault.Code, speaks bool) {
	if err == nil {
		return "", true
	}
	switch code := fault.Find(err).Code; code {
	case fault.SecretRejected, fault.IPRefused:
		return code, true
	default:
		return "", false
	}
}

// notePatience is how long the note of a refusal may take, also when those who
// waited for the call have gone.
const notePatience = 3 * time.Second

func (c *Cache) note(ctx context.Context, e errand, version int32, problem fault.Code, cause error) {
	app := e.app
	facts := []any{"tenant_id", app.TenantID, "app_id", app.AppID, "version", version}
	switch problem {
	case fault.SecretRejected:
		c.spares.Delete(keyOf(app, core.AccessToken))
		c.Log.WarnContext(ctx, "WeCom rejects an app's secret", append(facts, "alert", "secret_rejected")...)
	case fault.IPRefused:
		c.Log.WarnContext(ctx, "WeCom refuses our address for an app", append(facts, "alert", "ip_refused", "ip", fault.Find(cause).Args["ip"])...)
	default: // accepted
	}
	var err error
	if !e.alone {
		err = c.writeOutcome(ctx, app, version, problem)
	}
	if err != nil {
		c.Log.ErrorContext(ctx, "what WeCom said of a secret could not be noted", append(facts, "problem", problem, "error", err)...)
	}
	if problem == fault.SecretRejected && (e.alone || err != nil) {
		c.dead.Store(keyOf(app, core.AccessToken), version)
	}
}

func (c *Cache) writeOutcome(ctx context.Context, app App, version int32, problem fault.Code) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notePatience)
	defer cancel()
	return c.Store.Tenant(ctx, actor, app.TenantID, func(tx *store.TenantTx) error {
		return tx.UpdateSecretOutcome(ctx, app.AppID, version, problem)
	})
}

// diedUnnoted tells whether WeCom has rejected the version while its row could not
// be told. It is told now, if it can be.
func (c *Cache) diedUnnoted(ctx context.Context, e errand, version int32) bool {
	k := keyOf(e.app, core.AccessToken)
	if dead, known := c.dead.Load(k); !known || dead != version {
		return false
	}
	if !e.alone && c.writeOutcome(ctx, e.app, version, fault.SecretRejected) == nil {
		c.dead.Delete(k)
	}
	return true
}
