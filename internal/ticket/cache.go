package ticket

import (
	"context"
	"log/slog"
	"time"

	"github.com/puzpuzpuz/xsync/v4"
	"golang.org/x/sync/singleflight"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
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

// flight is the key as singleflight wants it. The tenant's id has a fixed
// length and the kinds are ours, so no two keys give the same text.
func (k key) flight() string {
	return k.tenant.String() + string(k.kind) + k.app.String() + string(k.corp)
}

// entry is a value in memory. It never changes; a newer one takes its place.
type entry struct {
	value      core.Secret
	generation int64
	end        time.Time // by WeCom's word
	useUntil   time.Time // by ours: never used after
	repeated   bool
}

// Config is what a Cache works with. Opener must be built for app secrets,
// access tokens, corp tickets and agent tickets.
type Config struct {
	Store  *store.Store
	Gate   *upstream.Gate
	Sealer *seal.Sealer
	Opener *seal.Opener
	Log    *slog.Logger

	Now   func() time.Time                     // default time.Now
	After func(time.Duration) <-chan time.Time // default time.After
}

// Cache holds tokens and tickets.
type Cache struct {
	memory  *xsync.Map[key, *entry]
	forced  *xsync.Map[key, time.Time] // when a value was last thrown away before its end
	flights singleflight.Group
	refresher
}

// New makes an empty Cache.
func New(cfg Config) *Cache {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.After == nil {
		cfg.After = time.After
	}
	return &Cache{
		memory:    xsync.NewMap[key, *entry](),
		forced:    xsync.NewMap[key, time.Time](),
		refresher: refresher{Config: cfg},
	}
}

// CorpTicket gives the ticket that signs wx.config for the app's corp. now is
// the caller's reading of the clock.
//
// It fails with fault.AppNotReady (no current secret), fault.SecretRejected,
// fault.IPRefused, fault.WeComQuota, fault.WeComUnavailable or
// fault.StoreUnavailable, all but the first with RetryAfter.
func (c *Cache) CorpTicket(ctx context.Context, now time.Time, app App) (core.Secret, error) {
	return c.get(ctx, now, app, core.CorpTicket)
}

// AgentTicket gives the ticket that signs wx.agentConfig for the app. It fails
// as CorpTicket does.
func (c *Cache) AgentTicket(ctx context.Context, now time.Time, app App) (core.Secret, error) {
	return c.get(ctx, now, app, core.AgentTicket)
}

// Forget drops from memory what belongs to the app: after its secret was
// rotated the access token, after it was deleted the agent ticket too. The rows
// are the business of who made the change.
func (c *Cache) Forget(tenant core.TenantID, app core.AppID, kinds ...core.TicketKind) {
	for _, kind := range kinds {
		c.memory.Delete(key{tenant: tenant, kind: kind, app: app})
	}
}

func (c *Cache) get(ctx context.Context, now time.Time, app App, kind core.TicketKind) (core.Secret, error) {
	if e, ok := c.memory.Load(keyOf(app, kind)); ok && now.Before(e.useUntil) {
		return e.value, nil
	}
	e, err := c.share(ctx, app, kind)
	if err != nil {
		return core.Secret{}, err
	}
	return e.value, nil
}

// flightTime bounds one shared load: up to three calls to WeCom and their rows.
const flightTime = 10 * time.Second

// share loads a value once for all who ask for it now. The load has a deadline
// of its own and outlives the caller who happened to be first.
func (c *Cache) share(ctx context.Context, app App, kind core.TicketKind) (*entry, error) {
	k := keyOf(app, kind)
	done := c.flights.DoChan(k.flight(), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightTime)
		defer cancel()
		if e, ok := c.memory.Load(k); ok && c.Now().Before(e.useUntil) {
			return e, nil // somebody's flight landed while we were on our way here
		}
		e, err := c.load(ctx, app, k)
		if err != nil {
			return nil, err
		}
		c.memory.Store(k, e)
		return e, nil
	})
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
