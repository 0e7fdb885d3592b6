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

	// Version is that of the secret behind the credential, if it is known: what the
	// call fails by says nothing about another one.
	Version int32

	Ahead bool // the call refreshes a value that is still good: not made beyond the soft budget
	Alone bool // Postgres has just been found out of reach: what this node knows decides

	// Begin, if there is one, is called when the call's turn among the tenant's own
	// has come, which may take a while. Where it fails, no call is made.
	Begin func(context.Context) error
}

// Gate makes the calls.
type Gate struct {
	client *wecom.Client
	once   *wecom.Client // for calls against which something stands: one try each
	pauses *pauses
	lanes  *lanes
	ledger *ledger

	observe func(Observation) // nil: nobody
}

// Option changes what a Gate works with.
type Option func(*Gate)

// WithClock takes the time from now instead of time.Now. What stands in Postgres
// counts by the database's clock all the same.
func WithClock(now func() time.Time) Option {
	return func(g *Gate) { g.pauses.now, g.ledger.now, g.lanes.now = now, now, now }
}

// WithLaneShut says how long a tenant's calls are held back on this node after
// five in a row without an answer, instead of five seconds. It is by the real
// clock, which the library of the breaker reads itself.
func WithLaneShut(d time.Duration) Option { return func(g *Gate) { g.lanes.shut = d } }

// New makes a Gate.
func New(client *wecom.Client, st *store.Store, log *slog.Logger, options ...Option) *Gate {
	near := newPauses()
	g := &Gate{client: client, once: client.Once(), pauses: near, lanes: newLanes(),
		ledger: &ledger{store: st, log: log, now: time.Now, pauses: near}}
	for _, option := range options {
		option(g)
	}
	return g
}

// AccessToken fetches the access token of the caller's app by its secret. It
// fails with *wecom.Error, or with a fault where a limit, a pause or the tenant's
// breaker does not allow the call.
func (g *Gate) AccessToken(ctx context.Context, who Caller, secret core.Secret) (wecom.Grant, error) {
	return grant(ctx, g, who, wecom.GetToken, func(c *wecom.Client) (wecom.Grant, error) { return c.AccessToken(ctx, who.CorpID, secret) })
}

// CorpTicket fetches the ticket that signs wx.config. It fails as AccessToken
// does.
func (g *Gate) CorpTicket(ctx context.Context, who Caller, token core.Secret) (wecom.Grant, error) {
	return grant(ctx, g, who, wecom.GetCorpTicket, func(c *wecom.Client) (wecom.Grant, error) { return c.CorpTicket(ctx, token) })
}

// AgentTicket fetches the ticket that signs wx.agentConfig. It fails as
// AccessToken does.
func (g *Gate) AgentTicket(ctx context.Context, who Caller, token core.Secret) (wecom.Grant, error) {
	return grant(ctx, g, who, wecom.GetAgentTicket, func(c *wecom.Client) (wecom.Grant, error) { return c.AgentTicket(ctx, token) })
}

// Agent reads what WeCom knows of an app. It fails as AccessToken does.
func (g *Gate) Agent(ctx context.Context, who Caller, token core.Secret, agent core.AgentID) (wecom.Agent, error) {
	return call(ctx, g, who, wecom.GetAgent, func(c *wecom.Client) (wecom.Agent, int, error) {
		found, err := c.Agent(ctx, token, agent)
		return found, found.Tries, err
	})
}

// User trades the code of a sign-in for who it was. It fails as AccessToken does.
func (g *Gate) User(ctx context.Context, who Caller, token, code core.Secret) (wecom.User, error) {
	return call(ctx, g, who, wecom.GetUser, func(c *wecom.Client) (wecom.User, int, error) {
		user, err := c.User(ctx, token, code)
		return user, user.Tries, err
	})
}

// Resume lifts what this node knows of the pauses of one app, because its
// credential is another now. Who makes it another lifts those in Postgres, in the
// same transaction.
func (g *Gate) Resume(tenant core.TenantID, app core.AppID) { g.pauses.liftApp(tenant, app) }

// ForgetCorp lifts every pause of a corp that this node knows of, because its
// tenant has no app of it left.
func (g *Gate) ForgetCorp(tenant core.TenantID, corp core.CorpID) { g.pauses.liftCorp(tenant, corp) }

func grant(ctx context.Context, g *Gate, who Caller, api wecom.API, work func(*wecom.Client) (wecom.Grant, error)) (wecom.Grant, error) {
	return call(ctx, g, who, api, func(c *wecom.Client) (wecom.Grant, int, error) {
		granted, err := work(c)
		return granted, granted.Tries, err
	})
}

// call makes a call if nothing speaks against it, and learns from how it went.
func call[T any](ctx context.Context, g *Gate, who Caller, api wecom.API, work func(*wecom.Client) (T, int, error)) (answer T, err error) {
	ctx, watched := g.watch(ctx, who, api)
	defer func() { watched.end(err) }()
	// 1. What this node knows: no Postgres is asked for it.
	suspect, err := g.pauses.check(who, api)
	if err != nil {
		return answer, err
	}
	// 2. A place among the tenant's calls.
	leave, err := g.lanes.enter(ctx, who)
	if err != nil {
		return answer, err
	}
	defer func() { leave(err) }()
	if who.Begin != nil {
		if err := who.Begin(ctx); err != nil {
			return answer, err
		}
	}
	// 3. What the cluster knows; the call is counted.
	begun, end, err := g.ledger.begin(ctx, who, api)
	defer end()
	if err != nil {
		return answer, err
	}
	// 4. The call. Where something stands against it, it is tried once.
	client := g.client
	if suspect || len(begun.stood) > 0 {
		client = g.once
	}
	answer, tries, err := work(client)
	var failed *wecom.Error
	if errors.As(err, &failed) {
		tries = failed.Tries
	}
	// 5. What it came to.
	g.ledger.finish(ctx, begun, int64(tries), err)
	return answer, err
}
