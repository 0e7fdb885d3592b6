package upstream

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/wecom"
)

// ledger holds calls against what is counted in Postgres: the refused calls, the
// budget and the pauses of the whole cluster. What Postgres does not take is
// counted here until it does.
//
// A call that goes well costs one transaction of its tenant before it and none
// after it; one more, of the system's door, where a count over all tenants has a
// say: for tickets, of which WeCom counts the corp's, and without a known-good
// credential. One that brings nothing costs one more after it.
type ledger struct {
	store  *store.Store
	log    *slog.Logger
	now    func() time.Time
	pauses *pauses

	underway underway
	refused  unwritten[refusal]
	made     unwritten[made]
}

// begun is a call that may be made.
type begun struct {
	who   Caller
	api   wecom.API
	stood []store.Pause // what stood against it in Postgres
	away  bool          // Postgres did not take it: nobody tries to write more of it
}

func (b begun) key() store.CallKey {
	return store.CallKey{CorpID: b.who.CorpID, AppID: b.who.AppID, API: string(b.api)}
}

// begin asks whether a call may be made, and counts it. It is under way until the
// caller calls end, whatever begin answers. No transaction is open when it
// returns.
func (l *ledger) begin(ctx context.Context, who Caller, api wecom.API) (b begun, end func(), err error) {
	b, end = begun{who: who, api: api}, func() {}
	var p picture
	if who.Standing != KnownGood {
		p.tenantRefusals.underway, p.allRefusals.underway = l.underway.begin(who.TenantID)
		end = func() { l.underway.end(who.TenantID) }
	}
	// What was refused goes from under way to unwritten to Postgres, and they are
	// read in this order: what moves meanwhile counts twice rather than not at all.
	l.readUnwritten(b, &p)
	if who.Alone {
		err = errAway
	} else if err = l.readPlatform(ctx, b, &p); err == nil {
		err = l.enter(ctx, &b, &p)
	}
	l.pauses.learn(who.TenantID, b.stood)
	switch {
	case !fault.Has(err, fault.StoreUnavailable):
		l.settle(ctx)
		return b, end, err
	case who.Standing != KnownGood:
		return b, end, err
	}
	// Postgres is away, or there for reading only. What is known on this node
	// decides, and the call is counted here.
	if err := p.judge(who); err != nil {
		return b, end, err
	}
	b.away = true
	l.keepMade(ctx, b, 1, true)
	return b, end, nil
}

func (l *ledger) readUnwritten(b begun, p *picture) {
	now, who, key := l.now(), b.who, b.key()
	p.tenantRefusals.minutes = l.refused.minutes(now, func(r refusal) bool { return r.tenant == who.TenantID })
	p.allRefusals.minutes = l.refused.minutes(now, func(refusal) bool { return true })
	p.calls.minutes = l.made.minutes(now, func(m made) bool { return m.tenant == who.TenantID && m.key == key })
	if CountsForCorp(b.api) {
		p.corpCalls.minutes = l.made.minutes(now, func(m made) bool {
			return m.accepted && m.key.CorpID == key.CorpID && m.key.API == key.API
		})
	}
}

// readPlatform adds what is counted over all tenants.
func (l *ledger) readPlatform(ctx context.Context, b begun, p *picture) error {
	if b.who.Standing == KnownGood && !CountsForCorp(b.api) {
		return nil
	}
	return l.store.System(ctx, func(tx *store.SystemTx) error {
		if b.who.Standing != KnownGood {
			minutes, err := tx.ListRefusedCalls(ctx)
			if err != nil {
				return err
			}
			p.allRefusals.minutes = append(p.allRefusals.minutes, minutes...)
		}
		if !CountsForCorp(b.api) {
			return nil
		}
		calls, err := tx.ListCorpCalls(ctx, b.who.CorpID)
		for _, c := range calls {
			if c.API == string(b.api) {
				p.corpCalls.minutes = append(p.corpCalls.minutes, c.CallMinute)
			}
		}
		return err
	})
}

