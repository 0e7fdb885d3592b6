package admin

import (
	"cmp"
	"context"
	"slices"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/upstream"
	"signet/internal/wecom"
)

// Budget is what a tenant's calls to WeCom cost, and what holds them back.
type Budget struct {
	Items   []BudgetItem // by corp, app and API
	Refused RefusedCalls // those of the tenant
}

// BudgetItem is about the calls of one app at one API. The app may be one that was
// only tried.
type BudgetItem struct {
	CorpID          core.CorpID
	AppID           core.AppID
	API             string
	Calls, Accepted int64
	Soft, Hard      int64
	Expected        int64      // of the next hour at the present pace
	SoftAt, HardAt  *time.Time // when they are reached at that pace; nil: not within an hour
	Held            *Held      // nil: calls are made
}

// Held says why no call is made, and until when.
type Held struct {
	Code    fault.Code
	Reason  fault.Reason
	Errcode int
	Until   time.Time
}

// RefusedCalls are the calls of the last hour that WeCom has refused.
type RefusedCalls struct {
	Calls, Expected int64
	Stops           []Stop
}

// Stop is a number of refused calls from which on some calls are not made.
type Stop struct {
	Stops string // trials, untried or all
	Limit int64
	Until *time.Time // until when it holds; nil: it does not
	At    *time.Time // when it is reached at the present pace; nil: not within an hour
}

// GetBudget gives what a tenant's calls to WeCom cost, and what holds them back.
func (a *Actions) GetBudget(ctx context.Context, actor core.Actor, tenant core.TenantID) (Budget, error) {
	var calls []store.TenantCalls
	var pauses []store.Pause
	refused, err := read(ctx, a, actor, tenant, core.TenantRead, func(tx *store.TenantTx) (refused []store.CallMinute, err error) {
		if calls, err = tx.ListTenantCalls(ctx); err != nil {
			return nil, err
		}
		if pauses, err = tx.ListPauses(ctx); err != nil {
			return nil, err
		}
		return tx.ListRefusedCalls(ctx)
	})
	if err != nil {
		return Budget{}, err
	}
	corps, err := a.corpCalls(ctx, calls)
	if err != nil {
		return Budget{}, err
	}
	now := time.Now()
	b := Budget{Refused: refusedCalls(refused, now, Stop{Stops: "trials", Limit: upstream.TenantRefusals},
		Stop{Stops: "untried", Limit: upstream.TenantRefusals}, Stop{Stops: "all", Limit: upstream.TenantCeiling})}
	for key, counted := range byKey(calls, pauses) {
		b.Items = append(b.Items, budgetItem(key, counted, pauses, corps, now))
	}
	slices.SortFunc(b.Items, func(x, y BudgetItem) int {
		return cmp.Or(cmp.Compare(x.CorpID, y.CorpID), cmp.Compare(x.AppID.String(), y.AppID.String()), cmp.Compare(x.API, y.API))
	})
	return b, nil
}

// corpKey names calls that WeCom counts for a corp as a whole.
type corpKey struct {
	corp core.CorpID
	api  string
}

// corpCalls gives the calls of everybody that count for the corps of some calls.
func (a *Actions) corpCalls(ctx context.Context, calls []store.TenantCalls) (map[corpKey][]store.CallMinute, error) {
	var corps []core.CorpID
	for _, c := range calls {
		if upstream.CountsForCorp(wecom.API(c.API)) && !slices.Contains(corps, c.CorpID) {
			corps = append(corps, c.CorpID)
		}
	}
	counted := map[corpKey][]store.CallMinute{}
	if len(corps) == 0 {
		return counted, nil
	}
	err := a.Store.System(ctx, func(tx *store.SystemTx) error {
		list, err := tx.ListCorpCalls(ctx, corps...)
		for _, c := range list {
			k := corpKey{c.CorpID, c.API}
			counted[k] = append(counted[k], c.CallMinute)
		}
		return err
	})
	return counted, err
}

