package upstream

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"

	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/tracing"
	"signet/internal/wecom"
)

// Outcome is what came of a call.
type Outcome string

// The outcomes.
const (
	Answered   Outcome = "ok"
	Refused    Outcome = "refused"    // WeCom counts it as a wrong call
	OverQuota  Outcome = "quota"      // WeCom, or what stands before it, asks for fewer calls
	Unanswered Outcome = "unanswered" // no usable answer
	GivenUp    Outcome = "given_up"   // who wanted it has gone
	HeldBack   Outcome = "held_back"  // it was not made: a pause or a limit of ours, or no ledger to ask
)

// Outcomes lists every outcome.
func Outcomes() []Outcome {
	return []Outcome{Answered, Refused, OverQuota, Unanswered, GivenUp, HeldBack}
}

// Observation is what a metric may know of a call. All of its texts come from
// small fixed sets.
type Observation struct {
	API      wecom.API
	Outcome  Outcome
	Code     fault.Code // "" if it went well
	Duration time.Duration
}

// WithObserver lets observe be told of every call that was made or held back.
func WithObserver(observe func(Observation)) Option {
	return func(g *Gate) { g.observe = observe }
}

// watched is a call that is watched until its end.
type watched struct {
	gate  *Gate
	api   wecom.API
	began time.Time
	span  tracing.Span
}

// watch begins the span of a call. It names the call and never the address,
// which carries secrets and tokens.
func (g *Gate) watch(ctx context.Context, who Caller, api wecom.API) (context.Context, watched) {
	ctx, span := tracing.Begin(ctx, "wecom "+string(api), tracing.Client)
	if span.On() {
		span.Note(tracing.API(string(api)), tracing.Tenant(who.TenantID), tracing.App(who.AppID))
	}
	return ctx, watched{gate: g, api: api, began: time.Now(), span: span}
}

func (w watched) end(err error) {
	var public *fault.Error
	if err != nil {
		public = wecom.Fault(err)
	}
	if w.gate.observe != nil {
		o := Observation{API: w.api, Outcome: seenAs(err), Duration: time.Since(w.began)}
		if public != nil {
			o.Code = public.Code
		}
		w.gate.observe(o)
	}
	if public == nil {
		w.span.End(nil)
		return
	}
	if w.span.On() {
		w.span.Note(tracing.Errcode(public.Errcode))
	}
	w.span.End(public)
}

func seenAs(err error) Outcome {
	var failed *wecom.Error
	switch {
	case err == nil:
		return Answered
	case errors.Is(err, context.Canceled):
		return GivenUp
	case !errors.As(err, &failed):
		return HeldBack
	case wecom.Fault(failed).Code == fault.WeComQuota:
		return OverQuota
	case failed.Refused():
		return Refused
	}
	return Unanswered
}

// RefusedCalls tells how many calls of the last hour WeCom has refused, all
// tenants together: those that stand in Postgres and those that wait for it
// here. It fails with fault.StoreUnavailable.
func (g *Gate) RefusedCalls(ctx context.Context) (int64, error) {
	minutes := g.ledger.refused.minutes(g.ledger.now(), func(refusal) bool { return true })
	err := g.ledger.store.System(ctx, func(tx *store.SystemTx) error {
		written, err := tx.ListRefusedCalls(ctx)
		minutes = append(minutes, written...)
		return err
	})
	var sum int64
	for _, m := range minutes {
		sum += m.Calls
	}
	return sum, err
}

// Stop is a number of refused calls in an hour, all tenants together, and what
// stops at it.
type Stop struct {
	Name  string
	Calls int64
}

// Stops lists them. The last one is WeCom's own: beyond it, nobody is answered.
func Stops() []Stop {
	return []Stop{{"trials", TrialRefusals}, {"untried", UntriedRefusals}, {"wecom", 2000}}
}

// PauseKinds lists the kinds of pauses.
func PauseKinds() []string {
	return []string{string(unanswered), string(refused), string(tokenRefused), string(quota)}
}

// Pauses tells how many pauses of each kind this node knows of that hold now.
func (g *Gate) Pauses() map[string]int {
	holding, now := map[string]int{}, g.pauses.now()
	g.pauses.mu.Lock()
	defer g.pauses.mu.Unlock()
	for _, p := range g.pauses.held {
		if p.told != nil && now.Before(p.until) {
			holding[string(p.kind)]++
		}
	}
	return holding
}

// ShutLanes tells how many tenants this node makes no call for, because WeCom did
// not answer the last ones.
func (g *Gate) ShutLanes() (shut int) {
	g.lanes.mu.Lock()
	defer g.lanes.mu.Unlock()
	for _, lane := range g.lanes.held {
		if lane.breaker.State() == gobreaker.StateOpen {
			shut++
		}
	}
	return shut
}
