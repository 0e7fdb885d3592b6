package ticket

import (
	"context"
	"errors"
	"time"

	"github.com/puzpuzpuz/xsync/v4"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/upstream"
	"signet/internal/wecom"
)

// refresher is what it takes to load a value that is not in memory.
type refresher struct{ Config }

// actor is who the rows name.
var actor = core.System("ticket")

// forcedEvery is how often at most a value of one key is thrown away before its
// end because WeCom disowned it.
const forcedEvery = time.Minute

// load gets a value from its row, or from WeCom and then into its row.
//
//  1. Read the row. If what it holds may still be used, that is it.
//  2. Wait for the end of a value that WeCom would only repeat.
//  3. Fetch from WeCom, with nothing of Postgres held.
//  4. Write the row. If somebody else has written it meanwhile, use theirs.
func (c *Cache) load(ctx context.Context, app App, k key) (*entry, error) {
	held, err := c.readRow(ctx, k)
	if err != nil {
		return nil, err
	}
	if held != nil && c.Now().Before(held.useUntil) {
		return held, nil
	}
	if err := c.awaitEnd(ctx, held); err != nil {
		return nil, err
	}
	grant, by, err := c.fetch(ctx, app, k.kind)
	if err != nil {
		return nil, err
	}
	fresh := received(grant, held)
	if !c.Now().Before(fresh.useUntil) {
		return nil, fault.New(fault.WeComUnavailable, nil).WithRetryAfter(repeatedMargin)
	}
	return c.writeRow(ctx, k, by, fresh, grant)
}

// origin notes by what a value was fetched. Facts, no part of a key.
type origin struct {
	app     core.AppID
	version int32 // of the secret, for an access token
	token   int64 // generation of the access token, for a ticket
}

// readRow gives the value of the row, also when its time is over: its
// generation and text are needed to judge the next one. A row that does not
// open was altered or moved; that is an alert, and the row counts as holding
// nothing but its generation.
func (c *Cache) readRow(ctx context.Context, k key) (held *entry, err error) {
	err = c.Store.Tenant(ctx, actor, k.tenant, func(tx *store.TenantTx) error {
		row, found, err := tx.FindTicket(ctx, k.kind, k.subject())
		if err != nil || !found {
			return err
		}
		held = &entry{generation: row.Generation}
		scopeKey, err := tx.GetTenantKey(ctx, row.KeyVersion)
		if err != nil {
			return err
		}
		value, end, err := c.Opener.OpenUntil(wrapped(k.tenant, scopeKey), bindingOf(k, row.Generation), row.Sealed)
		if err != nil {
			c.Log.Error("a sealed ticket does not open; it is fetched anew",
				"alert", "seal_refused", "tenant_id", k.tenant, "kind", k.kind, "error", err)
			return nil
		}
		held.value, held.end, held.repeated = value, end, row.Repeated
		held.useUntil = useUntil(end, row.Repeated)
		return nil
	})
	return held, err
}

// awaitEnd waits for the last moments of a repeated value, so that the next
// call brings a new one. It is two seconds at most.
func (c *Cache) awaitEnd(ctx context.Context, held *entry) error {
	if held == nil || !held.repeated {
		return nil
	}
	left := held.end.Sub(c.Now())
	if left <= 0 {
		return nil
	}
	select {
	case <-c.After(left):
		return nil
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.WeComUnavailable, nil).WithRetryAfter(repeatedMargin)
	}
}

func (c *Cache) fetch(ctx context.Context, app App, kind core.TicketKind) (wecom.Grant, origin, error) {
	if kind == core.AccessToken {
		return c.fetchToken(ctx, app)
	}
	grant, by, err := c.fetchTicket(ctx, app, kind)
	var refused *wecom.Error
	if errors.As(err, &refused) && refused.Class == wecom.Refresh && c.disown(ctx, app, by.token) {
		grant, by, err = c.fetchTicket(ctx, app, kind)
	}
	return grant, by, named(err)
}

// fetchToken opens the app's current secret and trades it for an access token.
// A secret that WeCom has refused once is not tried a second time.
func (c *Cache) fetchToken(ctx context.Context, app App) (wecom.Grant, origin, error) {
	secret, sealed, err := c.openSecret(ctx, app)
	if err != nil {
		return wecom.Grant{}, origin{}, err
	}
	by := origin{app: app.AppID, version: sealed.Version}
	if sealed.Problem == string(fault.SecretRejected) {
		return wecom.Grant{}, by, fault.New(fault.SecretRejected, nil).WithRetryAfter(time.Hour)
	}
	grant, err := c.Gate.AccessToken(ctx, callerOf(app, sealed), app.CorpID, secret)
	c.noteOutcome(ctx, app, sealed, named(err))
	return grant, by, named(err)
}

func (c *Cache) fetchTicket(ctx context.Context, app App, kind core.TicketKind) (wecom.Grant, origin, error) {
	token, err := c.share(ctx, app, core.AccessToken)
	if err != nil {
		return wecom.Grant{}, origin{}, err
	}
	who := upstream.Caller{TenantID: app.TenantID, Standing: upstream.KnownGood}
	by := origin{app: app.AppID, token: token.generation}
	if kind == core.CorpTicket {
		grant, err := c.Gate.CorpTicket(ctx, who, token.value)
		return grant, by, err
	}
	grant, err := c.Gate.AgentTicket(ctx, who, token.value)
	return grant, by, err
}

