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

// Standing is how far WeCom is known to accept the credential of a call.
type Standing uint8

// The standings. A Trial is a credential that somebody has just typed; an
// Untried one was stored without a trial; a KnownGood one WeCom has accepted.
const (
	Trial Standing = iota
	Untried
	KnownGood
)

// Refused calls within an hour at which calls stop (design, section 7).
// WeCom's own limit is 2,000 for the platform's address.
const (
	tenantLimit   = 30   // of one tenant: no call but with a known-good credential
	trialLimit    = 500  // of the platform: no trial
	platformLimit = 1000 // of the platform: only known-good credentials
	tenantCeiling = 60   // of one tenant: no call at all, known-good or not
)

// recordPatience is how long a refusal may take to be written down.
const recordPatience = 3 * time.Second

// Caller says in whose name a call is made, and with whose credential.
type Caller struct {
	TenantID core.TenantID
	CorpID   core.CorpID
	AppID    core.AppID // of the credential
	Standing Standing
}

// Gate makes the calls.
type Gate struct {
	client   *wecom.Client
	store    *store.Store
	log      *slog.Logger
	pauses   *pauses
	underway underway
}

// Option changes what a Gate works with.
type Option func(*Gate)

// WithClock takes the pauses' time from now instead of time.Now.
func WithClock(now func() time.Time) Option { return func(g *Gate) { g.pauses.now = now } }

// New makes a Gate.
func New(client *wecom.Client, st *store.Store, log *slog.Logger, options ...Option) *Gate {
	g := &Gate{client: client, store: st, log: log, pauses: newPauses()}
	for _, option := range options {
		option(g)
	}
	return g
}

// AccessToken fetches the access token of the caller's app by its secret. It
// fails with *wecom.Error, or with a fault where the ledger or a pause does not
// allow the call.
func (g *Gate) AccessToken(ctx context.Context, who Caller, secret core.Secret) (wecom.Grant, error) {
	return call(ctx, g, who, wecom.GetToken, func() (wecom.Grant, error) { return g.client.AccessToken(ctx, who.CorpID, secret) })
}

// CorpTicket fetches the ticket that signs wx.config. It fails as AccessToken
// does.
func (g *Gate) CorpTicket(ctx context.Context, who Caller, token core.Secret) (wecom.Grant, error) {
	return call(ctx, g, who, wecom.GetCorpTicket, func() (wecom.Grant, error) { return g.client.CorpTicket(ctx, token) })
}

// AgentTicket fetches the ticket that signs wx.agentConfig. It fails as
// AccessToken does.
func (g *Gate) AgentTicket(ctx context.Context, who Caller, token core.Secret) (wecom.Grant, error) {
	return call(ctx, g, who, wecom.GetAgentTicket, func() (wecom.Grant, error) { return g.client.AgentTicket(ctx, token) })
}

// Agent reads what WeCom knows of an app. It fails as AccessToken does.
func (g *Gate) Agent(ctx context.Context, who Caller, token core.Secret, agent core.AgentID) (wecom.Agent, error) {
	return call(ctx, g, who, wecom.GetAgent, func() (wecom.Agent, error) { return g.client.Agent(ctx, token, agent) })
}

// Resume lifts the pauses of one app, because its credential is another now.
func (g *Gate) Resume(tenant core.TenantID, app core.AppID) { g.pauses.liftApp(tenant, app) }

func call[T any](ctx context.Context, g *Gate, who Caller, api wecom.API, work func() (T, error)) (T, error) {
	var none T
	if err := g.pauses.check(who, api); err != nil {
		return none, err
	}
	var othersOfTenant, others int64
	if who.Standing != KnownGood {
		othersOfTenant, others = g.underway.begin(who.TenantID)
		defer g.underway.end(who.TenantID)
	}
	if err := g.allow(ctx, who, othersOfTenant, others); err != nil {
		return none, err
	}
	answer, err := work()
	g.pauses.note(who, api, err)
	var refused *wecom.Error
	if errors.As(err, &refused) && refused.Refused() {
		g.record(ctx, who, refused)
	}
	return answer, err
}

// allow asks the ledger, to which the calls under way are added. No transaction
// is open when the call is made.
func (g *Gate) allow(ctx context.Context, who Caller, othersOfTenant, others int64) error {
	ofTenant, left, err := g.countOfTenant(ctx, who.TenantID)
	var ofPlatform int64
	if err == nil && who.Standing != KnownGood {
		err = g.store.System(ctx, func(tx *store.SystemTx) error {
			var err error
			ofPlatform, err = tx.RefusedCallsThisHour(ctx)
			return err
		})
	}
	if err != nil {
		if who.Standing == KnownGood && fault.Has(err, fault.StoreUnavailable) {
			return nil
		}
		return err
	}
	ofTenant += othersOfTenant
	ofPlatform += others
	switch who.Standing {
	case Trial:
		if ofTenant >= tenantLimit || ofPlatform >= trialLimit {
			return fault.New(fault.TrialsPaused, nil).WithRetryAfter(left)
		}
	case Untried:
		if ofTenant >= tenantLimit || ofPlatform >= platformLimit {
			return fault.New(fault.WeComUnavailable, nil).WithRetryAfter(left)
		}
	case KnownGood:
		if ofTenant >= tenantCeiling {
			return fault.New(fault.WeComUnavailable, nil).WithRetryAfter(left)
		}
	}
	return nil
}

// countOfTenant reads the tenant's count and what is left of the hour.
func (g *Gate) countOfTenant(ctx context.Context, tenant core.TenantID) (calls int64, left time.Duration, err error) {
	err = g.store.Tenant(ctx, core.System("upstream"), tenant, func(tx *store.TenantTx) error {
		var err error
		if calls, err = tx.RefusedCallsThisHour(ctx); err != nil {
			return err
		}
		left, err = tx.LeftOfHour(ctx)
		return err
	})
	return calls, left, err
}

// record writes a refusal down, also when the one who called has gone.
func (g *Gate) record(ctx context.Context, who Caller, refused *wecom.Error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordPatience)
	defer cancel()
	err := g.store.Tenant(ctx, core.System("upstream"), who.TenantID, func(tx *store.TenantTx) error {
		return tx.CountRefusedCall(ctx, string(refused.API), refused.Errcode)
	})
	if err != nil {
		g.log.Error("a call that WeCom refused could not be counted",
			"tenant_id", who.TenantID, "api", refused.API, "errcode", refused.Errcode, "error", err)
	}
}
