package ticket

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/puzpuzpuz/xsync/v4"
	"golang.org/x/sync/singleflight"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/sealed"
	"signet/internal/store"
	"signet/internal/upstream"
)

// App is the app for which a ticket is wanted, and whose secret may fetch it.
type App struct {
	TenantID core.TenantID
	AppID    core.AppID
	CorpID   core.CorpID
}

// key names one value. It is a struct and never a joined string, so that no two
// keys can run into each other; and it never is the corp id alone.
type key struct {
	tenant core.TenantID
	kind   core.TicketKind
	app    core.AppID  // of an access token or agent ticket
	corp   core.CorpID // of a corp ticket
}

func keyOf(app App, kind core.TicketKind) key {
	if kind == core.CorpTicket {
		return key{tenant: app.TenantID, kind: kind, corp: app.CorpID}
	}
	return key{tenant: app.TenantID, kind: kind, app: app.AppID}
}

func (k key) subject() store.TicketSubject {
	return store.TicketSubject{AppID: k.app, CorpID: k.corp}
}

// flight is the key as singleflight wants it. The ids have a fixed length, the
// kinds and the number are ours, and the corp id is last: no two keys give the
// same text.
func (k key) flight(beyond int64) string {
	return k.tenant.String() + k.app.String() + string(k.kind) + strconv.FormatInt(beyond, 10) + "/" + string(k.corp)
}

// Config is what a Cache works with. Opener must be built for app secrets,
// access tokens, corp tickets and agent tickets.
type Config struct {
	Store  *store.Store
	Gate   *upstream.Gate
	Sealer *seal.Sealer
	Opener *seal.Opener
	Log    *slog.Logger

	Alerts     *sealed.Alerts                       // about rows that do not open; default: one of its own, on Log
	Observer   Observer                             // default: nobody
	FlightTime time.Duration                        // longest that one load may take; default 10 s
	Now        func() time.Time                     // default time.Now
	SetClock   SetClock                             // default: Now is right
	After      func(time.Duration) <-chan time.Time // default time.After
}

// SetClock hears what Postgres's clock says, exact to within that much, before
// anything is fetched whose end is told by Now, and tells whether Now was set.
// Where it was set back, SetClock has called ForgetTimes.
type SetClock func(ctx context.Context, right time.Time, within time.Duration) (set bool)

// defaultFlightTime bounds one shared load: up to three calls to WeCom, their
// rows, and what a stand-in costs. It is how long a cold caller waits at most.
const defaultFlightTime = 10 * time.Second

// Cache holds tokens and tickets.
type Cache struct {
	Config
	memory   *xsync.Map[key, *entry]
	disowned *xsync.Map[key, int64] // generations that WeCom will have no more (disowned.go)
	spares   *xsync.Map[key, spare] // by the key of the access token (secret.go)
	dead     *xsync.Map[key, int32] // versions that WeCom rejected and whose rows do not say so yet (outcomes.go)
	heldBack *xsync.Map[key, heldBack]
	flights  singleflight.Group
	flying   underWay
	waiting  waiting
	places   places
	node     uuid.UUID     // this process, as leases name it
	lag      time.Duration // how much later than others it renews ahead of need

	forgotten atomic.Int64 // how often a change had something forgotten; counted before it is
	changes   atomic.Int64 // the same, counted after it is
}

