package upstream

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/wecom"
)

// Refused calls of the last hour at which calls stop (design, section 7).
// WeCom's own limit is 2,000 for the platform's address.
const (
	tenantLimit   = 30   // of one tenant: no call but with a known-good credential
	trialLimit    = 500  // of the platform: no trial
	platformLimit = 1000 // of the platform: only known-good credentials
	tenantCeiling = 60   // of one tenant: no call at all, known-good or not
)

// How long a refusal may take to be written down.
const writePatience = 3 * time.Second

// Calls under way may fill a limit for a moment.
const momentary = time.Second

// ledger holds calls against those that WeCom has refused. What is refused is
// counted here first and moved to Postgres at once, or as soon as that takes it.
type ledger struct {
	store     *store.Store
	log       *slog.Logger
	now       func() time.Time
	underway  underway
	unwritten unwritten
}

// refusals are refused calls of the last hour and calls that may yet be.
type refusals struct {
	underway int64
	minutes  []store.RefusedCalls
}

// wait tells how long it takes until they are fewer than limit: 0 if they are.
func (r refusals) wait(limit int64) time.Duration {
	sum := r.underway
	if sum >= limit {
		return momentary
	}
	slices.SortFunc(r.minutes, func(x, y store.RefusedCalls) int { return int(y.Left - x.Left) })
	for _, m := range r.minutes {
		if sum += m.Calls; sum >= limit {
			return m.Left
		}
	}
	return 0
}

// begin asks whether a call may be made, and counts it as under way until the
// caller calls end, whatever it answers. No transaction is open when it returns.
func (l *ledger) begin(ctx context.Context, who Caller) (end func(), err error) {
	end = func() {}
	var ofTenant, ofAll refusals
	if who.Standing != KnownGood {
		ofTenant.underway, ofAll.underway = l.underway.begin(who.TenantID)
		end = func() { l.underway.end(who.TenantID) }
	}
	l.settle(ctx)
	// A refusal goes from under way to unwritten to Postgres, and they are read
	// in this order: what moves meanwhile counts twice rather than not at all.
	ofTenant.minutes, ofAll.minutes = l.unwritten.minutes(who.TenantID, l.now())
	err = l.read(ctx, who, &ofTenant, &ofAll)
	if err != nil && (who.Standing != KnownGood || !fault.Has(err, fault.StoreUnavailable)) {
		return end, err
	}
	return end, allow(who.Standing, ofTenant, ofAll)
}

func allow(standing Standing, ofTenant, ofAll refusals) error {
	var wait time.Duration
	code := fault.WeComUnavailable
	switch standing {
	case Trial:
		code = fault.TrialsPaused
		wait = max(ofTenant.wait(tenantLimit), ofAll.wait(trialLimit))
	case Untried:
		wait = max(ofTenant.wait(tenantLimit), ofAll.wait(platformLimit))
	case KnownGood:
		wait = ofTenant.wait(tenantCeiling)
	}
	if wait > 0 {
		return fault.New(code, nil).WithRetryAfter(wait)
	}
	return nil
}

// read adds what stands in Postgres.
func (l *ledger) read(ctx context.Context, who Caller, ofTenant, ofAll *refusals) error {
	err := l.store.Tenant(ctx, core.System("upstream"), who.TenantID, func(tx *store.TenantTx) error {
		minutes, err := tx.ListRefusedCalls(ctx)
		ofTenant.minutes = append(ofTenant.minutes, minutes...)
		return err
	})
	if err != nil || who.Standing == KnownGood {
		return err
	}
	return l.store.System(ctx, func(tx *store.SystemTx) error {
		minutes, err := tx.ListRefusedCalls(ctx)
		ofAll.minutes = append(ofAll.minutes, minutes...)
		return err
	})
}

// record counts a refusal, also when the one who called has gone.
func (l *ledger) record(ctx context.Context, who Caller, refused *wecom.Error) {
	if !l.unwritten.add(who.TenantID, string(refused.API), refused.Errcode, l.now()) {
		l.log.ErrorContext(ctx, "a call that WeCom refused is not counted: too many wait for Postgres already",
			"tenant_id", who.TenantID, "api", refused.API, "errcode", refused.Errcode)
		return
	}
	l.settle(context.WithoutCancel(ctx))
}

// settle moves to Postgres what is counted here alone. Where Postgres does not
// take it, it goes on counting here, for its hour, on this node.
func (l *ledger) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, writePatience)
	defer cancel()
	for {
		c, claimed := l.unwritten.claim(l.now())
		if !claimed {
			return
		}
		err := l.store.Tenant(ctx, core.System("upstream"), c.tenant, func(tx *store.TenantTx) error {
			return tx.CountRefusedCalls(ctx, c.api, c.errcode, c.calls, l.now().Sub(c.at))
		})
		l.unwritten.release(c, err == nil)
		if err != nil {
			l.log.ErrorContext(ctx, "calls that WeCom refused cannot be written down yet; they are counted on this node",
				"tenant_id", c.tenant, "api", c.api, "errcode", c.errcode, "calls", c.calls, "error", err)
			return
		}
	}
}
