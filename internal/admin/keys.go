package admin

import (
	"context"
	"errors"

	"signet/internal/core"
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