// byKey gathers the minutes of each key. What is held back has a key as well.
func byKey(calls []store.TenantCalls, pauses []store.Pause) map[store.CallKey][]store.TenantCalls {
	keys := map[store.CallKey][]store.TenantCalls{}
	for _, c := range calls {
		keys[c.CallKey] = append(keys[c.CallKey], c)
	}
	for _, p := range pauses {
		if k := store.CallKey(p.PauseKey); !p.AppID.IsZero() && keys[k] == nil {
			keys[k] = []store.TenantCalls{}
		}
	}
	return keys
}

func budgetItem(k store.CallKey, counted []store.TenantCalls, pauses []store.Pause, corps map[corpKey][]store.CallMinute, now time.Time) BudgetItem {
	item := BudgetItem{CorpID: k.CorpID, AppID: k.AppID, API: k.API, Soft: upstream.SoftBudget, Hard: upstream.HardBudget}
	minutes := make([]store.CallMinute, len(counted))
	for i, c := range counted {
		minutes[i] = c.CallMinute
		item.Accepted += c.Accepted
	}
	hour := upstream.HourOf(minutes)
	item.Calls, item.Expected = hour.Calls(), hour.Expected()
	item.SoftAt, item.HardAt = reachedAt(hour, item.Soft, now), reachedAt(hour, item.Hard, now)
	for _, p := range pauses {
		if p.CorpID == k.CorpID && p.API == k.API && (p.AppID == k.AppID || p.AppID.IsZero()) {
			item.hold(Held{Code: p.Told.Code, Reason: p.Told.Reason, Errcode: p.Told.Errcode}, p.Left, now)
		}
	}
	item.hold(Held{Code: fault.WeComQuota, Reason: fault.ReasonOwnBudget}, hour.Held(item.Hard), now)
	if upstream.CountsForCorp(wecom.API(k.API)) {
		corp := upstream.HourOf(corps[corpKey{k.CorpID, k.API}])
		item.hold(Held{Code: fault.WeComQuota, Reason: fault.ReasonCorpBudget}, corp.Held(upstream.CorpHardBudget), now)
	}
	return item
}

// hold notes what holds the item's calls back, if it does so for longer than
// anything else.
func (i *BudgetItem) hold(h Held, left time.Duration, now time.Time) {
	h.Until = now.Add(left)
	if left > 0 && (i.Held == nil || h.Until.After(i.Held.Until)) {
		i.Held = &h
	}
}

func refusedCalls(minutes []store.CallMinute, now time.Time, stops ...Stop) RefusedCalls {
	hour := upstream.HourOf(minutes)
	for i, s := range stops {
		if left := hour.Held(s.Limit); left > 0 {
			until := now.Add(left)
			stops[i].Until = &until
		}
		stops[i].At = reachedAt(hour, s.Limit, now)
	}
	return RefusedCalls{Calls: hour.Calls(), Expected: hour.Expected(), Stops: stops}
}

func reachedAt(hour upstream.Hour, limit int64, now time.Time) *time.Time {
	in, reached := hour.Reached(limit)
	if !reached {
		return nil
	}
	at := now.Add(in)
	return &at
}

// GetRefusedCalls gives the calls of the last hour that WeCom has refused the whole
// platform, for operators.
func (a *Actions) GetRefusedCalls(ctx context.Context, actor core.Actor) (RefusedCalls, error) {
	if err := actor.May(core.CallsRead); err != nil {
		return RefusedCalls{}, err
	}
	var minutes []store.CallMinute
	err := a.Store.System(ctx, func(tx *store.SystemTx) (err error) {
		minutes, err = tx.ListRefusedCalls(ctx)
		return err
	})
	return refusedCalls(minutes, time.Now(), Stop{Stops: "trials", Limit: upstream.TrialRefusals},
		Stop{Stops: "untried", Limit: upstream.UntriedRefusals}), err
}

// Trouble is what is wrong with a tenant's calls to WeCom.
type Trouble = store.Trouble

// ListTroubles gives the tenants with whom something is wrong, the worst first, for
// operators.
func (a *Actions) ListTroubles(ctx context.Context, actor core.Actor, limit int) ([]Trouble, error) {
	if err := actor.May(core.CallsRead); err != nil {
		return nil, err
	}
	var list []Trouble
	err := a.Store.System(ctx, func(tx *store.SystemTx) (err error) {
		list, err = tx.ListTroubles(ctx, limit)
		return err
	})
	return list, err
}
