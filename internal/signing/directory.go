package signing

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/puzpuzpuz/xsync/v4"

	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/ticket"
)

// app is what signing knows of an app. What it knows never changes, a newer one
// takes its place. With a hundred thousand apps memory is what a signature waits
// for, so all that it needs lies in one piece: the app, its text in room, and
// behind both, once there are any, its tickets (warmApp).
type app struct {
	text     string       // corp id, agent id and trusted domains (parted by hostEnd)
	tickets  *ticket.Pair // nil: none were asked for yet
	corpEnd  uint8        // where these end in text
	agentEnd uint8
	allows   permits
	used     uint32 // hour of the last signature that was asked for; read and written atomically
	tenantID core.TenantID
	appID    core.AppID
	room     [64]byte // where text lies if it is as long as most are
}

// warmApp is an app with its tickets, whose values lie in values if they are as
// long as WeCom's.
type warmApp struct {
	app
	pair   ticket.Pair
	values [192]byte
}

// like takes over all but the tickets of another.
func (a *app) like(other *app) {
	a.corpEnd, a.agentEnd, a.allows = other.corpEnd, other.agentEnd, other.allows
	a.tenantID, a.appID = other.tenantID, other.appID
	a.useLike(other)
	a.setText([]byte(other.text))
}

func (a *app) cold() *app {
	c := new(app)
	c.like(a)
	return c
}

func (a *app) warmed(p ticket.Pair) *app {
	w := &warmApp{pair: p}
	w.like(a)
	if p.Corp.Len()+p.Agent.Len() <= len(w.values) {
		w.pair.Corp = core.SecretIn(w.values[:], p.Corp)
		w.pair.Agent = core.SecretIn(w.values[p.Corp.Len():], p.Agent)
	}
	w.tickets = &w.pair
	return &w.app
}

func (a *app) setText(text []byte) {
	if len(text) <= len(a.room) {
		a.text = core.StringIn(a.room[:], text)
	} else {
		a.text = string(text)
	}
}

// permits are what an app is let do, and what stops it.
type permits uint8

const (
	allowHTTP permits = 1 << iota
	tenantSuspended
	appSuspended
	ready // there is a current secret
	strict
	serverOnly // who asks shows an API key
)

func (a *app) is(p permits) bool { return a.allows&p != 0 }

func (a *app) allow(p permits, yes bool) {
	if yes {
		a.allows |= p
	}
}

func (a *app) corpID() core.CorpID   { return core.CorpID(a.text[:a.corpEnd]) }
func (a *app) agentID() core.AgentID { return core.AgentID(a.text[a.corpEnd:a.agentEnd]) }
func (a *app) hosts() string         { return a.text[a.agentEnd:] }

// ticketApp says for which app tickets are wanted.
func (a *app) ticketApp() ticket.App {
	return ticket.App{TenantID: a.tenantID, AppID: a.appID, CorpID: a.corpID()}
}

// hostEnd stands in no host.
const hostEnd = " "

func (a *app) trusts(host string) bool {
	for rest := a.hosts(); rest != ""; {
		var trusted string
		trusted, rest, _ = strings.Cut(rest, hostEnd)
		if core.Host(trusted).Matches(host) {
			return true
		}
	}
	return false
}

// Directory holds every app of the platform in memory, so that a page is
// judged without asking anyone. Load fills it, Signer.Apply keeps it current.
//
// It is safe for concurrent use; readers take no lock.
type Directory struct {
	store *store.Store
	held  atomic.Pointer[contents]
	feed  feed
}

// contents is what a Load has read and apply keeps up. A Load changes it whole,
// so that nothing stays which is no longer there.
type contents struct {
	apps   *xsync.Map[core.AppKey, *app]
	legacy *xsync.Map[core.Host, core.AppKey]
	keys   *xsync.Map[core.TenantID, tenantKeys]
}

func newContents() *contents {
	return &contents{apps: xsync.NewMap[core.AppKey, *app](), legacy: xsync.NewMap[core.Host, core.AppKey](), keys: xsync.NewMap[core.TenantID, tenantKeys]()}
}

// NewDirectory makes an empty Directory.
func NewDirectory(st *store.Store) *Directory {
	d := &Directory{store: st}
	d.held.Store(newContents())
	return d
}

// Load reads every app and bound host in one snapshot, puts them in the place of
// what was held, and gives the place in the change feed from which Signer.Apply
// must go on. It fails with fault.StoreUnavailable, and then what was held stays.
func (d *Directory) Load(ctx context.Context) (store.FeedPosition, error) {
	var from store.FeedPosition
	fresh := newContents()
	err := d.store.System(ctx, func(tx *store.SystemTx) error {
		var err error
		if from, err = tx.Horizon(ctx); err != nil {
			return err
		}
		if err := tx.EachSigningApp(ctx, fresh.put); err != nil {
			return err
		}
		if err := tx.EachLegacyHost(ctx, func(host core.Host, key core.AppKey) { fresh.legacy.Store(host, key) }); err != nil {
			return err
		}
		keys, err := tx.ListEverySigningKey(ctx)
		fresh.putKeys(keys, nil)
		return err
	})
	if err != nil {
		return from, fmt.Errorf("load the apps: %w", err)
	}
	was := d.held.Load()
	fresh.keys.Range(func(tenant core.TenantID, keys tenantKeys) bool {
		if before, held := was.keys.Load(tenant); held {
			keys.useLike(before)
		}
		return true
	})
	d.held.Swap(fresh).apps.Range(func(key core.AppKey, was *app) bool {
		if now, still := fresh.apps.Load(key); still {
			now.useLike(was)
		}
		return true
	})
	return from, nil
}

