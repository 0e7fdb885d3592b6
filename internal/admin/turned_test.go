package admin_test

import (
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/store"
)

// turn gives the statements that turn the tenant's secrets, and what their trials
// fetched, to version 2 of its key.
func (b bundle) turn(t *testing.T) (statements []string) {
	t.Helper()
	_, err := b.Admin.RotateTenantKey(t.Context(), apptest.Operator(), b.tenant.ID)
	require.NoError(t, err)
	require.NoError(t, b.Store.Tenant(t.Context(), core.System("test"), b.tenant.ID, func(tx *store.TenantTx) error {
		keys := map[int32]seal.WrappedKey{}
		for version := range int32(2) {
			k, err := tx.GetTenantKey(t.Context(), version+1)
			require.NoError(t, err)
			keys[version+1] = seal.WrappedKey{Scope: seal.Tenant(b.tenant.ID), Version: k.Version, RootEpoch: k.RootEpoch, Bytes: k.Wrapped}
		}
		values, err := tx.ListSealed(t.Context())
		require.NoError(t, err)
		for _, v := range values {
			place, set := seal.ForAppSecret(b.tenant.ID, v.AppID, int32(v.Number)), "key_version = 2"
			switch v.Kind {
			case store.ValueOfTicket:
				continue
			case store.ValueOfTrial:
				place = seal.ForTrialGrant(b.tenant.ID, v.AppID, int32(v.Number), v.Ticket, v.FetchedAt)
			case store.ValueOfSecret:
			}
			anew, err := b.Ring.Resealer().Reseal(keys[1], keys[2], place, v.Sealed)
			require.NoError(t, err)
			if anew.Fingerprint != "" {
				set += fmt.Sprintf(", fingerprint = '%s'", anew.Fingerprint)
			}
			statements = append(statements, fmt.Sprintf(`UPDATE %s SET %s, sealed = '\x%s' WHERE sealed = '\x%s'`,
				store.SealedTables[v.Kind], set, hex.EncodeToString(anew.Bytes), hex.EncodeToString(v.Sealed)))
		}
		return nil
	}))
	return statements
}

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
			turned := b.turn(t)
			require.Len(t, turned, 4)

			held := b.DB.Hold(t, "signet_keys.tenant_keys")
			ended := make(chan error, 1)
			go func() { ended <- act(t, b) }()
			waiting := `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
			require.Eventually(t, func() bool { return len(b.DB.List(t, waiting)) > 0 }, time.Minute, time.Millisecond)
			for _, statement := range turned {
				held.Exec(t, statement)
			}
			held.Exec(t, `DELETE FROM signet_keys.tenant_keys WHERE version = 1`)
			held.Commit(t)
			require.NoError(t, <-ended)
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
	waiting := `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	require.Eventually(t, func() bool { return len(b.DB.List(t, waiting)) == 2 }, time.Minute, time.Millisecond)
	held.Commit(t)
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
	require.Equal(t, []string{"1", "2"}, b.DB.List(t, `SELECT version::text FROM signet_keys.tenant_keys ORDER BY version`))
}
