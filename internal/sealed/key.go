package sealed

import (
	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/store"
)

// Key gives a version of a tenant's key, as it lies in its row, to who seals or opens
// with it.
func Key(tenant core.TenantID, k store.WrappedKey) seal.WrappedKey {
	return seal.WrappedKey{Scope: seal.Tenant(tenant), Version: k.Version, RootEpoch: k.RootEpoch, Bytes: k.Wrapped}
}
