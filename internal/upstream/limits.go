package upstream

import (
	"time"

	"signet/internal/fault"
	"signet/internal/wecom"
)

// Refused calls of the last hour at which calls stop (design, section 7).
// WeCom's own limit is 2,000 for the platform's address.
const (
	TenantRefusals  = 30   // of one tenant: no call but with a known-good credential
	TenantCeiling   = 60   // of one tenant: no call at all, known-good or not
	TrialRefusals   = 500  // of the platform: no trial
	UntriedRefusals = 1000 // of the platform: only known-good credentials
)

// Calls of the last hour at which calls stop: the budget. WeCom allows 100 for an
// app at one API, and 400 ticket fetches for a corp over all its apps; an hour
// beyond them brings nothing.
const (
	SoftBudget     = 20  // of one app at one API: no refresh ahead of need
	HardBudget     = 60  // of one app at one API: no call
	CorpSoftBudget = 200 // of a corp at one API with accepted credentials, in all tenants: no refresh ahead of need
	CorpHardBudget = 300 // likewise: no call
)

// CountsForCorp tells whether WeCom limits an API for a corp as a whole: it does
// so for the fetching of tickets.
func CountsForCorp(api wecom.API) bool {
	return api == wecom.GetCorpTicket || api == wecom.GetAgentTicket
}

// picture is all that is held against a call before it is made.
type picture struct {
	tenantRefusals, allRefusals lastHour
	calls, corpCalls            lastHour
}

// judge fails where a limit is reached.
func (p *picture) judge(who Caller) error {
	if err := p.judgeRefusals(who.Standing); err != nil {
		return err
	}
	return p.judgeBudget(who.Ahead)
}

func (p *picture) judgeRefusals(standing Standing) error {
	var wait time.Duration
	code := fault.WeComUnavailable
	switch standing {
	case Trial:
		code = fault.TrialsPaused
		wait = max(p.tenantRefusals.wait(TenantRefusals), p.allRefusals.wait(TrialRefusals))
	case Untried:
		wait = max(p.tenantRefusals.wait(TenantRefusals), p.allRefusals.wait(UntriedRefusals))
	case KnownGood:
		wait = p.tenantRefusals.wait(TenantCeiling)
	}
	if wait > 0 {
		return fault.New(code, nil).WithRetryAfter(wait)
	}
	return nil
}

// judgeBudget holds for trials as well: a person wants to know, but beyond WeCom's
// own limit the app's pages would be locked out for an hour.
func (p *picture) judgeBudget(ahead bool) error {
	own, corp := int64(HardBudget), int64(CorpHardBudget)
	if ahead {
		own, corp = SoftBudget, CorpSoftBudget
	}
	if wait := p.calls.wait(own); wait > 0 {
		return fault.New(fault.WeComQuota, nil).WithReason(fault.ReasonOwnBudget).WithRetryAfter(wait)
	}
	if wait := p.corpCalls.wait(corp); wait > 0 {
		return fault.New(fault.WeComQuota, nil).WithReason(fault.ReasonCorpBudget).WithRetryAfter(wait)
	}
	return nil
}