// apply reads again what the changes name, as it is after all of them; so applying
// one twice, or late, does no harm. It gives the apps that are gone.
func (d *Directory) apply(ctx context.Context, tx *store.SystemTx, changes []store.Change) (gone []ticket.App, err error) {
	var keys []core.AppKey
	var tenants, keysOf []core.TenantID
	var hosts []core.Host
	for _, c := range changes {
		switch c.Kind {
		case store.TenantChanged:
			tenants = append(tenants, c.TenantID)
		case store.AppChanged, store.SecretChanged:
			keys = append(keys, c.AppKey)
		case store.LegacyHostChanged:
			hosts = append(hosts, c.Host)
		case store.APIKeyChanged:
			keysOf = append(keysOf, c.TenantID)
		case store.TicketChanged: // nothing that is held here
		}
	}
	held := d.held.Load()
	if gone, err = held.reloadApps(ctx, tx, keys, tenants); err != nil {
		return gone, err
	}
	for _, app := range gone { // and with it the keys that were bound to it
		keysOf = append(keysOf, app.TenantID)
	}
	if err := held.reloadKeys(ctx, tx, keysOf); err != nil {
		return gone, err
	}
	return gone, held.reloadHosts(ctx, tx, hosts)
}

// Len tells how many apps are held.
func (d *Directory) Len() int { return d.held.Load().apps.Size() }

// served gives every app that is held, and the corps that they are of.
func (d *Directory) served() (apps map[ticket.AppOf]bool, corps map[ticket.CorpOf]bool) {
	apps, corps = map[ticket.AppOf]bool{}, map[ticket.CorpOf]bool{}
	d.held.Load().apps.Range(func(_ core.AppKey, a *app) bool {
		apps[ticket.AppOf{Tenant: a.tenantID, App: a.appID}] = true
		corps[ticket.CorpOf{Tenant: a.tenantID, Corp: a.corpID()}] = true
		return true
	})
	return apps, corps
}

// dropServed takes out of a set the corps of which their tenant has an app. It
// looks at every app until the set is empty.
func (d *Directory) dropServed(corps map[ticket.CorpOf]bool) {
	if len(corps) == 0 {
		return
	}
	d.held.Load().apps.Range(func(_ core.AppKey, a *app) bool {
		delete(corps, ticket.CorpOf{Tenant: a.tenantID, Corp: a.corpID()})
		return len(corps) > 0
	})
}

func (c *contents) reloadApps(ctx context.Context, tx *store.SystemTx, keys []core.AppKey, tenants []core.TenantID) (gone []ticket.App, err error) {
	if len(keys) == 0 && len(tenants) == 0 {
		return nil, nil
	}
	found := make(map[core.AppKey]bool, len(keys))
	err = tx.EachSigningAppNamed(ctx, keys, tenants, func(row *store.SigningApp) {
		found[row.Key] = true
		c.put(row)
	})
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if found[key] {
			continue
		}
		if was, held := c.apps.LoadAndDelete(key); held {
			gone = append(gone, was.ticketApp())
		}
	}
	return gone, nil
}

func (c *contents) reloadHosts(ctx context.Context, tx *store.SystemTx, hosts []core.Host) error {
	for _, host := range hosts {
		key, found, err := tx.FindLegacyHostApp(ctx, host)
		if err != nil {
			return err
		}
		if found {
			c.legacy.Store(host, key)
		} else {
			c.legacy.Delete(host)
		}
	}
	return nil
}

func (c *contents) put(row *store.SigningApp) {
	a := &app{tenantID: row.TenantID, appID: row.AppID}
	a.allow(allowHTTP, row.AllowHTTP)
	a.allow(strict, row.Strict)
	a.allow(serverOnly, row.ServerOnly)
	a.allow(tenantSuspended, row.TenantSuspended)
	a.allow(appSuspended, row.AppSuspended)
	a.allow(ready, row.SecretVersion > 0)
	var scratch [256]byte
	text := append(scratch[:0], row.CorpID...)
	a.corpEnd = uint8(len(text))
	text = append(text, row.AgentID...)
	a.agentEnd = uint8(len(text))
	for i, host := range row.Hosts {
		if i > 0 {
			text = append(text, hostEnd...)
		}
		text = append(text, host...)
	}
	a.setText(text)
	c.apps.Compute(row.Key, func(was *app, known bool) (*app, xsync.ComputeOp) {
		if known {
			a.useLike(was)
		}
		return a, xsync.UpdateOp
	})
}

// keepTickets puts an app with its tickets in the place of the one that asked for
// them, if that is still what is known of the app.
func (d *Directory) keepTickets(key core.AppKey, asked *app, p ticket.Pair) {
	warm := asked.warmed(p)
	d.held.Load().apps.Compute(key, func(now *app, _ bool) (*app, xsync.ComputeOp) {
		if now != asked {
			return now, xsync.CancelOp
		}
		return warm, xsync.UpdateOp
	})
}

// forgetTickets lets every app ask for its tickets again.
func (d *Directory) forgetTickets() {
	held := d.held.Load()
	held.apps.Range(func(key core.AppKey, a *app) bool {
		if a.tickets != nil {
			held.apps.Compute(key, func(now *app, known bool) (*app, xsync.ComputeOp) {
				if !known || now.tickets == nil {
					return now, xsync.CancelOp
				}
				return now.cold(), xsync.UpdateOp
			})
		}
		return true
	})
}

func (d *Directory) find(key core.AppKey) *app {
	a, _ := d.held.Load().apps.Load(key)
	return a
}

// findLegacy gives the app to which a host is bound, nil if none is. A binding
// whose app has just been deleted finds none.
func (d *Directory) findLegacy(host string) (core.AppKey, *app) {
	key, bound := d.held.Load().legacy.Load(core.Host(host))
	if !bound {
		return key, nil
	}
	return key, d.find(key)
}