// New makes an empty Cache.
func New(cfg Config) *Cache {
	if cfg.FlightTime == 0 {
		cfg.FlightTime = defaultFlightTime
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.SetClock == nil {
		cfg.SetClock = func(context.Context, time.Time, time.Duration) bool { return false }
	}
	if cfg.After == nil {
		cfg.After = time.After
	}
	if cfg.Observer == nil {
		cfg.Observer = nobody{}
	}
	if cfg.Alerts == nil {
		cfg.Alerts = sealed.NewAlerts(cfg.Log)
	}
	return &Cache{
		Config:   cfg,
		memory:   xsync.NewMap[key, *entry](),
		disowned: xsync.NewMap[key, int64](),
		spares:   xsync.NewMap[key, spare](),
		dead:     xsync.NewMap[key, int32](),
		heldBack: xsync.NewMap[key, heldBack](),
		node:     uuid.New(),
		lag:      core.Jitter(mostLag),
	}
}

// Pair is both tickets of an app: what one answer to a page is signed with. A
// caller may keep it, and the next signature of the app then asks nobody.
type Pair struct {
	Corp, Agent core.Secret
	useUntil    time.Time // the nearer of the two
	renewFrom   int64     // Unix seconds; the nearer of the two
}

// Usable tells whether the pair may be used at now.
func (p *Pair) Usable(now time.Time) bool { return now.Before(p.useUntil) }

// RenewFrom is when the first of the two is to be fetched anew, behind the pages
// (Cache.Renew).
func (p *Pair) RenewFrom() time.Time { return time.Unix(p.renewFrom, 0) }

func (c *Cache) pairOf(corp, agent *entry) Pair {
	p := Pair{Corp: corp.value, Agent: agent.value, useUntil: corp.useUntil, renewFrom: min(c.dueFrom(corp).Unix(), c.dueFrom(agent).Unix())}
	if agent.useUntil.Before(p.useUntil) {
		p.useUntil = agent.useUntil
	}
	return p
}

// Tickets gives both tickets of an app. now is the caller's reading of the clock.
// It takes no longer than one of them may.
//
// It fails with fault.SecretRejected, fault.IPRefused, fault.WeComQuota,
// fault.WeComUnavailable, fault.StoreUnavailable or fault.AppNotReady (there is
// no current secret, or it cannot be opened), each with RetryAfter, or with
// fault.AppUnknown where the app has just been deleted.
func (c *Cache) Tickets(ctx context.Context, now time.Time, app App) (Pair, error) {
	ctx, cancel := context.WithTimeout(ctx, c.FlightTime)
	defer cancel()
	for range 2 {
		corp, err := c.get(ctx, now, app, core.CorpTicket)
		if err != nil {
			return Pair{}, err
		}
		agent, err := c.get(ctx, now, app, core.AgentTicket)
		if err != nil {
			return Pair{}, err
		}
		if now = c.Now(); !corp.usable(now) {
			continue // its time ran out while the other was on its way
		}
		return c.pairOf(corp, agent), nil
	}
	return Pair{}, fault.New(fault.WeComUnavailable, nil).WithRetryAfter(repeatedMargin)
}

// CorpTicket gives the ticket that signs wx.config for the app's corp. It fails
// as Tickets does.
func (c *Cache) CorpTicket(ctx context.Context, now time.Time, app App) (core.Secret, error) {
	return valueOf(c.get(ctx, now, app, core.CorpTicket))
}

// AgentTicket gives the ticket that signs wx.agentConfig for the app. It fails
// as Tickets does.
func (c *Cache) AgentTicket(ctx context.Context, now time.Time, app App) (core.Secret, error) {
	return valueOf(c.get(ctx, now, app, core.AgentTicket))
}

func valueOf(e *entry, err error) (core.Secret, error) {
	if err != nil {
		return core.Secret{}, err
	}
	return e.value, nil
}

// Forget drops from memory what belongs to the app: after its secret was
// rotated the access token, after it was deleted the agent ticket too. Whatever
// kept the former secret from being used counts no more. The rows are the
// business of who made the change, and a Pair that of who keeps it.
func (c *Cache) Forget(tenant core.TenantID, app core.AppID, kinds ...core.TicketKind) {
	c.forgotten.Add(1)
	for _, kind := range kinds {
		k := key{tenant: tenant, kind: kind, app: app}
		c.memory.Delete(k)
		c.disowned.Delete(k)
		c.spares.Delete(k)
		c.dead.Delete(k)
		c.heldBack.Delete(k)
	}
	if slices.Contains(kinds, core.AgentTicket) {
		c.Alerts.Forget(tenant, app.String())
	}
	c.Gate.Resume(tenant, app)
	c.changes.Add(1)
}

// ForgetCorp drops what belongs to a corp of which the tenant has no app left.
func (c *Cache) ForgetCorp(tenant core.TenantID, corp core.CorpID) {
	k := key{tenant: tenant, kind: core.CorpTicket, corp: corp}
	c.memory.Delete(k)
	c.heldBack.Delete(k)
	c.Alerts.Forget(tenant, string(corp))
	c.Gate.ForgetCorp(tenant, corp)
}

// Len tells how many values are held.
func (c *Cache) Len() int { return c.memory.Size() }

func (c *Cache) get(ctx context.Context, now time.Time, app App, kind core.TicketKind) (*entry, error) {
	k := keyOf(app, kind)
	if e, ok := c.memory.Load(k); ok && e.usable(now) {
		return e, nil
	}
	return c.share(ctx, errand{app: app, key: k, usedAt: now})
}

// errand is what a flight is sent for.
type errand struct {
	app    App
	key    key
	beyond int64     // a value of this generation or an older one will not do; 0: any will that is usable
	forced bool      // although that value could still be used
	ahead  bool      // before there is need: what is held goes on being used if this brings nothing
	usedAt time.Time // when a page was last signed with such a value; zero: not known
	alone  bool      // Postgres has just been found out of reach
}

// flight is what singleflight knows an errand by. A page never joins a flight ahead
// of need, which gives up where it would not.
func (e errand) flight() string {
	if e.ahead {
		return "ahead of need/" + e.key.flight(e.beyond)
	}
	return e.key.flight(e.beyond)
}

// share goes an errand once for all who want the same now. It has a deadline of
// its own and outlives the caller who happened to be first.
func (c *Cache) share(ctx context.Context, e errand) (*entry, error) {
	done := c.flights.DoChan(e.flight(), func() (any, error) { return c.fly(ctx, e) })
	select {
	case <-ctx.Done():
		return nil, fault.Wrap(ctx.Err(), fault.WeComUnavailable, nil).WithRetryAfter(time.Second)
	case result := <-done:
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*entry), nil
	}
}

