package admin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
)

const (
	sealAlert    = `"alert":"seal_refused"`
	putBackAlert = `"alert":"secret_put_back"`
)

// Whoever of a node meets what does not open, a page, a trial or who puts a secret,
// it is told once.
func TestWhatDoesNotOpenIsToldOnceWhoeverMeetsIt(t *testing.T) {
	t.Parallel()
	page := func(t *testing.T, b bundle) {
		t.Helper()
		_, err := b.Sign(t.Context(), b.app, page)
		require.True(t, fault.Has(err, fault.AppNotReady), err)
	}
	try := func(t *testing.T, b bundle) {
		t.Helper()
		_, err := b.try(t, 1)
		require.True(t, fault.Has(err, fault.SecretDamaged), err)
	}
	put := func(t *testing.T, b bundle) {
		t.Helper()
		_, err := b.Admin.RotateSecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, admin.NewSecret{Secret: core.NewSecret(apptest.Secret("third")), SkipCheck: true})
		require.Equal(t, fault.InternalError, fault.Find(err).Code, err)
	}
	const turnSecret = `UPDATE signet.app_secrets SET sealed = set_byte(sealed, 50, get_byte(sealed, 50) # 1)`
	const turnKey = `UPDATE signet_keys.tenant_keys SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1)`
	for name, c := range map[string]struct {
		damage string
		meet   []func(*testing.T, bundle)
	}{
		"a secret, by a page and then a trial": {turnSecret, []func(*testing.T, bundle){page, try, page}},
		"a secret, by a trial and then a page": {turnSecret, []func(*testing.T, bundle){try, page, try}},
		"a key, by a page first":               {turnKey, []func(*testing.T, bundle){page, try, put}},
		"a key, by a trial first":              {turnKey, []func(*testing.T, bundle){try, put, page}},
		"a key, by who puts a secret first":    {turnKey, []func(*testing.T, bundle){put, page, try}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &book{}
			b := setup(t, func(cfg *apptest.Config) { cfg.Log = log })
			b.DB.Exec(t, `DELETE FROM signet.tickets`)
			require.EqualValues(t, 1, b.DB.Exec(t, c.damage))
			b.House = b.Restart(t)
			for _, meet := range c.meet {
				meet(t, b)
				require.Equal(t, 1, log.count(sealAlert))
			}
			require.EqualValues(t, 1, b.DB.Exec(t, c.damage), "the same bit again: it is whole")
			_, err := b.try(t, 1)
			require.NoError(t, err)
			b.DB.Exec(t, `DELETE FROM signet.tickets`)
			require.EqualValues(t, 1, b.DB.Exec(t, c.damage))
			try(t, b)
			require.Equal(t, 2, log.count(sealAlert), "it had opened meanwhile")
		})
	}
}
