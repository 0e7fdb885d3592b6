package store_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// turns takes and ends turns at one value for a test.
type turns struct {
	t     *testing.T
	st    *store.Store
	r     tenantRows
	whose store.TicketSubject
}

func (u turns) take(lease time.Duration) (turn store.Turn, left time.Duration, ok bool) {
	u.t.Helper()
	onTenant(u.t, u.st, u.r.ID, func(ctx context.Context, tx *store.TenantTx) (err error) {
		turn, left, ok, err = tx.TakeTurn(ctx, core.AgentTicket, u.whose, uuid.New(), lease)
		return err
	})
	return turn, left, ok
}

func (u turns) end(turn store.Turn) (still bool) {
	u.t.Helper()
	onTenant(u.t, u.st, u.r.ID, func(ctx context.Context, tx *store.TenantTx) (err error) {
		still, err = tx.EndTurn(ctx, turn)
		return err
	})
	return still
}

func (u turns) renew(turn store.Turn, lease time.Duration) (still bool) {
	u.t.Helper()
	onTenant(u.t, u.st, u.r.ID, func(ctx context.Context, tx *store.TenantTx) (err error) {
		still, err = tx.RenewTurn(ctx, turn, lease)
		return err
	})
	return still
}

func TestATurnIsOnesAloneAndNumbersRise(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		u := turns{t, st, r, r.appSubject()}
		first, _, ok := u.take(time.Minute)
		require.True(t, ok)
		require.EqualValues(t, 1, first.Epoch)
		_, left, ok := u.take(time.Minute)
		require.False(t, ok)
		require.Greater(t, left, 30*time.Second)
		require.LessOrEqual(t, left, time.Minute, "by the database's clock")
		require.True(t, u.renew(first, 110*time.Second))
		_, left, _ = u.take(time.Minute)
		require.Greater(t, left, 65*time.Second)
		require.True(t, u.end(first))

		second, _, ok := u.take(0) // over as soon as it has begun
		require.True(t, ok)
		require.EqualValues(t, 2, second.Epoch)
		require.True(t, u.renew(second, 0), "nobody has taken it over")
		third, _, ok := u.take(time.Minute)
		require.True(t, ok)
		require.EqualValues(t, 3, third.Epoch)
		require.False(t, u.renew(second, time.Hour), "somebody has")
		require.False(t, u.end(second))
		require.True(t, u.end(third), "and theirs is untouched")

		fourth, _, _ := u.take(time.Minute)
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			return tx.VoidTurn(ctx, core.AgentTicket, r.appSubject())
		})
		require.False(t, u.end(fourth))
		fifth, _, ok := u.take(time.Minute)
		require.True(t, ok)
		require.EqualValues(t, 6, fifth.Epoch)
	})
}

// The database's clock was set back in somebody's turn, and in the minute in which
// a value was replaced.
func TestATurnOfTimesToComeIsOver(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		u := turns{t, st, r, r.appSubject()}
		_, _, ok := u.take(time.Minute)
		require.True(t, ok)
		db.Exec(t, `UPDATE signet.ticket_leases SET ends_at = now() + interval '1 hour', forced_at = now() + interval '1 hour'`)
		turn, _, ok := u.take(time.Minute)
		require.True(t, ok)
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			left, err := tx.ForceTurn(ctx, turn, time.Minute)
			require.Zero(t, left)
			return err
		})
	})
}

func TestOfManyOneTakesTheTurn(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		for range 5 {
			var won atomic.Int64
			var winner atomic.Pointer[store.Turn]
			var group errgroup.Group
			for range 16 {
				group.Go(func() error {
					return st.Tenant(t.Context(), someone, r.ID, func(tx *store.TenantTx) error {
						turn, _, ok, err := tx.TakeTurn(t.Context(), core.AgentTicket, r.appSubject(), uuid.New(), time.Minute)
						if ok {
							won.Add(1)
							winner.Store(&turn)
						}
						return err
					})
				})
			}
			require.NoError(t, group.Wait())
			require.EqualValues(t, 1, won.Load())
			turns{t, st, r, r.appSubject()}.end(*winner.Load())
		}
	})
}

// Those who wait are told, and where nobody waits nothing is written: in the
// long run nobody does.
func TestTheEndOfATurnIsToldToThoseWhoWait(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		u := turns{t, st, r, r.appSubject()}
		told := func() string {
			return db.List(t, `SELECT count(*)::text FROM signet.change_log WHERE kind = 'ticket' AND tenant_id = $1`, r.ID.String())[0]
		}
		turn, _, _ := u.take(time.Minute)
		u.end(turn)
		require.Equal(t, "0", told())
		turn, _, _ = u.take(time.Minute)
		u.take(time.Minute)
		u.take(time.Minute)
		u.end(turn)
		require.Equal(t, "1", told())
		turn, _, _ = u.take(time.Minute)
		u.end(turn)
		require.Equal(t, "1", told(), "who waited for a former turn waits no more")
	})
}

