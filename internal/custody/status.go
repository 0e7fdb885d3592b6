package custody

import (
	"context"

	"signet/internal/core"
	"signet/internal/store"
)

// Status is where the keys stand.
type Status struct {
	Keys    map[int32]store.KeyCount // by epoch of the root key
	Turning []core.TenantID          // tenants whose own key is being turned, at most StatusTenants
}

// StatusTenants is how many tenants Status names.
const StatusTenants = 20

// Status tells how many keys lie under each root key, and whose key is being
// turned.
func (k *Keys) Status(ctx context.Context) (s Status, err error) {
	err = k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) error {
		s.Keys, err = tx.CountKeys(ctx)
		return err
	})
	if err != nil {
		return s, err
	}
	err = k.Store.System(ctx, func(tx *store.SystemTx) error {
		s.Turning, err = tx.ListTurningTenants(ctx, core.TenantID{}, StatusTenants)
		return err
	})
	return s, err
}

// Left is how many keys lie under root keys older than epoch.
func (s Status) Left(epoch int32) int64 { return under(s.Keys, epoch) }
