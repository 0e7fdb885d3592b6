package ticket

import (
	"context"
	"errors"
	"math"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/sealed"
	"signet/internal/store"
	"signet/internal/wecom"
)

// actor is who the rows name.
var actor = core.System("ticket")

// load gets a value from its row, or from WeCom and then into its row.
//
//  1. Read the row. If what it holds may still be used, that is it.
//  2. Take the turn to fetch, in the whole cluster. If it is another node's, wait
//     until that is over and begin again.
//  3. Fetch from WeCom, with nothing of Postgres held.
//  4. Write the row and give the turn back, in one transaction, if it still is
//     this node's turn. If not, throw away what came and begin again.
//
// With Postgres out of reach it is fetched for this node alone (alone.go).
func (c *Cache) load(ctx context.Context, e errand) (*entry, error) {
	if e.alone {
		return c.fetchAlone(ctx, e, nil)
	}
	var again looks
	for {
		woken, leave := c.waiting.join(e.key.tenant)
		seen, err := c.takeTurn(ctx, e)
		switch {
		case fault.Has(err, fault.StoreUnavailable) && c.mayGoAlone(e, seen):
			leave()
			return c.fetchAlone(ctx, e, seen.held)
		case err != nil:
			leave()
			return nil, err
		case c.serves(seen.held, e.beyond):
			leave()
			c.Observer.Loaded(e.key.kind, FromRow)
			return seen.held, nil
		case !seen.mine.none():
			leave()
			c.Observer.Turned(TurnTaken)
			fresh, err := c.fetchInTurn(ctx, e, seen.held, seen.mine)
			if err == nil {
				c.Observer.Loaded(e.key.kind, FromWeCom)
			}
			if !errors.Is(err, errTurnOver) {
				return fresh, err
			}
		default:
			c.Observer.Turned(TurnWaited)
			err := again.await(ctx, woken, seen.left)
			leave()
			if err != nil {
				return nil, err
			}
		}
	}
}

func (c *Cache) fetchInTurn(ctx context.Context, e errand, held *entry, mine turn) (*entry, error) {
	got, err := c.fetchUsable(ctx, e, held, &mine)
	if err != nil {
		c.giveUp(ctx, e.key, mine)
		return nil, err
	}
	written, err := c.writeRow(ctx, e, got, mine)
	if err != nil && !errors.Is(err, errTurnOver) {
		c.giveUp(ctx, e.key, mine)
	}
	return written, err
}

// fetched is a value on its way from WeCom to its row.
type fetched struct {
	*entry
	at time.Time
	by core.AppID // a fact, no part of a key
}

// fetchUsable fetches a value to take the place of held. Where WeCom gives the
// last moments of a value that it will not renew before its end, it waits for
// that end and fetches once more: a second time it has a new one.
func (c *Cache) fetchUsable(ctx context.Context, e errand, held *entry, mine *turn) (fetched, error) {
	for range 2 {
		if err := c.awaitEnd(ctx, held); err != nil {
			return fetched{}, err
		}
		grant, by, err := c.fetch(ctx, e, mine)
		if err != nil {
			return fetched{}, err
		}
		fresh := received(e.key, grant, held)
		fresh.version = by.version
		if fresh.usable(c.Now()) {
			return fetched{entry: fresh, at: grant.ReceivedAt, by: by.app}, nil
		}
		last := *fresh
		last.generation--
		held = &last
	}
	return fetched{}, fault.Wrap(errStillRepeated, fault.WeComUnavailable, nil).WithRetryAfter(repeatedMargin)
}

// awaitEnd waits for the last moments of a repeated value, so that the next
// call brings a new one.
func (c *Cache) awaitEnd(ctx context.Context, held *entry) error {
	if held == nil || !held.repeated {
		return nil
	}
	left := held.end.Sub(c.Now())
	if left <= 0 || left > repeatedMargin {
		return nil
	}
	select {
	case <-c.After(left):
		return nil
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.WeComUnavailable, nil).WithRetryAfter(repeatedMargin)
	}
}

