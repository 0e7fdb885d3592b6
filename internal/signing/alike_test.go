package signing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/signing"
)

// T-TIM-1, without a clock: what is there and what is not, where the answer is the
// same, asks nobody and makes as much garbage. It does not run beside other tests,
// whose garbage would be counted.
func TestWhatIsNotThereIsAsMuchWork(t *testing.T) {
	h, tenant, app, key, _ := serverHouse(t)
	plain := h.App(t, tenant, "1000300", apptest.Secret("second"), host)
	gone := h.App(t, tenant, "1000301", apptest.Secret("third"), host)
	require.NoError(t, h.Admin.DeleteApp(t.Context(), apptest.Operator(), tenant.ID, gone.ID, nil))
	h.Catch(t)
	_, err := h.Sign(t.Context(), plain, page)
	require.NoError(t, err)
	for _, pair := range []struct {
		name           string
		code           fault.Code
		known, unknown signing.Request
	}{
		{"an app", fault.AppUnknown, signing.Request{AppKey: gone.Key.String(), Page: page}, signing.Request{AppKey: core.NewAppKey().String(), Page: page}},
		{"an API key", fault.APIKeyRefused, shown(app, core.NewAPIKeyToken(tenant.ID, key.ID)), shown(app, core.NewAPIKeyToken(tenant.ID, core.NewAPIKeyID()))},
		{"an API key of another tenant", fault.APIKeyRefused, shown(app, core.NewAPIKeyToken(tenant.ID, key.ID)), shown(app, core.NewAPIKeyToken(core.NewTenantID(), core.NewAPIKeyID()))},
		{"a host without an app", fault.AppMissing, signing.Request{Page: page}, signing.Request{Page: "https://nobodys.example.com/"}},
	} {
		t.Run(pair.name, func(t *testing.T) {
			statements, calls := h.Store.Statements(), len(h.WeCom.Calls())
			var made [2]float64
			for way, request := range []signing.Request{pair.known, pair.unknown} {
				made[way] = testing.AllocsPerRun(1000, func() {
					if _, err := h.Signer.Sign(context.Background(), request); !fault.Has(err, pair.code) {
						t.Fatalf("%v", err)
					}
				})
			}
			require.InDelta(t, made[0], made[1], 0)
			require.Equal(t, statements, h.Store.Statements())
			require.Len(t, h.WeCom.Calls(), calls)
		})
	}
}
