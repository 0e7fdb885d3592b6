package consoleapi

import (
	"context"
	"time"

	"signet/internal/admin"
)

// GetBudget tells what a tenant's calls to WeCom cost.
func (a *api) GetBudget(ctx context.Context, r GetBudgetRequestObject) (GetBudgetResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	b, err := a.admin.GetBudget(ctx, actorOf(ctx), tenant)
	if err != nil {
		return nil, err
	}
	return GetBudget200JSONResponse{Items: mapped(b.Items, budgetAnswer), Refused: refusedAnswer(b.Refused)}, nil
}

// GetRefusedCalls tells how many calls WeCom has refused the whole platform.
func (a *api) GetRefusedCalls(ctx context.Context, _ GetRefusedCallsRequestObject) (GetRefusedCallsResponseObject, error) {
	refused, err := a.admin.GetRefusedCalls(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return GetRefusedCalls200JSONResponse(refusedAnswer(refused)), nil
}

// ListTroubles lists the tenants with whom something is wrong, worst first.
func (a *api) ListTroubles(ctx context.Context, r ListTroublesRequestObject) (ListTroublesResponseObject, error) {
	page, err := parsePage(r.Params.Limit, nil)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListTroubles(ctx, actorOf(ctx), page.Limit)
	if err != nil {
		return nil, err
	}
	return ListTroubles200JSONResponse{Items: mapped(list, troubleAnswer)}, nil
}

func budgetAnswer(i admin.BudgetItem) BudgetItem {
	answer := BudgetItem{
		CorpID: string(i.CorpID), AppID: i.AppID.String(), API: i.API,
		Calls: i.Calls, Accepted: i.Accepted, Soft: i.Soft, Hard: i.Hard,
		Expected: i.Expected, SoftAt: inUTC(i.SoftAt), HardAt: inUTC(i.HardAt),
	}
	if h := i.Held; h != nil {
		answer.Held = &Held{Code: string(h.Code), Until: h.Until.UTC()}
		if h.Reason != "" {
			reason := string(h.Reason)
			answer.Held.Reason = &reason
		}
		if h.Errcode != 0 {
			answer.Held.Errcode = &h.Errcode
		}
	}
	return answer
}

func refusedAnswer(r admin.RefusedCalls) RefusedCalls {
	return RefusedCalls{Calls: r.Calls, Expected: r.Expected, Stops: mapped(r.Stops, func(s admin.Stop) Stop {
		return Stop{Stops: s.Stops, Limit: s.Limit, Until: inUTC(s.Until), At: inUTC(s.At)}
	})}
}

func troubleAnswer(t admin.Trouble) Trouble {
	held := make(map[string]int64, len(t.Pauses))
	for code, times := range t.Pauses {
		held[string(code)] = times
	}
	return Trouble{TenantID: t.TenantID.String(), Name: t.Name, RefusedCalls: t.Refused, Secrets: t.Secrets, Held: held}
}

func inUTC(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	utc := at.UTC()
	return &utc
}
