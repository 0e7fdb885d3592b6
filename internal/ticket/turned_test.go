package ticket_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/store"
)

// A page is signed although its tenant's key is turned between the reading of a
// value and that of its key.
func TestAKeyThatIsTurnedBetweenTwoReadings(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, n node) *apptest.House{
		"of a secret": func(_ *testing.T, n node) *apptest.House { return n.House },
		"of tickets": func(t *testing.T, n node) *apptest.House {
			_, err := n.Sign(t.Context(), n.app, page)
			require.NoError(t, err)
			return n.Restart(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			house := prepare(t, n)
			calls := len(n.WeCom.Calls())
			_, err := n.Admin.RotateTenantKey(t.Context(), apptest.Operator(), n.tenant.ID)
			require.NoError(t, err)
			turned := n.resealed(t)

			held := n.DB.Hold(t, "signet_keys.tenant_keys")
			signed := make(chan error, 1)
			go func() { _, err := house.Sign(t.Context(), n.app, page); signed <- err }()
			waiting := `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
			require.Eventually(t, func() bool { return len(n.DB.List(t, waiting)) > 0 }, 20*time.Second, 10*time.Millisecond)
			for _, statement := range turned {
				held.Exec(t, statement)
			}
			held.Exec(t, `DELETE FROM signet_keys.tenant_keys WHERE version = 1`)
			held.Commit(t)
			require.NoError(t, <-signed)
			require.NotContains(t, n.log.String(), "seal_refused")
			if name == "of tickets" {
				require.Len(t, n.WeCom.Calls(), calls, "what lay in the rows was used")
			}
		})
	}
}

// resealed gives the statements that turn all values of the tenant to version 2 of
// its key.
func (n node) resealed(t *testing.T) (statements []string) {
	t.Helper()
	require.NoError(t, n.Store.Tenant(t.Context(), core.System("test"), n.tenant.ID, func(tx *store.TenantTx) error {
		keys := map[int32]seal.WrappedKey{}
		for version := range int32(2) {
			k, err := tx.GetTenantKey(t.Context(), version+1)
			require.NoError(t, err)
			keys[version+1] = seal.WrappedKey{Scope: seal.Tenant(n.tenant.ID), Version: k.Version, RootEpoch: k.RootEpoch, Bytes: k.Wrapped}
		}
		values, err := tx.ListSealed(t.Context())
		require.NoError(t, err)
		for _, v := range values {
			place, where := seal.ForAppSecret(n.tenant.ID, v.AppID, int32(v.Number)), "signet.app_secrets SET"
			if v.Kind == store.ValueOfTicket {
				place, where = seal.ForAppTicket(n.tenant.ID, v.AppID, v.Ticket, v.Number), "signet.tickets SET"
				if v.Ticket == core.CorpTicket {
					place = seal.ForCorpTicket(n.tenant.ID, v.CorpID, v.Number)
				}
			}
			anew, err := n.Ring.Resealer().Reseal(keys[1], keys[2], place, v.Sealed)
			require.NoError(t, err)
			statements = append(statements, `UPDATE `+where+` key_version = 2, sealed = '\x`+hex.EncodeToString(anew.Bytes)+`' WHERE sealed = '\x`+hex.EncodeToString(v.Sealed)+`'`)
		}
		return nil
	}))
	return statements
}
