package custody_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/custody"
	"signet/internal/wecom/wecomtest"
)

// What a trial has fetched is bound to when that was. It is turned with all else,
// and used afterwards: the version becomes current without a call.
func TestWhatATrialHasFetchedIsTurnedWithItsTime(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	app, second := s.apps[0], apptest.Secret("second")
	s.WeCom.AddApp(wecomtest.App{Corp: app.CorpID, Agent: app.AgentID, Name: "app", Secret: second, Domains: []string{host(0)}})
	_, err := s.Admin.KeepSecret(t.Context(), apptest.Operator(), app.TenantID, app.ID, admin.KeptSecret{Secret: core.NewSecret(second)})
	require.NoError(t, err)
	_, err = s.Admin.TrySecret(t.Context(), apptest.Operator(), app.TenantID, app.ID, 2)
	require.NoError(t, err)

	_, err = s.Admin.RotateTenantKey(t.Context(), apptest.Operator(), app.TenantID)
	require.NoError(t, err)
	k := s.process(t)
	require.NoError(t, k.FinishTenants(t.Context()))
	require.Equal(t, []string{"2"}, s.versions(t, app))
	require.Equal(t, []string{"2", "2"}, s.DB.List(t, `SELECT key_version::text FROM signet.trial_grants`))
	checked, err := k.Check(t.Context(), func(custody.Checked) {})
	require.NoError(t, err)
	require.NoError(t, checked.Err())

	calls := len(s.WeCom.Calls())
	_, err = s.Admin.ActivateSecret(t.Context(), apptest.Operator(), app.TenantID, app.ID, 2, false)
	require.NoError(t, err)
	require.Len(t, s.WeCom.Calls(), calls)
}