// disown throws one generation of the app's access token away because WeCom
// did, at most once a minute. It tells whether it is worth another try. A newer
// generation, which somebody else has fetched meanwhile, stays.
func (c *Cache) disown(ctx context.Context, app App, generation int64) bool {
	k := keyOf(app, core.AccessToken)
	now := c.Now()
	allowed := false
	c.forced.Compute(k, func(last time.Time, known bool) (time.Time, xsync.ComputeOp) {
		if known && now.Sub(last) < forcedEvery {
			return last, xsync.CancelOp
		}
		allowed = true
		return now, xsync.UpdateOp
	})
	if !allowed {
		return false
	}
	c.memory.Compute(k, func(e *entry, known bool) (*entry, xsync.ComputeOp) {
		if known && e.generation == generation {
			return nil, xsync.DeleteOp
		}
		return e, xsync.CancelOp
	})
	err := c.Store.Tenant(ctx, actor, k.tenant, func(tx *store.TenantTx) error {
		return tx.DeleteTicket(ctx, k.kind, k.subject(), generation)
	})
	return err == nil
}

func (c *Cache) openSecret(ctx context.Context, app App) (secret core.Secret, sealed store.SealedSecret, err error) {
	err = c.Store.Tenant(ctx, actor, app.TenantID, func(tx *store.TenantTx) error {
		sealed, err = tx.GetCurrentSecret(ctx, app.AppID)
		if err != nil {
			return err
		}
		scopeKey, err := tx.GetTenantKey(ctx, sealed.KeyVersion)
		if err != nil {
			return err
		}
		secret, err = c.Opener.Open(wrapped(app.TenantID, scopeKey),
			seal.ForAppSecret(app.TenantID, app.AppID, sealed.Version), sealed.Sealed)
		if err != nil {
			c.Log.Error("a sealed app secret does not open",
				"alert", "seal_refused", "tenant_id", app.TenantID, "app_id", app.AppID, "version", sealed.Version, "error", err)
		}
		return err
	})
	return secret, sealed, err
}

// noteOutcome writes down what WeCom said of a secret where that is news: the
// console shows it, and a dead one is not tried again by any node.
func (c *Cache) noteOutcome(ctx context.Context, app App, sealed store.SealedSecret, err error) {
	problem := fault.Code("")
	if err != nil {
		problem = fault.Find(err).Code
		if problem != fault.SecretRejected && problem != fault.IPRefused {
			return
		}
	}
	if sealed.Checked && sealed.Problem == string(problem) {
		return
	}
	noteErr := c.Store.Tenant(ctx, actor, app.TenantID, func(tx *store.TenantTx) error {
		return tx.UpdateSecretOutcome(ctx, app.AppID, sealed.Version, problem)
	})
	if noteErr != nil {
		c.Log.Error("what WeCom said of a secret could not be noted",
			"tenant_id", app.TenantID, "app_id", app.AppID, "problem", problem, "error", noteErr)
	}
	if problem == fault.SecretRejected {
		c.Log.Warn("WeCom rejects an app's secret",
			"alert", "secret_rejected", "tenant_id", app.TenantID, "app_id", app.AppID, "version", sealed.Version)
	}
}

// writeRow seals a value into its row. With Postgres out of reach the value
// still serves this node, from memory.
func (c *Cache) writeRow(ctx context.Context, k key, by origin, fresh *entry, grant wecom.Grant) (*entry, error) {
	written := false
	err := c.Store.Tenant(ctx, actor, k.tenant, func(tx *store.TenantTx) error {
		scopeKey, err := tx.NewestTenantKey(ctx)
		if err != nil {
			return err
		}
		sealed, err := c.Sealer.SealUntil(wrapped(k.tenant, scopeKey), bindingOf(k, fresh.generation), fresh.value, fresh.end)
		if err != nil {
			return err
		}
		written, err = tx.PutTicket(ctx, k.kind, k.subject(), store.TicketRow{
			Generation: fresh.generation, Sealed: sealed, KeyVersion: scopeKey.Version,
			FetchedBy: by.app, SecretVersion: by.version,
			FetchedAt: grant.ReceivedAt, ExpiresAt: fresh.end, Repeated: fresh.repeated,
		})
		return err
	})
	switch {
	case fault.Has(err, fault.StoreUnavailable):
		c.Log.Warn("a fetched ticket could not be stored and stays in memory", "tenant_id", k.tenant, "kind", k.kind, "error", err)
		return fresh, nil
	case err != nil:
		return nil, err
	case written:
		return fresh, nil
	}
	theirs, err := c.readRow(ctx, k)
	if err != nil {
		return nil, err
	}
	if theirs == nil || !c.Now().Before(theirs.useUntil) {
		return nil, fault.New(fault.WeComUnavailable, nil).WithRetryAfter(time.Second)
	}
	return theirs, nil
}

func bindingOf(k key, generation int64) seal.Binding {
	if k.kind == core.CorpTicket {
		return seal.ForCorpTicket(k.tenant, k.corp, generation)
	}
	return seal.ForAppTicket(k.tenant, k.app, k.kind, generation)
}

func wrapped(tenant core.TenantID, k store.WrappedKey) seal.WrappedKey {
	return seal.WrappedKey{Scope: seal.Tenant(tenant), Version: k.Version, RootEpoch: k.RootEpoch, Bytes: k.Wrapped}
}

func callerOf(app App, sealed store.SealedSecret) upstream.Caller {
	standing := upstream.Untried
	if sealed.Checked && sealed.Problem == "" {
		standing = upstream.KnownGood
	}
	return upstream.Caller{TenantID: app.TenantID, Standing: standing}
}

// named turns WeCom's refusals into faults and leaves faults as they are.
func named(err error) error {
	var upstreamError *wecom.Error
	if errors.As(err, &upstreamError) {
		return wecom.Fault(err)
	}
	return err
}
