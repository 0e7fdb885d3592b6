package seal_test

import (
	"errors"
	"fmt"

	"signet/internal/core"
	"signet/internal/seal"
)

// The whole story: a master, its first root key, a tenant's key, a secret
// locked into its place, and what happens to it anywhere else.
func Example() {
	master, _, err := seal.GenerateMaster(seal.X25519)
	if err != nil {
		panic(err)
	}
	row, err := seal.FirstRootKey(master, nil)
	if err != nil {
		panic(err)
	}
	ring, err := seal.OpenRing(master, []seal.RootKeyRow{row})
	if err != nil {
		panic(err)
	}

	tenant, app := core.NewTenantID(), core.NewAppID()
	key, err := ring.NewScopeKey(seal.Tenant(tenant), 1)
	if err != nil {
		panic(err)
	}
	sealed, err := ring.Sealer().Seal(key, seal.ForAppSecret(tenant, app, 1), core.NewSecret("an app secret"))
	if err != nil {
		panic(err)
	}

	opener := ring.Opener(seal.AppSecret)
	secret, err := opener.Open(key, seal.ForAppSecret(tenant, app, 1), sealed)
	fmt.Println(secret, secret.Len(), err)
	_, err = opener.Open(key, seal.ForAppSecret(tenant, core.NewAppID(), 1), sealed)
	fmt.Println(errors.Is(err, seal.ErrAltered))
	// Output:
	// [redacted] 13 <nil>
	// true
}
