package ticket

import (
	"context"
	"errors"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// signingTickets are the kinds that pages are signed with. An access token is
// fetched when one of them is, and not before.
var signingTickets = [...]core.TicketKind{core.CorpTicket, core.AgentTicket}

// mostLag is how far nodes lie apart when they renew one value: the first has
// fetched it when the others come, and they find it in its row.
const mostLag = 20 * time.Second

// dueFrom is when this node renews a value. One that WeCom repeats is renewed when
// it can be used no more, and that does not wait.
func (c *Cache) dueFrom(e *entry) time.Time {
	return e.renewFrom.Add(min(c.lag, e.useUntil.Sub(e.renewFrom)/2))
}

// RenewFrom tells when the first of an app's tickets that are held is to be
// renewed. ok is false where none is held.
func (c *Cache) RenewFrom(app App) (from time.Time, ok bool) {
	for _, kind := range signingTickets {
		if e, held := c.memory.Load(keyOf(app, kind)); held && (!ok || c.dueFrom(e).Before(from)) {
			from, ok = c.dueFrom(e), true
		}
	}
	return from, ok
}

// Renew fetches anew, ahead of need, those tickets of an app that are held and
// whose time for it has come. usedAt is when a page was last signed for the app.
// Where it fails, what is held goes on being used; it fails as Tickets does.
func (c *Cache) Renew(ctx context.Context, app App, usedAt time.Time) error {
	var problems []error
	for _, kind := range signingTickets {
		k := keyOf(app, kind)
		held, ok := c.memory.Load(k)
		if !ok || c.Now().Before(c.dueFrom(held)) {
			continue
		}
		_, err := c.share(ctx, errand{app: app, key: k, beyond: held.generation, ahead: true, usedAt: usedAt})
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// Held gives both tickets of an app if they are in memory and usable at now.
func (c *Cache) Held(now time.Time, app App) (p Pair, ok bool) {
	corp, _ := c.memory.Load(keyOf(app, core.CorpTicket))
	agent, _ := c.memory.Load(keyOf(app, core.AgentTicket))
	if corp == nil || agent == nil || !corp.usable(now) || !agent.usable(now) {
		return Pair{}, false
	}
	return c.pairOf(corp, agent), true
}

// Warm takes into memory what lives of an app's tickets in their rows, and what
// it takes to fetch the next without Postgres, as far as that is not there yet.
// It asks WeCom for nothing. It fails with fault.StoreUnavailable.
func (c *Cache) Warm(ctx context.Context, app App) error {
	var missing []errand
	for _, kind := range signingTickets {
		e := errand{app: app, key: keyOf(app, kind)}
		if held, _ := c.memory.Load(e.key); !c.serves(held, 0) {
			missing = append(missing, e)
		}
	}
	_, spared := c.spares.Load(keyOf(app, core.AccessToken))
	if spared && len(missing) == 0 {
		return nil
	}
	err := c.Store.Tenant(ctx, actor, app.TenantID, func(tx *store.TenantTx) error {
		for _, e := range missing {
			held, err := c.findRow(ctx, tx, e.key, nil)
			if err != nil {
				return err
			}
			if c.serves(held, 0) {
				c.keep(e.key, held, 0)
			}
		}
		return c.keepSpare(ctx, tx, app)
	})
	if fault.Has(err, fault.TenantUnknown) {
		return nil // deleted meanwhile
	}
	return err
}