// enter adds what is counted for the tenant and writes the call down, in one
// transaction: where a limit is reached or a pause holds, nothing was written.
func (l *ledger) enter(ctx context.Context, b *begun, p *picture) error {
	app, _ := keysOf(b.who, b.api)
	return l.store.Tenant(ctx, core.System("upstream"), b.who.TenantID, func(tx *store.TenantTx) error {
		stood, err := tx.FindPauses(ctx, app.PauseKey)
		if err != nil {
			return err
		}
		b.stood = stood
		if err := holdBack(b.who, stood); err != nil {
			return err
		}
		refused, err := tx.ListRefusedCalls(ctx)
		if err != nil {
			return err
		}
		p.tenantRefusals.minutes = append(p.tenantRefusals.minutes, refused...)
		calls, err := tx.ListCalls(ctx, b.key())
		if err != nil {
			return err
		}
		p.calls.minutes = append(p.calls.minutes, calls...)
		inMinute, err := tx.CountCalls(ctx, b.key(), 1, acceptedOf(b.who, 1), 0)
		if err != nil {
			return err
		}
		p.calls.minutes = append(p.calls.minutes, store.CallMinute{Calls: inMinute - 1, Left: counts})
		if err := p.judge(b.who); err != nil {
			return err
		}
		return claimProbes(ctx, tx, b.who, stood)
	})
}

// holdBack fails where a pause holds.
func holdBack(who Caller, stood []store.Pause) error {
	if who.Standing == Trial {
		return nil
	}
	for _, s := range stood {
		if s.Holds && s.Left > 0 {
			return told(s.Told, s.Left)
		}
	}
	return nil
}

// claimProbes makes the caller the one in the cluster who finds out whether the
// pauses that are over were long enough.
func claimProbes(ctx context.Context, tx *store.TenantTx, who Caller, stood []store.Pause) error {
	if who.Standing == Trial {
		return nil
	}
	for _, s := range stood {
		if !s.Holds {
			continue
		}
		claimed, err := tx.ClaimProbe(ctx, s.PauseKey, probeTime)
		if err != nil {
			return err
		}
		if !claimed {
			return told(s.Told, probeTime)
		}
	}
	return nil
}

// acceptedOf gives how many of some calls count for the corp at once.
func acceptedOf(who Caller, calls int64) int64 {
	if who.Standing == KnownGood {
		return calls
	}
	return 0
}

func (l *ledger) keepMade(ctx context.Context, b begun, calls int64, accepted bool) {
	if !l.made.add(made{b.who.TenantID, b.key(), accepted}, calls, l.now()) {
		l.log.ErrorContext(ctx, "a call to WeCom is not counted: too many wait for Postgres already", "tenant_id", b.who.TenantID, "api", b.api)
	}
}

// settle moves to Postgres what is counted here alone, now that it is there.
// Where it does not take it, it goes on counting here, for its hour, on this node.
func (l *ledger) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, writePatience)
	defer cancel()
	err := l.refused.settle(l.now, func(r refusal, calls int64, ago time.Duration) error {
		return l.store.Tenant(ctx, core.System("upstream"), r.tenant, func(tx *store.TenantTx) error {
			return tx.CountRefusedCalls(ctx, r.api, r.errcode, calls, ago)
		})
	})
	if !fault.Has(err, fault.StoreUnavailable) {
		madeErr := l.made.settle(l.now, func(m made, calls int64, ago time.Duration) error {
			return l.store.Tenant(ctx, core.System("upstream"), m.tenant, func(tx *store.TenantTx) error {
				accepted := int64(0)
				if m.accepted {
					accepted = calls
				}
				_, err := tx.CountCalls(ctx, m.key, calls, accepted, ago)
				return err
			})
		})
		err = errors.Join(err, madeErr)
	}
	if err != nil {
		l.log.ErrorContext(ctx, "calls that are counted on this node cannot be written down yet", "error", err)
	}
}
