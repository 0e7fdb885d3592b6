package admin_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/fault"
)

// What somebody with the database alone can do to a tenant's key. The parameter
// $1 is the tenant's id.
var damagedKeys = map[string]string{
	"a bit turned":         `UPDATE signet_keys.tenant_keys SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1) WHERE tenant_id = $1`,
	"another tenant's key": `UPDATE signet_keys.tenant_keys t SET wrapped = o.wrapped FROM signet_keys.tenant_keys o WHERE t.tenant_id = $1 AND o.tenant_id <> $1`,
	"cut":                  `UPDATE signet_keys.tenant_keys SET wrapped = substr(wrapped, 1, length(wrapped) - 1) WHERE tenant_id = $1`,
	"no key":               `DELETE FROM signet_keys.tenant_keys WHERE tenant_id = $1`,
}

func TestATenantKeyThatDoesNotOpenIsAnAlertAndStoresNothing(t *testing.T) {
	t.Parallel()
	for name, statement := range damagedKeys {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			neighbour := b.Tenant(t, "北辰物流", corp)
			var log strings.Builder
			b.Admin = admin.New(admin.Config{
				Store: b.Store, Trials: b.Trials, Sealer: b.Ring.Sealer(), NewScopeKey: b.Ring.NewScopeKey,
				Log: slog.New(slog.NewJSONHandler(&log, nil)),
			})
			require.Positive(t, b.DB.Exec(t, statement, b.tenant.ID.String()))
			fresh := b.known("1000300", apptest.Secret("fresh"))
			before := b.contents(t)
			for _, attempt := range []func() error{
				func() error { _, err := b.rotate(t, apptest.Secret("first")); return err },
				func() error {
					_, err := b.Admin.CreateApp(t.Context(), apptest.Operator(), b.tenant.ID, fresh)
					return err
				},
			} {
				err := attempt()
				require.Error(t, err)
				require.Equal(t, fault.InternalError, fault.Find(err).Code, err)
				require.Equal(t, before, b.contents(t), "nothing is stored")
				require.Equal(t, 1, strings.Count(log.String(), `"alert":"seal_refused"`), "once, however many try: %s", log.String())
				require.Equal(t, 1, strings.Count(log.String(), `"tenant_id":"`+b.tenant.ID.String()+`"`))
			}
			require.NotContains(t, log.String(), apptest.Secret("first"))

			_, err := b.Admin.CreateApp(t.Context(), apptest.Operator(), neighbour.ID, fresh)
			require.NoError(t, err, "a neighbour has its own key")
			require.Equal(t, 1, strings.Count(log.String(), "\n"))
		})
	}
}
