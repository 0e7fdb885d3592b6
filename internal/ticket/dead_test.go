package ticket_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/wecom/wecomtest"
)

// A rotation while the former secret is at WeCom: that it comes back well is no
// reason to keep it for a day without Postgres.
func TestAFormerSecretThatComesBackLateIsNotKept(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	second := apptest.Secret("second")
	n.WeCom.AddApp(wecomtest.App{Corp: corp, Agent: agent, Name: "app", Secret: second, Domains: []string{host}})
	signed := n.signHeldUp(t)
	_, err := n.Admin.RotateSecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID,
		admin.NewSecret{Secret: core.NewSecret(second)})
	require.NoError(t, err)
	n.Catch(t)
	n.WeCom.Release()
	require.NoError(t, <-signed)
	n.WeCom.RemoveSecret(corp, agent, n.app.SecretText)
	n.cutOff(t)
	n.clock.Advance(life)
	_, err = n.Sign(t.Context(), n.app, page)
	require.NoError(t, err)
}

// A secret that WeCom has rejected is not tried a second time, also where Postgres
// could not be told of it.
func TestADeadSecretThatPostgresWasNotToldOfIsTriedOnce(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(t *testing.T, n node) (back func()){
		"read-only": func(t *testing.T, n node) func() { t.Helper(); return n.readOnly(t) },
		"away":      func(t *testing.T, n node) func() { t.Helper(); return n.cutOff(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.mustSign(t)
			back := away(t, n)
			n.WeCom.ResetSecret(corp, agent, apptest.Secret("second"))
			n.clock.Advance(life)
			require.Equal(t, made{1, 0, 0}, n.since(func() {
				for range 20 {
					_, err := n.Sign(t.Context(), n.app, page)
					require.Error(t, err)
					n.clock.Advance(5 * time.Minute)
				}
			}))
			back()
			require.Zero(t, n.since(func() { n.mustRefuse(t, fault.SecretRejected) }))
			require.Equal(t, []string{"wecom.secret_rejected"}, n.DB.List(t, `SELECT problem FROM signet.app_secrets`), "now it is told")
			require.Equal(t, 1, n.logged(`"alert":"secret_rejected"`), "one alert")

			_, err := n.Admin.RotateSecret(t.Context(), apptest.Operator(), n.tenant.ID, n.app.ID,
				admin.NewSecret{Secret: core.NewSecret(apptest.Secret("second"))})
			require.NoError(t, err)
			n.Catch(t)
			n.app.SecretText = apptest.Secret("second")
			n.mustSign(t)
		})
	}
}

// readOnly lets Postgres take nothing from the tenants' role.
func (n node) readOnly(t *testing.T) (back func()) {
	t.Helper()
	role := `ALTER ROLE signet_app IN DATABASE ` + n.DB.Name
	anew := func() {
		n.DB.Exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'signet_app'`)
	}
	n.DB.Exec(t, role+` SET default_transaction_read_only = on`)
	anew()
	return func() {
		n.DB.Exec(t, role+` RESET default_transaction_read_only`)
		anew()
	}
}
