package custody

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/store"
)

// Checked counts what was opened, and tells what is wrong.
type Checked struct {
	RootKeys, ScopeKeys, Tenants, Values int64
	Problems                             []error // each names the tenant, or the platform, and the kind of row
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
	ring.RenewFrom(cfg.readRows) // somebody may turn the root key meanwhile
	return &Keys{Config: cfg, Ring: ring}, nil
}

// Check opens everything: every root key, every sealed value, tenant by tenant, and
// every scope key, also of tenants that are not there. It shows no value and writes
// nothing. It fails where it could not look; what does not open stands in Problems,
// and so does an older row of a secret that was put back. A root key that is made
// meanwhile is taken up; Ring.Epochs has it then.
func (k *Keys) Check(ctx context.Context, tell func(Checked)) (Checked, error) {
	var c Checked
	if err := k.Ring.OpenAll(); err != nil {
		c.Problems = append(c.Problems, err)
		return c, nil
	}
	if err := k.checkPlatform(ctx, &c); err != nil {
		return c, err
	}
	checked := map[core.TenantID]bool{}
	err := k.checkTenants(ctx, &c, checked, tell)
	if err == nil {
		err = k.checkKeysOfNobody(ctx, &c, checked)
	}
	c.RootKeys = int64(len(k.Ring.Epochs()))
	return c, err
}

// checkTenants checks one tenant after the other, and notes whom in checked.
func (k *Keys) checkTenants(ctx context.Context, c *Checked, checked map[core.TenantID]bool, tell func(Checked)) error {
	for page := (core.Page{Limit: batch}); ; {
		var list core.List[core.Tenant]
		err := k.Store.System(ctx, func(tx *store.SystemTx) error {
			var err error
			list, err = tx.ListTenants(ctx, true, nil, core.EveryTenant, page)
			return err
		})
		if err != nil {
			return err
		}
		for _, tenant := range list.Items {
			if err := k.checkTenant(ctx, tenant.ID, c); err != nil {
				return err
			}
			checked[tenant.ID] = true
		}
		tell(*c)
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			return nil
		}
	}
}

// checkKeysOfNobody opens the keys of tenants that are not there: one that does not
// open keeps a root key from being turned, and the platform from being recovered. One
// that opens is no problem: its tenant was made after the data were backed up.
func (k *Keys) checkKeysOfNobody(ctx context.Context, c *Checked, checked map[core.TenantID]bool) error {
	return k.eachTenantKey(ctx, func(key store.ScopeKey) error {
		if checked[key.TenantID] {
			return nil
		}
		there, err := k.isThere(ctx, key.TenantID)
		if err != nil {
			return err
		}
		if there { // made meanwhile
			checked[key.TenantID] = true
			return k.checkTenant(ctx, key.TenantID, c)
		}
		closed := k.Ring.CheckScopeKey(sealKey(key))
		if closed != nil {
			if still, err := k.hasKey(ctx, key); err != nil || !still { // destroyed meanwhile
				return err
			}
			closed = keyOfNobody(key, closed)
		}
		c.note(&c.ScopeKeys, closed)
		return nil
	})
}

// isThere tells whether there is such a tenant.
func (k *Keys) isThere(ctx context.Context, tenant core.TenantID) (there bool, err error) {
	err = k.Store.Tenant(ctx, k.Actor, tenant, func(tx *store.TenantTx) error {
		_, err := tx.GetTenant(ctx)
		return err
	})
	if fault.Has(err, fault.TenantUnknown) {
		return false, nil
	}
	return err == nil, err
}

// hasKey tells whether a tenant's key lies in its row as it was read.
func (k *Keys) hasKey(ctx context.Context, key store.ScopeKey) (has bool, err error) {
	err = k.Store.Tenant(ctx, k.Actor, key.TenantID, func(tx *store.TenantTx) error {
		now, err := findTenantKey(ctx, tx, key.Version)
		has = now != nil && bytes.Equal(now.Wrapped, key.Wrapped)
		return err
	})
	return has, err
}

// keyOfNobody is closed with what helps where the tenant is not there.
func keyOfNobody(key store.ScopeKey, closed error) error {
	return fmt.Errorf("%w; there is no such tenant here, so the row is of no use: delete it as a superuser of Postgres with DELETE FROM signet_keys.tenant_keys WHERE tenant_id = '%s' AND version = %d",
		closed, key.TenantID, key.Version)
}

