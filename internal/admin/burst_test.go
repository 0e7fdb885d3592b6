package admin_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// The limit of a tenant holds for trials that are all under way at once: one
// administrator in a loop must not lock the platform out of WeCom.
func TestABurstOfTrialsStaysWithinTheLimit(t *testing.T) {
	t.Parallel()
	h := apptest.New(t, apptest.Config{})
	tenant := h.Tenant(t, "蓝湖科技", "ww1111111111111111")
	app := h.App(t, tenant, "1000002", apptest.Secret("right"))
	h.WeCom.ForgetCalls()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			_, _ = h.Admin.RotateSecret(context.WithoutCancel(t.Context()), apptest.Operator(), tenant.ID, app.ID,
				admin.NewSecret{Secret: core.NewSecret(apptest.Secret(fmt.Sprint("wrong-", i, "-")))})
		})
	}
	wg.Wait()
	calls := h.WeCom.Count(wecomtest.Filter{API: wecom.GetToken})
	require.LessOrEqual(t, calls, 30)
	require.Positive(t, calls)
}
