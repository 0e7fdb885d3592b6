package admin_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/fault"
)

// A tenant's key that is turned between the reading of a row and that of its key
// changes nothing of what an action does.
func TestAKeyThatIsTurnedBetweenTwoReadings(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(t *testing.T, b bundle) error{
		"the same secret": func(t *testing.T, b bundle) error {
			t.Helper()
			_, err := b.rotate(t, apptest.Secret("first"))
			if fault.Has(err, fault.SecretUnchanged) {
				return nil
			}
			return fmt.Errorf("it was taken for another: %w", err)
		},
		"a new secret": func(t *testing.T, b bundle) error {
			t.Helper()
			_, err := b.rotate(t, apptest.Secret("third"))
			return err
		},
		"a trial": func(t *testing.T, b bundle) error { t.Helper(); _, err := b.try(t, 2); return err },
		"an activation": func(t *testing.T, b bundle) error {
			t.Helper()
			calls := b.calls()
			_, err := b.activate(t, 2)
			require.Equal(t, calls, b.calls(), "what the trial fetched is used")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &book{}
			b := setup(t, func(c *apptest.Config) { c.Log = log })
			b.addApp(corp, agent, apptest.Secret("third"))
			b.keep(t, b.tenant, b.app, "second")
			_, err := b.try(t, 2)
			require.NoError(t, err)
			b.DB.Exec(t, `DELETE FROM signet.tickets`)
			turning := b.TurnKey(t, b.tenant.ID)
			require.Equal(t, 4, turning.Values())
			require.NoError(t, turning.Between(t, func() error { return act(t, b) }))
			require.Zero(t, log.count(`"alert"`))
		})
	}
}

// Of several who ask for a new key at once one makes it, and the others are told of
// it: nobody waits for who waits for them.
func TestATenantsKeyIsTurnedByTwoAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	held := b.DB.Hold(t, "signet.legacy_hosts") // of no consequence: what is held is the row
	held.Exec(t, `SELECT FROM signet.tenants FOR SHARE`)
	ended := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := b.Admin.RotateTenantKey(t.Context(), apptest.Operator(), b.tenant.ID)
			ended <- err
		}()
	}
	b.awaitWaiting(t, 2)
	held.Commit(t)
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
	require.Equal(t, []string{"1", "2"}, b.DB.List(t, `SELECT version::text FROM signet_keys.tenant_keys ORDER BY version`))
}
