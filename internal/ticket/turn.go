package ticket

import (
	"context"
	"errors"
	"time"

	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/wecom"
)

const (
	// leaseTime is how long a turn lasts unless it is renewed: one call to WeCom,
	// whole, and what it takes to write down what it brought. A node that dies in
	// its turn costs the others this much.
	leaseTime = wecom.DefaultTimeout + time.Second

	// renewAfter is how old a turn may be and still last for one more call.
	renewAfter = 500 * time.Millisecond

	// Who waits for another's turn is woken when it is over. That a wake-up was
	// lost costs no more than these: looking again by oneself, rarer and rarer.
	firstLook  = 100 * time.Millisecond
	rarestLook = time.Second
)

// errTurnOver says that somebody else's turn has begun meanwhile.
var errTurnOver = errors.New("the turn to fetch is over")

// turn is this node's turn to fetch one value, in the whole cluster. The zero
// turn is that of a node which cannot ask Postgres for one.
type turn struct {
	store.Turn
	renewed time.Time // by this node's clock; before the database's began to count
}

func (t turn) alone() bool { return t.Epoch == 0 }

// takeTurn gives the value of the row if it may be used, else this node's turn to
// fetch another, else how long another node's turn still lasts.
func (c *Cache) takeTurn(ctx context.Context, k key, beyond int64) (held *entry, mine turn, left time.Duration, err error) {
	err = c.Store.Tenant(ctx, actor, k.tenant, func(tx *store.TenantTx) error {
		if held, err = c.findRow(ctx, tx, k, nil); err != nil || c.serves(held, beyond) {
			return err
		}
		begun := c.Now()
		t, wait, ok, err := tx.TakeTurn(ctx, k.kind, k.subject(), c.node, leaseTime)
		if err != nil || !ok {
			left = wait
			return err
		}
		// What the former turn brought may have been written since the first look.
		if held, err = c.findRow(ctx, tx, k, held); err != nil {
			return err
		}
		if c.serves(held, beyond) {
			_, err := tx.EndTurn(ctx, t)
			return err
		}
		mine = turn{Turn: t, renewed: begun}
		return nil
	})
	return held, mine, left, err
}

// serves tells whether a value may be given to who wants one beyond a generation.
func (c *Cache) serves(e *entry, beyond int64) bool {
	return e != nil && e.generation > beyond && e.usable(c.Now())
}

// renew makes sure before a call that the turn lasts for it. It fails with
// errTurnOver where it is another's turn by now.
func (c *Cache) renew(ctx context.Context, k key, t *turn) error {
	begun := c.Now()
	if t.alone() || begun.Sub(t.renewed) < renewAfter {
		return nil
	}
	var still bool
	err := c.Store.Tenant(ctx, actor, k.tenant, func(tx *store.TenantTx) (err error) {
		still, err = tx.RenewTurn(ctx, t.Turn, leaseTime)
		return err
	})
	switch {
	case err != nil:
		return err
	case !still:
		return errTurnOver
	}
	t.renewed = begun
	return nil
}

// giveUp gives a turn back that has brought nothing, so that nobody waits for it.
// Where Postgres does not hear of it, the turn ends by itself.
func (c *Cache) giveUp(ctx context.Context, k key, t turn) {
	if t.alone() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notePatience)
	defer cancel()
	err := c.Store.Tenant(ctx, actor, k.tenant, func(tx *store.TenantTx) error {
		_, err := tx.EndTurn(ctx, t.Turn)
		return err
	})
	if err != nil {
		c.Log.WarnContext(ctx, "a turn to fetch could not be given back; it ends by itself", "tenant_id", k.tenant, "kind", k.kind, "error", err)
	}
}

// looks says when to look again by oneself.
type looks struct{ next time.Duration }

// await waits until the turn of another node is over, as far as that can be
// known: for the wake-up, the end of its lease, or the next look.
func (l *looks) await(ctx context.Context, woken <-chan struct{}, left time.Duration) error {
	l.next = min(max(2*l.next, firstLook), rarestLook)
	timer := time.NewTimer(min(left, l.next))
	defer timer.Stop()
	select {
	case <-woken:
	case <-timer.C:
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.WeComUnavailable, nil).WithRetryAfter(time.Second)
	}
	return nil
}
