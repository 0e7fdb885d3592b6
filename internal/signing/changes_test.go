package signing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/signing"
	"signet/internal/upstream"
	"signet/internal/wecom/wecomtest"
)

// The corp's ticket goes with the last app of the corp, and not with the first;
// a neighbour who has entered the same corp keeps everything.
func TestNothingOfADeletedAppStaysInMemory(t *testing.T) {
	t.Parallel()
	h := apptest.New(t, apptest.Config{})
	const corp = "ww1234567890abcdef"
	sign := func(app apptest.App) {
		t.Helper()
		_, err := h.Sign(t.Context(), app, page)
		require.NoError(t, err)
	}
	neighbours := h.App(t, h.Tenant(t, "北辰物流", corp), "1000300", apptest.Secret("sister"), host)
	sign(neighbours)
	before := h.Tickets.Len()

	tenant := h.Tenant(t, "蓝湖科技", corp)
	first := h.App(t, tenant, "1000247", apptest.Secret("first"), host)
	second := h.App(t, tenant, "1000300", apptest.Secret("sister"), host)
	sign(first)
	sign(second)
	held, calls := h.Tickets.Len(), len(h.WeCom.Calls())
	require.NoError(t, h.Admin.DeleteApp(t.Context(), apptest.Operator(), tenant.ID, first.ID, nil))
	h.Catch(t)
	require.Less(t, h.Tickets.Len(), held)
	statements := h.Store.Statements()
	_, err := h.Signer.SignConfig(t.Context(), signing.Request{AppKey: second.Key.String(), Page: page})
	require.NoError(t, err)
	require.Equal(t, statements, h.Store.Statements(), "the corp's ticket is still held")

	require.NoError(t, h.Admin.DestroyTenant(t.Context(), apptest.Operator(), tenant.ID, nil))
	h.Catch(t)
	require.Equal(t, before, h.Tickets.Len())
	statements = h.Store.Statements()
	sign(neighbours)
	require.Equal(t, statements, h.Store.Statements())
	require.Len(t, h.WeCom.Calls(), calls)
}

// Whoever comes back with the same corp is a stranger to what it had cost.
func TestNoPauseOutlivesItsCorp(t *testing.T) {
	t.Parallel()
	h, tenant, app := signingHouse(t)
	who := upstream.Caller{TenantID: tenant.ID, CorpID: app.CorpID, AppID: app.ID, Standing: upstream.KnownGood}
	h.WeCom.Inject(wecomtest.Fault{Errcode: 45009, Times: 1})
	_, err := h.Gate.AccessToken(t.Context(), who, core.NewSecret(app.SecretText))
	require.Error(t, err)
	_, err = h.Gate.AccessToken(t.Context(), who, core.NewSecret(app.SecretText))
	require.True(t, fault.Has(err, fault.WeComQuota), err)

	require.NoError(t, h.Admin.DeleteApp(t.Context(), apptest.Operator(), tenant.ID, app.ID, nil))
	h.Catch(t)
	_, err = h.Gate.AccessToken(t.Context(), who, core.NewSecret(app.SecretText))
	require.NoError(t, err)
}
