package upstream

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"signet/internal/core"
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

// Caller says in whose name a call is made, and with whose credential.
type Caller struct {
	TenantID core.TenantID
	CorpID   core.CorpID
	AppID    core.AppID // of the credential
	Standing Standing
}

// Gate makes the calls.
type Gate struct {
	client *wecom.Client
	pauses *pauses
	ledger *ledger

	observe func(Observation) // nil: nobody
}

// Option changes what a Gate works with.
type Option func(*Gate)

// WithClock takes the time from now instead of time.Now. What stands in Postgres
// counts by the database's clock all the same.
func WithClock(now func() time.Time) Option {
	return func(g *Gate) { g.pauses.now, g.ledger.now = now, now }
}

// New makes a Gate.
func New(client *wecom.Client, st *store.Store, log *slog.Logger, options ...Option) *Gate {
	g := &Gate{client: client, pauses: newPauses(), ledger: &ledger{store: st, log: log, now: time.Now}}
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

// ForgetCorp lifts every pause of a corp, because its tenant has no app of it
// left.
func (g *Gate) ForgetCorp(tenant core.TenantID, corp core.CorpID) { g.pauses.liftCorp(tenant, corp) }

func call[T any](ctx context.Context, g *Gate, who Caller, api wecom.API, work func() (T, error)) (answer T, err error) {
	var none T
	ctx, watched := g.watch(ctx, who, api)
	defer func() { watched.end(err) }()
	if err := g.pauses.check(who, api); err != nil {
		return none, err
	}
	end, err := g.ledger.begin(ctx, who)
	defer end()
	if err != nil {
		return none, err
	}
	answer, err = work()
	g.pauses.note(who, api, err)
	var refused *wecom.Error
	if errors.As(err, &refused) && refused.Refused() {
		g.ledger.record(ctx, who, refused)
	}
	return answer, err
}
