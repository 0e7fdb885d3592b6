package admin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
)

// remember keeps the row of a version as it is now, for putBack.
func (b bundle) remember(t *testing.T, version int32) {
	t.Helper()
	b.DB.Exec(t, `CREATE TABLE public.before AS SELECT * FROM signet.app_secrets WHERE app_id = $1 AND version = $2`, b.app.ID.String(), version)
}

// putBack puts the row that was remembered in the place of what it is now.
func (b bundle) putBack(t *testing.T) {
	t.Helper()
	require.EqualValues(t, 1, b.DB.Exec(t, `DELETE FROM signet.app_secrets s USING public.before b WHERE s.app_id = b.app_id AND s.version = b.version`))
	require.EqualValues(t, 1, b.DB.Exec(t, `INSERT INTO signet.app_secrets SELECT * FROM public.before`))
}

// putBacks are older rows that are genuine, and the version that each is of.
var putBacks = map[string]struct {
	prepare func(*testing.T, bundle)
	version int32
}{
	"a pending one that was current since": {func(t *testing.T, b bundle) {
		t.Helper()
		at := time.Now().Add(time.Hour)
		_, err := b.keepSecret(t, "second", &at)
		require.NoError(t, err)
		b.remember(t, 2)
		b.addApp(corp, agent, apptest.Secret("second"))
		_, err = b.activate(t, 2)
		require.NoError(t, err)
		b.rotateTo(t, "third")
		b.putBack(t)
	}, 2},
	"a previous one that was current once more": {func(t *testing.T, b bundle) {
		t.Helper()
		b.rotateTo(t, "second")
		b.remember(t, 1)
		_, err := b.activate(t, 1)
		require.NoError(t, err)
		b.rotateTo(t, "third")
		b.putBack(t)
	}, 1},
	"one whose value was destroyed, retired as it was": {func(t *testing.T, b bundle) {
		t.Helper()
		b.rotateTo(t, "second")
		_, err := b.retire(t, 1)
		require.NoError(t, err)
		b.remember(t, 1)
		_, err = b.destroy(t, 1)
		require.NoError(t, err)
		b.putBack(t)
	}, 1},
	"one whose value was destroyed, previous as it was": {func(t *testing.T, b bundle) {
		t.Helper()
		b.rotateTo(t, "second")
		b.remember(t, 1)
		_, err := b.retire(t, 1)
		require.NoError(t, err)
		_, err = b.destroy(t, 1)
		require.NoError(t, err)
		b.putBack(t)
	}, 1},
	"the current one": {func(t *testing.T, b bundle) {
		t.Helper()
		b.remember(t, 1)
		b.rotateTo(t, "second")
		b.DB.Exec(t, `UPDATE signet.app_secrets SET state = 'retired' WHERE version = 2`)
		b.putBack(t)
	}, 1},
}

// An older row of any version put back whole is not tried and not made current, by
// nobody; one alert says so. A secret put anew is the mend.
func TestAnOlderVersionPutBackIsNeitherTriedNorMadeCurrent(t *testing.T) {
	t.Parallel()
	for name, c := range putBacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &book{}
			b := setup(t, func(cfg *apptest.Config) { cfg.Log = log })
			c.prepare(t, b)
			states, calls := b.states(t), b.calls()
			for _, move := range []func(*testing.T, int32) (core.SecretVersion, error){b.try, b.activate, func(t *testing.T, version int32) (core.SecretVersion, error) {
				t.Helper()
				return b.Admin.ActivateSecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, version, true)
			}} {
				_, err := move(t, c.version)
				require.True(t, fault.Has(err, fault.SecretDamaged), err)
			}
			b.DB.Exec(t, `UPDATE signet.app_secrets SET activate_at = now() - interval '1 second' WHERE state = 'pending'`)
			require.NoError(t, admin.NewDue(b.Admin).ActivateSecrets(t.Context()))
			require.Equal(t, states, b.states(t))
			require.Equal(t, calls, b.calls(), "WeCom is not asked with it")
			require.Equal(t, 1, log.count(putBackAlert))
			require.Empty(t, b.DB.List(t, `SELECT version::text FROM signet.app_secrets WHERE activate_at IS NOT NULL`), "it is not due again and again")

			b.rotateTo(t, "the-mend")
			b.Catch(t)
			_, err := b.Sign(t.Context(), b.app, page)
			require.NoError(t, err)
		})
	}
}

// What was done before the audit had numbers is not taken for put back.
func TestRowsOfBeforeTheAuditHadNumbersAreUsed(t *testing.T) {
	t.Parallel()
	log := &book{}
	b := setup(t, func(cfg *apptest.Config) { cfg.Log = log })
	b.rotateTo(t, "second")
	b.DB.Exec(t, `UPDATE signet.audit SET detail = detail - 'version' - 'activation'`)
	b.DB.Exec(t, `UPDATE signet.app_secrets SET activation = 0 WHERE version = 1`)
	_, err := b.try(t, 1)
	require.NoError(t, err)
	back, err := b.activate(t, 1)
	require.NoError(t, err)
	require.EqualValues(t, 3, back.Activation)
	_, err = b.try(t, 1)
	require.NoError(t, err)
	require.Zero(t, log.count(`"alert"`))
}