// aboutClosed puts keys that do not open into one error, the first few of them with
// what helps.
func (k *Keys) aboutClosed(ctx context.Context, closed []closedKey, shown int) error {
	var list []error
	for _, one := range closed[:min(shown, len(closed))] {
		err := one.err
		if !one.key.OfPlatform() {
			there, failed := k.isThere(ctx, one.key.TenantID)
			if failed == nil && !there {
				err = keyOfNobody(one.key, err)
			}
		}
		list = append(list, err)
	}
	return errors.Join(list...)
}

// closedKey is a scope key that does not open, and why.
type closedKey struct {
	key store.ScopeKey
	err error
}

// checkTenant opens the versions of a tenant's key and all that they have sealed.
func (k *Keys) checkTenant(ctx context.Context, tenant core.TenantID, c *Checked) error {
	return k.Store.Tenant(ctx, k.Actor, tenant, func(tx *store.TenantTx) error {
		// Values first: what was sealed under a version that is gone when the keys are
		// read was turned meanwhile, and a second look finds it.
		for again := true; ; again = false {
			seen := Checked{Tenants: 1}
			for _, look := range tenantLooks {
				if err := look(ctx, k, tx, tenant, &seen); err != nil {
					return err
				}
			}
			if len(seen.Problems) > 0 && again {
				continue
			}
			c.add(seen)
			return nil
		}
	})
}

// tenantLooks are what is looked at for each tenant. What is wrong is noted; a look
// fails where it could not be taken.
var tenantLooks = []func(context.Context, *Keys, *store.TenantTx, core.TenantID, *Checked) error{
	whatDoesNotOpen, whatWasPutBack,
}

// whatWasPutBack finds older rows of secrets, which open like any other.
func whatWasPutBack(ctx context.Context, _ *Keys, tx *store.TenantTx, tenant core.TenantID, seen *Checked) error {
	rows, err := tx.ListPutBackSecrets(ctx)
	for _, v := range rows {
		seen.note(nil, fmt.Errorf("tenant %s, app %s: version %d of the secret is an older row that was put back: let the secret be entered anew, and find out who writes to the database", tenant, v.AppID, v.Version))
	}
	return err
}

// whatDoesNotOpen opens the versions of a tenant's key and all that they have sealed.
func whatDoesNotOpen(ctx context.Context, k *Keys, tx *store.TenantTx, tenant core.TenantID, seen *Checked) error {
	values, err := tx.ListSealed(ctx)
	if err != nil {
		return err
	}
	versions, err := tx.ListKeyVersions(ctx)
	if err != nil {
		return err
	}
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
	return nil
}

func (k *Keys) checkValue(tenant core.TenantID, keys map[int32]seal.WrappedKey, v store.SealedValue) error {
	binding := BindingOf(tenant, v)
	key, ok := keys[v.KeyVersion]
	if !ok {
		return fmt.Errorf("open %s: version %d of the tenant's key is not there", binding, v.KeyVersion)
	}
	return k.Ring.CheckValue(key, binding, v.Sealed)
}

// checkPlatform opens the versions of the platform's own key and all that they have
// sealed.
func (k *Keys) checkPlatform(ctx context.Context, c *Checked) error {
	return k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) error {
		for again := true; ; again = false { // as in checkTenant
			values, err := tx.ListPlatformSealed(ctx)
			if err != nil {
				return err
			}
			versions, err := tx.ListPlatformKeys(ctx)
			if err != nil {
				return err
			}
			var seen Checked
			keys := map[int32]seal.WrappedKey{}
			for _, v := range versions {
				keys[v.Version] = sealKey(v)
				seen.note(&seen.ScopeKeys, k.Ring.CheckScopeKey(keys[v.Version]))
			}
			for _, v := range values {
				seen.note(&seen.Values, k.checkPlatformValue(keys, v))
			}
			if len(seen.Problems) > 0 && again {
				continue
			}
			c.add(seen)
			return nil
		}
	})
}

func (k *Keys) checkPlatformValue(keys map[int32]seal.WrappedKey, v store.PlatformValue) error {
	binding := platformBinding(v)
	key, ok := keys[v.KeyVersion]
	if !ok {
		return fmt.Errorf("open %s: version %d of the platform's key is not there", binding, v.KeyVersion)
	}
	return k.Ring.CheckValue(key, binding, v.Sealed)
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

// Err is what is wrong, in one error; nil where nothing is.
func (c Checked) Err() error {
	if len(c.Problems) == 0 {
		return nil
	}
	const shown = 20
	said, list := core.Counted(len(c.Problems), "problem"), c.Problems
	if len(list) > shown {
		said, list = fmt.Sprintf("%s, the first %d of them", said, shown), list[:shown]
	}
	return fmt.Errorf("%s:\n%w", said, errors.Join(list...))
}
