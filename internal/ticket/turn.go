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

var (
	// errTurnOver says that somebody else's turn has begun meanwhile.
	errTurnOver = errors.New("the turn to fetch is over")
	// errStillRepeated says that WeCom goes on giving the last moments of a value.
	errStillRepeated = errors.New("the value is repeated until its end")
)

// turn is this node's turn to fetch one value, in the whole cluster. The zero
// turn is none.
type turn struct {
	store.Turn
	renewed  time.Time // by this node's clock; before the database's began to count
	replaces bool      // a value that could still be used
}

func (t turn) none() bool { return t.Epoch == 0 }

// sight is what one look at the rows of a value has shown.
type sight struct {
	held *entry        // what the row holds, which may be nothing, or nothing of use
	mine turn          // this node's turn, if it got it
	left time.Duration // how long another node's turn lasts, if not
	row  bool          // whether the row could be read at all
}

// takeTurn looks whether the row holds what is wanted, and if not takes this
// node's turn to fetch it.
func (c *Cache) takeTurn(ctx context.Context, e errand) (seen sight, err error) {
	err = c.Store.Tenant(ctx, actor, e.key.tenant, func(tx *store.TenantTx) error {
		if seen.held, err = c.findRow(ctx, tx, e.key, nil); err != nil {
			return err
		}
		seen.row = true
		if c.serves(seen.held, e.beyond) {
			return c.keepSpare(ctx, tx, e.app)
		}
		begun, known := c.Now(), seen.held
		t, wait, ok, err := tx.TakeTurn(ctx, e.key.kind, e.key.subject(), c.node, leaseTime)
		if err != nil || !ok {
			seen.left = wait
			return err
		}
		if within := c.Now().Sub(begun); c.SetClock(ctx, t.Begun, within) {
			begun, known = c.Now().Add(-within), nil // which was judged by the wrong time
		}
		// What the former turn brought may have been written since the first look.
		if seen.held, err = c.findRow(ctx, tx, e.key, known); err != nil {
			return err
		}
		if c.serves(seen.held, e.beyond) {
			_, err := tx.EndTurn(ctx, t)
			return err
		}
		seen.mine = turn{Turn: t, renewed: begun, replaces: e.forced && seen.held != nil && seen.held.usable(begun)}
		return nil
	})
	return seen, err
}

// mayReplace lets a value that could be used be replaced once a minute, in the
// whole cluster: one that WeCom goes on disowning must not begin a storm. Once for
// a turn is enough, also where a second secret is asked with in it.
func (c *Cache) mayReplace(ctx context.Context, e errand, mine *turn) error {
	if !mine.replaces {
		return nil
	}
	var left time.Duration
	err := c.Store.Tenant(ctx, actor, e.key.tenant, func(tx *store.TenantTx) (err error) {
		left, err = tx.ForceTurn(ctx, mine.Turn, anewEvery)
		return err
	})
	if err == nil && left > 0 {
		err = fault.New(fault.WeComUnavailable, nil).WithRetryAfter(left)
	}
	mine.replaces = err != nil
	return err
}

// serves tells whether a value may be given to who wants one beyond a generation.
func (c *Cache) serves(e *entry, beyond int64) bool {
	return e != nil && e.generation > beyond && e.usable(c.Now())
}

// renew makes sure before a call that the turn lasts for it. It fails with
// errTurnOver where it is another's turn by now.
func (c *Cache) renew(ctx context.Context, k key, t *turn) error {
	begun := c.Now()
	if t.none() || begun.Sub(t.renewed) < renewAfter {
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
	if t.none() {
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
