package custody

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/store"
)

// Checked counts what was opened, and tells what did not open.
type Checked struct {
	RootKeys, ScopeKeys, Tenants, Values int64
	Problems                             []error // each names the tenant and the kind of row
}

// Prover gives Keys that the offline recovery identity alone has opened, for
// Check and nothing else. Each root key must have the fingerprint of sheet, where
// sheet holds one for its epoch, and that of its row in any case.
func Prover(ctx context.Context, cfg Config, recovery *seal.Master, sheet map[int32]seal.RootFingerprint) (*Keys, error) {
	cfg = cfg.whole()
	rows, err := cfg.readRows(ctx)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, ErrNoRootKey
	}
	ring, err := seal.ProveRing(recovery, rows, sheet)
	if err != nil {
		return nil, err
	}
	return &Keys{Config: cfg, Ring: ring}, nil
}

// Check opens everything: every root key, every scope key, and every sealed value,
// tenant by tenant. It shows no value and writes nothing. It fails where it could
// not look; what does not open stands in Problems, and so does an older row of a
// secret that was put back.
func (k *Keys) Check(ctx context.Context, tell func(Checked)) (Checked, error) {
	var c Checked
	if err := k.Ring.OpenAll(); err != nil {
		c.Problems = append(c.Problems, err)
		return c, nil
	}
	c.RootKeys = int64(len(k.Ring.Epochs()))
	if err := k.checkPlatform(ctx, &c); err != nil {
		return c, err
	}
	for page := (core.Page{Limit: batch}); ; {
		var list core.List[core.Tenant]
		err := k.Store.System(ctx, func(tx *store.SystemTx) error {
			var err error
			list, err = tx.ListTenants(ctx, true, nil, core.EveryTenant, page)
			return err
		})
		if err != nil {
			return c, err
		}
		for _, tenant := range list.Items {
			if err := k.checkTenant(ctx, tenant.ID, &c); err != nil {
				return c, err
			}
		}
		tell(c)
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			return c, nil
		}
	}
}

// checkTenant opens the versions of a tenant's key and all that they have sealed.
func (k *Keys) checkTenant(ctx context.Context, tenant core.TenantID, c *Checked) error {
	return k.Store.Tenant(ctx, k.Actor, tenant, func(tx *store.TenantTx) error {
		// Values first: what was sealed under a version that is gone when the keys are
		// read was turned meanwhile, and a second look finds it.
		for again := true; ; again = false {
			values, err := tx.ListSealed(ctx)
			if err != nil {
				return err
			}
			versions, err := tx.ListKeyVersions(ctx)
			if err != nil {
				return err
			}
			seen := Checked{Tenants: 1}
			if len(versions) == 0 {
				seen.note(nil, fmt.Errorf("tenant %s has no key", tenant))
			}
			keys := map[int32]seal.WrappedKey{}
			for _, v := range versions {
				key, err := tx.GetTenantKey(ctx, v.Version)
				if fault.Has(err, fault.TenantUnknown) {
					continue
				}
				if err != nil {
					return err
				}
				keys[v.Version] = tenantKey(tenant, key)
				seen.note(&seen.ScopeKeys, k.Ring.CheckScopeKey(keys[v.Version]))
			}
			for _, v := range values {
				seen.note(&seen.Values, k.checkValue(tenant, keys, v))
			}
			putBack, err := tx.ListPutBackSecrets(ctx)
			if err != nil {
				return err
			}
			for _, v := range putBack {
				seen.note(nil, fmt.Errorf("tenant %s, app %s: version %d of the secret is an older row that was put back", tenant, v.AppID, v.Version))
			}
			if len(seen.Problems) > 0 && again {
				continue
			}
			c.add(seen)
			return nil
		}
	})
}

func (k *Keys) checkValue(tenant core.TenantID, keys map[int32]seal.WrappedKey, v store.SealedValue) error {
	binding := bindingOf(tenant, v)
	key, ok := keys[v.KeyVersion]
	if !ok {
		return fmt.Errorf("open %s: version %d of the tenant's key is not there", binding, v.KeyVersion)
	}
	return k.Ring.CheckValue(key, binding, v.Sealed)
}

// checkPlatform opens the platform's own keys and what they have sealed.
func (k *Keys) checkPlatform(ctx context.Context, c *Checked) error {
	return k.Store.Platform(ctx, k.Actor, func(tx *store.PlatformTx) error {
		rows, err := tx.ListSessionKeys(ctx)
		if err != nil {
			return err
		}
		keys := map[int32]seal.WrappedKey{}
		for _, row := range rows {
			if _, ok := keys[row.KeyVersion]; !ok {
				key, err := tx.GetPlatformKey(ctx, row.KeyVersion)
				if err != nil {
					return err
				}
				keys[row.KeyVersion] = sealKey(store.ScopeKey{WrappedKey: key})
				c.note(&c.ScopeKeys, k.Ring.CheckScopeKey(keys[row.KeyVersion]))
			}
			c.note(&c.Values, k.Ring.CheckValue(keys[row.KeyVersion], seal.ForSessionKey(row.ID), row.Sealed))
		}
		return nil
	})
}

func (c *Checked) note(count *int64, err error) {
	if err != nil {
		c.Problems = append(c.Problems, err)
		return
	}
	*count++
}

func (c *Checked) add(more Checked) {
	c.ScopeKeys += more.ScopeKeys
	c.Tenants += more.Tenants
	c.Values += more.Values
	c.Problems = append(c.Problems, more.Problems...)
}

// Err is what did not open, in one error; nil where all of it did.
func (c Checked) Err() error {
	if len(c.Problems) == 0 {
		return nil
	}
	const shown = 20
	return fmt.Errorf("%d keys and values do not open, or were put back:\n%w", len(c.Problems), errors.Join(c.Problems[:min(shown, len(c.Problems))]...))
}
