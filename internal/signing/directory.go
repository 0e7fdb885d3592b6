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
// takes its place; it remembers the tickets it was given last. What every
// signature needs stands first: with a hundred thousand apps each of them comes
// from memory that no cache holds.
type app struct {
	hosts string // the trusted domains, parted by hostEnd: one piece of memory
	held  ticket.Held

	allowHTTP       bool
	tenantSuspended bool
	appSuspended    bool
	ready           bool // there is a current secret

	agentID core.AgentID
	ticket.App
}

// hostEnd stands in no host.
const hostEnd = " "

func (a *app) trusts(host string) bool {
	for rest := a.hosts; rest != ""; {
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
}

// contents is what a Load has read and apply keeps up. A Load changes it whole,
// so that nothing stays which is no longer there.
type contents struct {
	apps   *xsync.Map[core.AppKey, *app]
	legacy *xsync.Map[core.Host, core.AppKey]
}

func newContents() *contents {
	return &contents{apps: xsync.NewMap[core.AppKey, *app](), legacy: xsync.NewMap[core.Host, core.AppKey]()}
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
		return tx.EachLegacyHost(ctx, func(host core.Host, key core.AppKey) { fresh.legacy.Store(host, key) })
	})
	if err != nil {
		return from, fmt.Errorf("load the apps: %w", err)
	}
	d.held.Store(fresh)
	return from, nil
}

// apply reads again what the changes name, in one snapshot that is newer than
// all of them; so applying one twice, or late, does no harm. It gives the apps
// that are gone.
func (d *Directory) apply(ctx context.Context, changes []store.Change) (gone []ticket.App, err error) {
	var keys []core.AppKey
	var tenants []core.TenantID
	var hosts []core.Host
	for _, c := range changes {
		switch c.Kind {
		case store.TenantChanged:
			tenants = append(tenants, c.TenantID)
		case store.AppChanged, store.SecretChanged:
			keys = append(keys, c.AppKey)
		case store.LegacyHostChanged:
			hosts = append(hosts, c.Host)
		}
	}
	err = d.store.System(ctx, func(tx *store.SystemTx) error {
		held := d.held.Load()
		if gone, err = held.reloadApps(ctx, tx, keys, tenants); err != nil {
			return err
		}
		return held.reloadHosts(ctx, tx, hosts)
	})
	return gone, err
}

// Len tells how many apps are held.
func (d *Directory) Len() int { return d.held.Load().apps.Size() }

// serves tells whether a tenant has an app of a corp. It looks at every app.
func (d *Directory) serves(tenant core.TenantID, corp core.CorpID) bool {
	found := false
	d.held.Load().apps.Range(func(_ core.AppKey, a *app) bool {
		found = a.TenantID == tenant && a.CorpID == corp
		return !found
	})
	return found
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
			gone = append(gone, was.App)
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
	c.apps.Store(row.Key, &app{
		App:     ticket.App{TenantID: row.TenantID, AppID: row.AppID, CorpID: row.CorpID},
		agentID: row.AgentID, hosts: joinHosts(row.Hosts),
		allowHTTP: row.AllowHTTP, tenantSuspended: row.TenantSuspended, appSuspended: row.AppSuspended,
		ready: row.SecretVersion > 0,
	})
}

func joinHosts(hosts []core.Host) string {
	var b strings.Builder
	for i, host := range hosts {
		if i > 0 {
			b.WriteString(hostEnd)
		}
		b.WriteString(string(host))
	}
	return b.String()
}

func (d *Directory) find(key core.AppKey) *app {
	a, _ := d.held.Load().apps.Load(key)
	return a
}

// findLegacy gives the app to which a host is bound, nil if none is. A binding
// whose app has just been deleted finds none.
func (d *Directory) findLegacy(host string) *app {
	key, bound := d.held.Load().legacy.Load(core.Host(host))
	if !bound {
		return nil
	}
	return d.find(key)
}