// fly goes the errand itself. A panic is the failure of this flight alone: left to
// itself it would end the process of all tenants, and Go would print its value.
func (c *Cache) fly(ctx context.Context, e errand) (landed *entry, err error) {
	ctx, land := c.flying.setOut(ctx, c.FlightTime)
	defer land()
	defer func() {
		if p := core.Recovered(recover()); p != nil {
			c.Log.ErrorContext(ctx, "a load of a ticket panicked", "tenant_id", e.key.tenant, "kind", e.key.kind, "panic", p.What(), "stack", p.Stack())
			landed, err = nil, fault.Wrap(p, fault.InternalError, nil)
		}
	}()
	if held, _ := c.memory.Load(e.key); c.serves(held, e.beyond) {
		c.Observer.Loaded(e.key.kind, FromMemory)
		return held, nil // somebody's flight landed while we were on our way here
	}
	if err := c.stillHeldBack(e); err != nil {
		return nil, err
	}
	changes := c.changes.Load()
	ctx, span := beginSpan(ctx, e)
	fresh, err := c.loadInPlace(ctx, e)
	span.End(err)
	c.noteHeldBack(e, changes, err)
	if err != nil {
		c.Observer.Loaded(e.key.kind, FromNobody)
		return nil, outward(err)
	}
	if e.beyond > 0 {
		c.disowned.Delete(e.key)
	}
	return c.keep(e.key, fresh, e.beyond), nil
}

// keep puts a value into memory, unless a flight that set out later has brought
// a newer one meanwhile, and gives the one that is there now. One that the
// caller wants to be rid of never stays.
func (c *Cache) keep(k key, e *entry, beyond int64) *entry {
	now := c.Now()
	kept, _ := c.memory.Compute(k, func(old *entry, known bool) (*entry, xsync.ComputeOp) {
		if known && old.generation > max(e.generation, beyond) && old.usable(now) {
			return old, xsync.CancelOp
		}
		return e, xsync.UpdateOp
	})
	return kept
}

// outward gives a failure one of the codes that are promised, where it has one
// that speaks of rows: they are gone because the app is.
func outward(err error) error {
	if fault.Has(err, fault.TenantUnknown) || fault.Has(err, fault.CorpUnknown) {
		return fault.Wrap(err, fault.AppUnknown, nil)
	}
	return err
}
