package apptest

import (
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/custody"
	"signet/internal/seal"
	"signet/internal/sealed"
	"signet/internal/store"
)

// Turning is a tenant's key that is being turned, up to what a node does last.
type Turning struct {
	house      *House
	statements []string // of the values, and then of the old version of the key
}

// TurnKey makes version 2 of a tenant's key and seals all values anew for it, without
// writing them: that is for Between.
func (h *House) TurnKey(t testing.TB, tenant core.TenantID) Turning {
	t.Helper()
	_, err := h.Admin.RotateTenantKey(t.Context(), Operator(), tenant)
	require.NoError(t, err)
	turning := Turning{house: h}
	require.NoError(t, h.Store.Tenant(t.Context(), core.System("test"), tenant, func(tx *store.TenantTx) error {
		keys := map[int32]seal.WrappedKey{}
		for version := int32(1); version <= 2; version++ {
			k, err := tx.GetTenantKey(t.Context(), version)
			require.NoError(t, err)
			keys[version] = sealed.Key(tenant, k)
		}
		values, err := tx.ListSealed(t.Context())
		require.NoError(t, err)
		for _, v := range values {
			anew, err := h.Ring.Resealer().Reseal(keys[1], keys[2], custody.BindingOf(tenant, v), v.Sealed)
			require.NoError(t, err)
			set := "key_version = 2"
			if v.Kind == store.ValueOfSecret {
				set += fmt.Sprintf(", fingerprint = '%s'", anew.Fingerprint)
			}
			turning.statements = append(turning.statements, fmt.Sprintf(`UPDATE %s SET %s, sealed = '\x%s' WHERE sealed = '\x%s'`,
				store.SealedTables[v.Kind], set, hex.EncodeToString(anew.Bytes), hex.EncodeToString(v.Sealed)))
		}
		return nil
	}))
	turning.statements = append(turning.statements, `DELETE FROM signet_keys.tenant_keys WHERE version = 1`)
	return turning
}

// Values is how many values there are.
func (u Turning) Values() int { return len(u.statements) - 1 }

// Between lets work read a value, ends the turning before it reads that value's key,
// and gives what came of it.
func (u Turning) Between(t testing.TB, work func() error) error {
	t.Helper()
	held := u.house.DB.Hold(t, "signet_keys.tenant_keys")
	ended := make(chan error, 1)
	go func() { ended <- work() }()
	const waiting = `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	require.Eventually(t, func() bool { return len(u.house.DB.List(t, waiting)) > 0 }, time.Minute, time.Millisecond)
	for _, statement := range u.statements {
		held.Exec(t, statement)
	}
	held.Commit(t)
	return <-ended
}
