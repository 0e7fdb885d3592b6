package signing

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// apiKey is what signing knows of an API key that signs pages. What it knows never
// changes, a newer one takes its place; when it was used goes over.
type apiKey struct {
	hash  [32]byte
	appID core.AppID // zero: every app of the tenant
	ends  time.Time
	use   *keyUse
}

// keyUse is the last use of an API key on this node. A busy key writes it once a
// minute and reads it otherwise.
type keyUse struct {
	minute  atomic.Int64 // since 1970; 0: not used
	written atomic.Int64 // the minute that stands in the row
	network atomic.Pointer[netip.Prefix]
}

func (u *keyUse) note(now time.Time, network netip.Prefix) {
	if minute := now.Unix() / 60; u.minute.Load() != minute {
		kept := network // so that the parameter does not go to the heap each time
		u.network.Store(&kept)
		u.minute.Store(minute)
	}
}

// tenantKeys are the keys of one tenant that sign pages. It does not change.
type tenantKeys map[core.APIKeyID]apiKey

// checkKey tells whether an app for servers signs for what was shown. What is wrong
// with a key is not told: it may be a stranger who asks.
func (c *contents) checkKey(a *app, r Request, now time.Time) error {
	if !r.HasAPIKey {
		return fault.New(fault.APIKeyRequired, nil)
	}
	keys, _ := c.keys.Load(a.tenantID)
	key := keys[r.APIKey.Key]
	right := core.IsHash(key.hash, r.APIKey.SignHash()) // over the tenant's id as well
	if !right || !now.Before(key.ends) || !key.appID.IsZero() && key.appID != a.appID {
		return fault.New(fault.APIKeyRefused, nil)
	}
	key.use.note(now, r.Network)
	return nil
}

// putKeys puts keys in the place of what is held of the tenants named, or of their
// own where none are.
func (c *contents) putKeys(rows []store.SigningKey, tenants []core.TenantID) {
	fresh := map[core.TenantID]tenantKeys{}
	for _, id := range tenants {
		fresh[id] = nil
	}
	for _, row := range rows {
		if fresh[row.TenantID] == nil {
			fresh[row.TenantID] = tenantKeys{}
		}
		fresh[row.TenantID][row.Key] = apiKey{hash: row.Hash, appID: row.AppID, ends: row.EndsAt, use: &keyUse{}}
	}
	for id, keys := range fresh {
		if keys == nil {
			c.keys.Delete(id)
			continue
		}
		if was, held := c.keys.Load(id); held {
			keys.useLike(was)
		}
		c.keys.Store(id, keys)
	}
}

// useLike takes over the uses of keys that were held before. Nobody reads them yet.
func (t tenantKeys) useLike(was tenantKeys) {
	for id, key := range t {
		if before, held := was[id]; held {
			key.use = before.use
			t[id] = key
		}
	}
}

func (c *contents) reloadKeys(ctx context.Context, tx *store.SystemTx, tenants []core.TenantID) error {
	if len(tenants) == 0 {
		return nil
	}
	rows, err := tx.ListSigningKeys(ctx, tenants)
	if err == nil {
		c.putKeys(rows, tenants)
	}
	return err
}

// WriteKeyUses writes when the API keys that sign pages were last used here, for who
// looks after them. What could not be written is written the next time. It fails with
// fault.StoreUnavailable.
func (s *Signer) WriteKeyUses(ctx context.Context) error {
	var failed error
	s.directory.held.Load().keys.Range(func(tenant core.TenantID, keys tenantKeys) bool {
		for id, key := range keys {
			minute := key.use.minute.Load()
			if minute == key.use.written.Load() {
				continue
			}
			network := ""
			if from := key.use.network.Load(); from != nil && from.IsValid() {
				network = from.String()
			}
			failed = s.directory.store.Tenant(ctx, core.System("signing"), tenant, func(tx *store.TenantTx) error {
				return tx.UseAPIKey(ctx, id, time.Unix(minute*60, 0), network)
			})
			if failed != nil {
				return false
			}
			key.use.written.Store(minute)
		}
		return true
	})
	return failed
}
