package custody

import (
	"context"

	"signet/internal/core"
	"signet/internal/store"
)

// Status is where the keys stand.
type Status struct {
	Keys     map[int32]store.KeyCount // scope keys, by epoch of the root key
	Values   map[int32]Values         // sealed values below them, by epoch; at 0 those whose key is not there
	Turning  []core.TenantID          // tenants whose own key is being turned, at most StatusTenants
	Platform PlatformTurning          // of the platform's own key; nobody's turning where From is 0
}

// Values counts sealed values.
type Values struct {
	store.ValueCount
	Platform int64
}

// Sum is how many they are together.
func (v Values) Sum() int64 { return v.Secrets + v.Tickets + v.Trials + v.Answers + v.Platform }

// StatusTenants is how many tenants Status names.
const StatusTenants = 20

// Status tells what lies under each root key, and whose key is being turned. It reads
// every row with a sealed value; 100,000 tenants take less than a second.
func (k *Keys) Status(ctx context.Context) (s Status, err error) {
	var platform map[int32]int64
	var own []store.ScopeKey
	err = k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) error {
		if s.Keys, err = tx.CountKeys(ctx); err != nil {
			return err
		}
		if platform, err = tx.CountPlatformSealed(ctx); err != nil {
			return err
		}
		own, err = tx.ListPlatformKeys(ctx)
		return err
	})
	if err != nil {
		return s, err
	}
	var tenants map[int32]store.ValueCount
	err = k.Store.System(ctx, func(tx *store.SystemTx) error {
		if s.Turning, err = tx.ListTurningTenants(ctx, core.TenantID{}, StatusTenants); err != nil {
			return err
		}
		tenants, err = tx.CountSealed(ctx)
		return err
	})
	s.Values = map[int32]Values{}
	for epoch, count := range tenants {
		s.Values[epoch] = Values{ValueCount: count}
	}
	for version, values := range platform {
		epoch := epochOf(own, version)
		v := s.Values[epoch]
		v.Platform += values
		s.Values[epoch] = v
	}
	if len(own) > 1 {
		s.Platform = PlatformTurning{From: own[0].Version, To: own[len(own)-1].Version}
		s.Platform.Left = beforeVersion(platform, s.Platform.To)
	}
	return s, err
}

// epochOf gives the root key that a version lies under, 0 where it is not there.
func epochOf(keys []store.ScopeKey, version int32) int32 {
	for _, key := range keys {
		if key.Version == version {
			return key.RootEpoch
		}
	}
	return 0
}

// Left is how many keys lie under root keys older than epoch.
func (s Status) Left(epoch int32) int64 { return under(s.Keys, epoch) }
