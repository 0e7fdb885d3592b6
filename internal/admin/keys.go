package admin

import (
	"context"
	"errors"
	"strconv"
	"time"

	"signet/internal/core"
	"signet/internal/failpoint"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/store"
)

// withNewKey draws a version of a tenant's key and hands it to work, which stores
// it. Where the root key was turned while this node had not heard of it, work is
// done once more, with a key under the new one.
func (a *Actions) withNewKey(ctx context.Context, tenant core.TenantID, version int32, work func(store.WrappedKey) error) error {
	try := func() error {
		key, err := a.NewScopeKey(seal.Tenant(tenant), version)
		if err != nil {
			return err
		}
		return work(store.WrappedKey{Version: key.Version, RootEpoch: key.RootEpoch, Wrapped: key.Bytes})
	}
	err := try()
	if !errors.Is(err, store.ErrRootKeyGone) {
		return err
	}
	if err := a.RenewKeys(ctx); err != nil {
		return err
	}
	return try()
}

// TenantKey is what may be known of a tenant's key.
type TenantKey struct {
	Version  int32        // the one that seals
	Versions []KeyVersion // newest first; more than one while it is being turned
}

// KeyVersion is one version of a tenant's key.
type KeyVersion struct {
	Version, RootEpoch int32
	CreatedAt          time.Time
	Values             int64 // how many sealed values need it
}

// errNoKey says that a tenant that is there has no key: somebody took it away.
var errNoKey = errors.New("the tenant has no key: restore it from the key backup")

// GetTenantKey gives what may be known of a tenant's key. It fails with
// fault.TenantUnknown.
func (a *Actions) GetTenantKey(ctx context.Context, actor core.Actor, tenant core.TenantID) (TenantKey, error) {
	return read(ctx, a, actor, tenant, core.TenantRead, func(tx *store.TenantTx) (TenantKey, error) { return keyOf(ctx, tx) })
}

// RotateTenantKey makes a newer version of a tenant's key, which seals from then
// on; what older ones have sealed is turned to it by the nodes, one after the
// other, and then those are destroyed. While that goes on no other is made: it gives
// what there is. It fails with fault.TenantUnknown or fault.PermissionDenied.
func (a *Actions) RotateTenantKey(ctx context.Context, actor core.Actor, tenant core.TenantID) (TenantKey, error) {
	if err := actor.MayIn(tenant, core.KeysRotate); err != nil {
		return TenantKey{}, err
	}
	held, err := a.GetTenantKey(ctx, actor, tenant)
	if err != nil || len(held.Versions) > 1 {
		return held, err
	}
	version := held.Version + 1
	entry := core.AuditEntry{Action: "tenant_key.turn", SubjectKind: "tenant_key", Subject: strconv.Itoa(int(version)), Detail: map[string]string{}}
	err = a.withNewKey(ctx, tenant, version, func(key store.WrappedKey) error {
		return a.Store.Tenant(ctx, actor, tenant, func(tx *store.TenantTx) error {
			// At once for writing, and not by change: of two who hold the row for reading
			// and then want to write it, each would wait for the other.
			t, err := lockTenant(ctx, tx, nil)
			if err != nil {
				return err
			}
			if err := refuseChange(actor, t); err != nil {
				return err
			}
			if held, err = keyOf(ctx, tx); err != nil || held.Version != version-1 || len(held.Versions) > 1 {
				return err // or somebody else was faster
			}
			failpoint.At(failpoint.TenantBeforeKey)
			if err := tx.TurnTenantKey(ctx, key); err != nil {
				return err
			}
			if held, err = keyOf(ctx, tx); err != nil {
				return err
			}
			return tx.Audit(ctx, entry)
		})
	})
	if err == nil {
		failpoint.At(failpoint.TenantKeyStored)
	}
	return held, err
}

func keyOf(ctx context.Context, tx *store.TenantTx) (TenantKey, error) {
	list, err := tx.ListKeyVersions(ctx)
	if err != nil {
		return TenantKey{}, err
	}
	if len(list) == 0 {
		return TenantKey{}, fault.Wrap(errNoKey, fault.InternalError, nil)
	}
	k := TenantKey{Version: list[0].Version}
	for _, v := range list {
		k.Versions = append(k.Versions, KeyVersion{Version: v.Version, RootEpoch: v.RootEpoch, CreatedAt: v.CreatedAt, Values: v.Values})
	}
	return k, nil
}
