package admin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/fault"
	"signet/internal/wecom/wecomtest"
)

// What a trial has fetched is not put over what is held if it has ended since: WeCom
// may be away when the next page is signed.
func TestATrialWhoseTicketHasEndedIsNotTakenUp(t *testing.T) {
	t.Parallel()
	clock := apptest.NewClock(time.Now())
	b := setup(t, func(c *apptest.Config) { c.Now, c.WeCom.Clock = clock.Now, clock.Now })
	b.keep(t, b.tenant, b.app, "second")
	_, err := b.try(t, 2) // from now on WeCom repeats these values for two hours
	require.NoError(t, err)
	clock.Advance(110 * time.Minute)
	b.DB.Exec(t, `DELETE FROM signet.tickets`)
	b.House = b.Restart(t)
	b.mustSign(t)
	clock.Advance(5 * time.Minute)
	_, err = b.try(t, 2)
	require.NoError(t, err)
	clock.Advance(6 * time.Minute)
	b.mustSign(t)
	_, err = b.activate(t, 2)
	require.NoError(t, err)
	b.WeCom.Inject(wecomtest.Fault{Behaviour: wecomtest.Reset})
	_, err = b.Restart(t).Sign(t.Context(), b.app, page)
	require.NoError(t, err)
}

// A version that WeCom refused once, and that is made current without a trial, is
// asked with: what was said of it before is not held against it.
func TestARefusedSecretThatIsMadeCurrentUntriedIsAskedWith(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.keepSecret(t, "second", nil)
	require.NoError(t, err)
	_, err = b.try(t, 2)
	require.True(t, fault.Has(err, fault.SecretRefused), err)
	b.WeCom.ResetSecret(corp, agent, apptest.Secret("second"))
	_, err = b.Admin.ActivateSecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, 2, true)
	require.NoError(t, err)
	b.DB.Exec(t, `DELETE FROM signet.tickets`)
	b.House, b.app.SecretText = b.Restart(t), apptest.Secret("second")
	b.mustSign(t)
	require.Equal(t, []string{"2 current 2", "1 previous 1"}, b.states(t))
}