func TestATurnIsAtAnAppOrCorpThatThereIs(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		for want, whose := range map[fault.Code]store.TicketSubject{fault.AppUnknown: {AppID: core.NewAppID()}, fault.CorpUnknown: {CorpID: "ww_unknown_corp"}} {
			kind := core.AgentTicket
			if whose.CorpID != "" {
				kind = core.CorpTicket
			}
			err := st.Tenant(t.Context(), someone, r.ID, func(tx *store.TenantTx) error {
				_, _, _, err := tx.TakeTurn(t.Context(), kind, whose, uuid.New(), time.Minute)
				return err
			})
			require.Equal(t, want, codeOf(err))
		}
	})
}

// Of one app there are turns at two kinds of value, and of one kind as many as
// there are apps. What happens to one of them happens to no other.
func TestWhatIsDoneToATurnIsDoneToNoOther(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		sister := core.App{ID: core.NewAppID(), CorpID: commonCorp, AgentID: "1000003", Key: core.NewAppKey(), Name: "sister", Kind: core.SelfBuilt}
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			_, err := tx.CreateApp(ctx, sister)
			return err
		})
		node, other := uuid.New(), uuid.New()
		at := func(kind core.TicketKind, app core.AppID) (turn store.Turn) {
			onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) (err error) {
				var ok bool
				turn, _, ok, err = tx.TakeTurn(ctx, kind, store.TicketSubject{AppID: app}, node, time.Minute)
				require.True(t, ok)
				return err
			})
			return turn
		}
		mine := at(core.AgentTicket, r.App.ID)
		at(core.AccessToken, r.App.ID)
		at(core.AgentTicket, sister.ID)
		others := func() []string {
			return db.List(t, `SELECT l::text FROM signet.ticket_leases l WHERE (kind, subject) <> ('agent_ticket', $1) ORDER BY l::text`, r.App.ID.String())
		}
		before := others()
		require.Len(t, before, 3, "the corp's too")
		for _, step := range []struct {
			what string
			do   func(ctx context.Context, tx *store.TenantTx) error
		}{
			{"awaited", func(ctx context.Context, tx *store.TenantTx) error {
				_, _, ok, err := tx.TakeTurn(ctx, core.AgentTicket, r.appSubject(), other, time.Minute)
				require.False(t, ok)
				return err
			}},
			{"renewed", func(ctx context.Context, tx *store.TenantTx) error {
				_, err := tx.RenewTurn(ctx, mine, time.Hour)
				return err
			}},
			{"forced", func(ctx context.Context, tx *store.TenantTx) error {
				_, err := tx.ForceTurn(ctx, mine, time.Minute)
				return err
			}},
			{"ended", func(ctx context.Context, tx *store.TenantTx) error {
				_, err := tx.EndTurn(ctx, mine)
				return err
			}},
			{"voided", func(ctx context.Context, tx *store.TenantTx) error {
				return tx.VoidTurn(ctx, core.AgentTicket, r.appSubject())
			}},
		} {
			onTenant(t, st, r.ID, step.do)
			require.Equal(t, before, others(), step.what)
		}
	})
}

// The row says whose turn it is: nobody else's name stays in it.
func TestATurnNamesItsHolder(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		nodes := []uuid.UUID{uuid.New(), uuid.New()}
		take := func(holder uuid.UUID, lease time.Duration) {
			onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
				_, _, _, err := tx.TakeTurn(ctx, core.AgentTicket, r.appSubject(), holder, lease)
				return err
			})
		}
		holder := func() string {
			return db.List(t, `SELECT holder::text FROM signet.ticket_leases WHERE kind = 'agent_ticket'`)[0]
		}
		take(nodes[0], 0)
		require.Equal(t, nodes[0].String(), holder())
		take(nodes[1], time.Minute)
		require.Equal(t, nodes[1].String(), holder())
		take(nodes[0], time.Minute) // in vain
		require.Equal(t, nodes[1].String(), holder())
	})
}

// A value that could still be used is replaced once in a while in the whole
// cluster, by whoever's turn it is.
func TestATurnIsForcedOnceInAWhile(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		u := turns{t, st, r, r.appSubject()}
		force := func(turn store.Turn) (left time.Duration) {
			t.Helper()
			onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) (err error) {
				left, err = tx.ForceTurn(ctx, turn, time.Minute)
				return err
			})
			return left
		}
		ago := func(interval string) {
			db.Exec(t, `UPDATE signet.ticket_leases SET forced_at = now() - '`+interval+`'::interval WHERE kind = 'agent_ticket'`)
		}
		first, _, _ := u.take(time.Minute)
		require.Zero(t, force(first))
		require.InDelta(t, time.Minute, force(first), float64(10*time.Second))
		require.True(t, u.end(first))
		second, _, _ := u.take(time.Minute)
		require.InDelta(t, time.Minute, force(second), float64(10*time.Second), "a former turn's counts")
		ago("40 seconds")
		require.InDelta(t, 20*time.Second, force(second), float64(10*time.Second))
		ago("61 seconds")
		require.Equal(t, time.Minute, force(first), "whose turn is over may not, and is not told when another may")
		require.Zero(t, force(second), "nor has it used up the other's")
		require.InDelta(t, time.Minute, force(second), float64(10*time.Second))
	})
}
