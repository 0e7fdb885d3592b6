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

// Caller says in whose name a call is made.
type Caller struct {
	TenantID core.TenantID
	Standing Standing
}

// Gate makes the calls.
type Gate struct {
	client *wecom.Client
	store  *store.Store
	log    *slog.Logger
}

// New makes a Gate.
func New(client *wecom.Client, st *store.Store, log *slog.Logger) *Gate {
	return &Gate{client: client, store: st, log: log}
}

// AccessToken fetches the access token of an app by the corp's id and the
// app's secret. It fails with *wecom.Error, or with a fault where the ledger
// does not allow the call.
func (g *Gate) AccessToken(ctx context.Context, who Caller, corp core.CorpID, secret core.Secret) (wecom.Grant, error) {
	return call(ctx, g, who, func() (wecom.Grant, error) { return g.client.AccessToken(ctx, corp, secret) })
}

// CorpTicket fetches the ticket that signs wx.config. It fails as AccessToken
// does.
func (g *Gate) CorpTicket(ctx context.Context, who Caller, token core.Secret) (wecom.Grant, error) {
	return call(ctx, g, who, func() (wecom.Grant, error) { return g.client.CorpTicket(ctx, token) })
}

// AgentTicket fetches the ticket that signs wx.agentConfig. It fails as
// AccessToken does.
func (g *Gate) AgentTicket(ctx context.Context, who Caller, token core.Secret) (wecom.Grant, error) {
	return call(ctx, g, who, func() (wecom.Grant, error) { return g.client.AgentTicket(ctx, token) })
}

// Agent reads what WeCom knows of an app. It fails as AccessToken does.
func (g *Gate) Agent(ctx context.Context, who Caller, token core.Secret, agent core.AgentID) (wecom.Agent, error) {
	return call(ctx, g, who, func() (wecom.Agent, error) { return g.client.Agent(ctx, token, agent) })
}

func call[T any](ctx context.Context, g *Gate, who Caller, work func() (T, error)) (T, error) {
	if err := g.allow(ctx, who); err != nil {
		var none T
		return none, err
	}
	answer, err := work()
	var refused *wecom.Error
	if errors.As(err, &refused) && refused.Refused() {
		g.record(ctx, who, refused)
	}
	return answer, err
}

// allow asks the ledger. No transaction is open when the call is made.
func (g *Gate) allow(ctx context.Context, who Caller) error {
	var ofTenant, ofPlatform int64
	err := g.store.Tenant(ctx, core.System("upstream"), who.TenantID, func(tx *store.TenantTx) error {
		var err error
		ofTenant, err = tx.RefusedCallsThisHour(ctx)
		return err
	})
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
	switch who.Standing {
	case Trial:
		if ofTenant >= tenantLimit || ofPlatform >= trialLimit {
			return fault.New(fault.TrialsPaused, nil).WithRetryAfter(untilNextHour())
		}
	case Untried:
		if ofTenant >= tenantLimit || ofPlatform >= platformLimit {
			return fault.New(fault.WeComUnavailable, nil).WithRetryAfter(untilNextHour())
		}
	case KnownGood:
		if ofTenant >= tenantCeiling {
			return fault.New(fault.WeComUnavailable, nil).WithRetryAfter(untilNextHour())
		}
	}
	return nil
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

func untilNextHour() time.Duration {
	now := time.Now()
	return now.Truncate(time.Hour).Add(time.Hour).Sub(now)
}
