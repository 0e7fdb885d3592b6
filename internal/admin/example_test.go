package admin_test

import (
	"context"
	"fmt"

	"signet/internal/admin"
	"signet/internal/core"
	"signet/internal/fault"
)

// What the console's listener does with Actions.
func Example() {
	var (
		ctx     context.Context
		actions *admin.Actions // made by admin.New
		actor   core.Actor     // from identity
		tenant  core.TenantID
		app     core.AppID
	)
	version, err := actions.RotateSecret(ctx, actor, tenant, app, admin.NewSecret{Secret: core.NewSecret("from the request")})
	switch {
	case fault.Has(err, fault.SecretRefused):
		f := fault.Find(err)
		fmt.Println(f.Errcode, f.Detail(fault.Chinese)) // WeCom's number and the mend; nothing was stored
	case err != nil:
		fmt.Println(fault.Find(err).Code, fault.Find(err).RetryAfter)
	default:
		fmt.Println(version.Version, version.State, version.Fingerprint)
	}
}