// findRow gives the value of the row, also when its time is over: its
// generation and text are needed to judge the next one. A row that does not
// open was altered or moved; that is an alert, and the row counts as holding
// nothing but its generation. A value that is known already is not opened again.
func (c *Cache) findRow(ctx context.Context, tx *store.TenantTx, k key, known *entry) (*entry, error) {
	lies, found, err := tx.FindTicket(ctx, k.kind, k.subject())
	if err != nil || !found {
		return nil, err
	}
	if known != nil && known.generation == lies.Generation {
		return known, nil
	}
	held, scopeKey, err := c.openRow(ctx, tx, k, lies)
	if err == nil {
		c.Alerts.Opened(bindingOf(k, 0), scopeKey)
	}
	if err == nil || fault.Has(err, fault.StoreUnavailable) {
		return held, err
	}
	c.Alerts.Refused(ctx, sealed.Row{Tenant: k.tenant, Place: bindingOf(k, 0), Number: lies.Generation, Sealed: lies.Sealed, Key: scopeKey}, err, "a sealed ticket does not open; it is fetched anew", "kind", k.kind)
	if lies.Generation == math.MaxInt64 { // somebody's doing; there is no next one
		return nil, tx.DeleteTicket(ctx, k.kind, k.subject(), lies.Generation)
	}
	return &entry{generation: lies.Generation}, nil
}

func (c *Cache) openRow(ctx context.Context, tx *store.TenantTx, k key, row store.TicketRow) (*entry, seal.WrappedKey, error) {
	found, row, err := keyOfTicket(ctx, tx, k, row)
	if err != nil {
		return nil, seal.WrappedKey{}, err
	}
	scopeKey := sealed.Key(k.tenant, found)
	value, end, err := c.Opener.OpenUntil(scopeKey, bindingOf(k, row.Generation), row.Sealed)
	if err != nil {
		return nil, scopeKey, err
	}
	return stored(k, value, row, end, c.Now()), scopeKey, nil
}

// writeRow seals a value into its row, in this node's turn and not after. With
// Postgres out of reach the value still serves this node, from memory.
func (c *Cache) writeRow(ctx context.Context, e errand, got fetched, mine turn) (*entry, error) {
	k, written := e.key, false
	err := c.Store.Tenant(ctx, actor, k.tenant, func(tx *store.TenantTx) error {
		if still, err := tx.EndTurn(ctx, mine.Turn); err != nil || !still {
			return err
		}
		scopeKey, err := tx.NewestTenantKey(ctx)
		if err != nil {
			return err
		}
		text, err := c.Sealer.SealUntil(sealed.Key(k.tenant, scopeKey), bindingOf(k, got.generation), got.value, got.end)
		if err != nil {
			return err
		}
		written, err = tx.PutTicket(ctx, k.kind, k.subject(), store.TicketRow{
			Generation: got.generation, Sealed: text, KeyVersion: scopeKey.Version,
			FetchedBy: got.by, SecretVersion: got.version,
			FetchedAt: got.at, ExpiresAt: got.end, Repeated: got.repeated, UsedAt: e.usedAt,
		})
		return err
	})
	switch {
	case fault.Has(err, fault.StoreUnavailable):
		c.Log.WarnContext(ctx, "a fetched ticket could not be stored and stays in memory", "tenant_id", k.tenant, "kind", k.kind, "error", err)
		return got.entry, nil
	case err != nil:
		return nil, err
	case !written:
		c.Log.WarnContext(ctx, "a fetched ticket came after its turn and is thrown away", "tenant_id", k.tenant, "kind", k.kind)
		c.Observer.Turned(TurnThrownAway)
		return nil, errTurnOver
	}
	return got.entry, nil
}

func bindingOf(k key, generation int64) seal.Binding {
	if k.kind == core.CorpTicket {
		return seal.ForCorpTicket(k.tenant, k.corp, generation)
	}
	return seal.ForAppTicket(k.tenant, k.app, k.kind, generation)
}

// named turns WeCom's refusals into faults and leaves faults as they are.
func named(err error) error {
	var upstreamError *wecom.Error
	if errors.As(err, &upstreamError) {
		return wecom.Fault(err)
	}
	return err
}
