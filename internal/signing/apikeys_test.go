package signing_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/signing"
)

var yes = true

// serverHouse is signingHouse with an app for servers and a key that signs for it.
func serverHouse(t testing.TB) (*apptest.House, core.Tenant, apptest.App, core.APIKey, core.APIKeyToken) {
	t.Helper()
	h := apptest.New(t, apptest.Config{})
	tenant := h.Tenant(t, "蓝湖科技", "ww1234567890abcdef")
	app := h.App(t, tenant, "1000247", apptest.Secret("first"), host)
	_, err := h.Admin.UpdateApp(t.Context(), apptest.Operator(), tenant.ID, app.ID, nil, admin.AppChange{ServerOnly: &yes})
	require.NoError(t, err)
	key, token := makeKey(t, h, tenant, admin.NewAPIKey{})
	h.Catch(t)
	return h, tenant, app, key, token
}

func makeKey(t testing.TB, h *apptest.House, tenant core.Tenant, n admin.NewAPIKey) (core.APIKey, core.APIKeyToken) {
	t.Helper()
	n.Name = "夜间同步"
	if n.Scopes == nil {
		n.Scopes = []string{string(core.PagesSign)}
	}
	key, token, err := h.Admin.CreateAPIKey(t.Context(), apptest.Operator(), tenant.ID, n)
	require.NoError(t, err)
	return key, token
}

func shown(app apptest.App, token core.APIKeyToken) signing.Request {
	return signing.Request{AppKey: app.Key.String(), Page: page, APIKey: token, HasAPIKey: true, Network: netip.MustParsePrefix("192.0.2.7/32")}
}

// codeOf is what the signer says on all three of its methods.
func codeOf(t testing.TB, s *signing.Signer, r signing.Request) fault.Code {
	t.Helper()
	_, err := s.Sign(t.Context(), r)
	for _, sign := range []func(context.Context, signing.Request) (signing.Answer, error){s.SignConfig, s.SignAgentConfig} {
		_, again := sign(t.Context(), r)
		require.Equal(t, err == nil, again == nil)
		if err != nil {
			require.Equal(t, fault.Find(err).Code, fault.Find(again).Code)
		}
	}
	if err == nil {
		return ""
	}
	return fault.Find(err).Code
}

func TestAnAppForServersWantsAKey(t *testing.T) {
	t.Parallel()
	h, tenant, app, _, token := serverHouse(t)
	second := h.App(t, tenant, "1000300", apptest.Secret("second"), host)
	elsewhere := h.Tenant(t, "北辰物流", "wwfedcba0987654321")
	_, foreign := makeKey(t, h, elsewhere, admin.NewAPIKey{})
	_, reading := makeKey(t, h, tenant, admin.NewAPIKey{Scopes: []string{string(core.TenantRead)}})
	_, bound := makeKey(t, h, tenant, admin.NewAPIKey{AppID: app.ID.String()})
	_, boundElsewhere := makeKey(t, h, tenant, admin.NewAPIKey{AppID: second.ID.String()})
	h.Catch(t)
	moved := foreign
	moved.Tenant = tenant.ID
	guessed := core.NewAPIKeyToken(tenant.ID, token.Key)
	for name, c := range map[string]struct {
		token core.APIKeyToken
		want  fault.Code
	}{
		"its own": {token, ""}, "bound to the app": {bound, ""},
		"malformed": {core.APIKeyToken{}, fault.APIKeyRefused}, "another tenant's": {foreign, fault.APIKeyRefused},
		"another tenant's under this one's name": {moved, fault.APIKeyRefused}, "without the scope": {reading, fault.APIKeyRefused},
		"bound to another app": {boundElsewhere, fault.APIKeyRefused}, "guessed": {guessed, fault.APIKeyRefused},
		"unknown": {core.NewAPIKeyToken(tenant.ID, core.NewAPIKeyID()), fault.APIKeyRefused},
	} {
		require.Equal(t, c.want, codeOf(t, h.Signer, shown(app, c.token)), name)
	}
	bare := signing.Request{AppKey: app.Key.String(), Page: page}
	require.Equal(t, fault.APIKeyRequired, codeOf(t, h.Signer, bare))
	// The place among the checks: after suspended, before the address is looked at.
	bare.Page = "nonsense"
	require.Equal(t, fault.APIKeyRequired, codeOf(t, h.Signer, bare))
	bad := shown(app, token)
	bad.Page = "nonsense"
	require.Equal(t, fault.URLInvalid, codeOf(t, h.Signer, bad))
	suspend := string(core.Suspended)
	_, err := h.Admin.UpdateApp(t.Context(), apptest.Operator(), tenant.ID, app.ID, nil, admin.AppChange{Status: &suspend})
	require.NoError(t, err)
	h.Catch(t)
	require.Equal(t, fault.AppSuspended, codeOf(t, h.Signer, bare))
	// For any other app a key has no influence.
	require.Empty(t, codeOf(t, h.Signer, shown(second, guessed)))
	require.Empty(t, codeOf(t, h.Signer, signing.Request{AppKey: second.Key.String(), Page: page}))
}

// What becomes of a key is in force on every node that follows the feed, in two
// seconds at the most, and after everything was read anew.
func TestAKeyThatIsOverSignsOnNoNode(t *testing.T) {
	t.Parallel()
	h, tenant, app, key, token := serverHouse(t)
	other := h.Restart(t)
	nodes := []*apptest.House{h, other}
	for _, n := range nodes {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Follow(ctx) }()
		t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
		require.Empty(t, codeOf(t, n.Signer, shown(app, token)))
	}
	everywhere := func(token core.APIKeyToken, want fault.Code) {
		t.Helper()
		began := time.Now()
		require.Eventually(t, func() bool {
			for _, n := range nodes {
				if codeOf(t, n.Signer, shown(app, token)) != want {
					return false
				}
			}
			return true
		}, 2*time.Second, 10*time.Millisecond)
		t.Logf("on both nodes after %s", time.Since(began).Round(time.Millisecond))
	}
	next, successor, err := h.Admin.RotateAPIKey(t.Context(), apptest.Operator(), tenant.ID, key.ID, time.Hour)
	require.NoError(t, err)
	everywhere(successor, "")
	everywhere(token, "")
	require.NoError(t, h.Admin.RevokeAPIKey(t.Context(), apptest.Operator(), tenant.ID, key.ID))
	everywhere(token, fault.APIKeyRefused)
	everywhere(successor, "")
	_, last, err := h.Admin.RotateAPIKey(t.Context(), apptest.Operator(), tenant.ID, next.ID, 0)
	require.NoError(t, err)
	everywhere(successor, fault.APIKeyRefused)
	everywhere(last, "")
	fresh := h.Restart(t)
	require.Equal(t, fault.APIKeyRefused, codeOf(t, fresh.Signer, shown(app, token)))
	require.Equal(t, fault.APIKeyRefused, codeOf(t, fresh.Signer, shown(app, successor)))
	require.Empty(t, codeOf(t, fresh.Signer, shown(app, last)))
	require.NoError(t, h.Admin.DeleteApp(t.Context(), apptest.Operator(), tenant.ID, app.ID, nil))
	everywhere(last, fault.AppUnknown)
}

func TestAKeyEndsByTheNodesClock(t *testing.T) {
	t.Parallel()
	now := time.Now()
	h, tenant, app, key, token := serverHouse(t)
	signer := signing.NewSigner(h.Directory, h.Tickets, func() time.Time { return now })
	require.Empty(t, codeOf(t, signer, shown(app, token)))
	_, _, err := h.Admin.RotateAPIKey(t.Context(), apptest.Operator(), tenant.ID, key.ID, time.Hour)
	require.NoError(t, err)
	h.Catch(t)
	now = now.Add(59 * time.Minute)
	require.Empty(t, codeOf(t, signer, shown(app, token)))
	now = now.Add(2 * time.Minute)
	require.Equal(t, fault.APIKeyRefused, codeOf(t, signer, shown(app, token)))
}

func TestTheUseOfAKeyIsWrittenLater(t *testing.T) {
	t.Parallel()
	h, tenant, app, key, token := serverHouse(t)
	require.NoError(t, h.Signer.WriteKeyUses(t.Context()))
	used := func() core.APIKey {
		found, err := h.Admin.GetAPIKey(t.Context(), apptest.Operator(), tenant.ID, key.ID)
		require.NoError(t, err)
		return found
	}
	require.Nil(t, used().LastUsedAt)
	require.Equal(t, fault.URLInvalid, codeOf(t, h.Signer, func() signing.Request { r := shown(app, token); r.Page = "x"; return r }()))
	require.Nil(t, used().LastUsedAt, "a signature asks for no statement")
	makeKey(t, h, tenant, admin.NewAPIKey{}) // what was noted stays through a change
	h.Catch(t)
	require.NoError(t, h.Signer.WriteKeyUses(t.Context()))
	require.NotNil(t, used().LastUsedAt)
	require.Zero(t, used().LastUsedAt.Second())
	require.Equal(t, "192.0.2.7/32", used().LastUsedFrom)
}

// BenchmarkSignWithKey sets a warm signature of an app for servers beside one of any
// other app.
func BenchmarkSignWithKey(b *testing.B) {
	h, tenant, app, _, token := serverHouse(b)
	plain := h.App(b, tenant, "1000300", apptest.Secret("second"), host)
	for _, row := range []struct {
		name    string
		request signing.Request
	}{
		{"without", signing.Request{AppKey: plain.Key.String(), Page: page}},
		{"with", shown(app, token)},
	} {
		b.Run(row.name, func(b *testing.B) {
			text := token.Text().Expose()
			b.ReportAllocs()
			for b.Loop() {
				if row.request.HasAPIKey { // as the listener reads it
					row.request.APIKey, _ = core.ParseAPIKeyToken(text)
				}
				if _, err := h.Signer.Sign(b.Context(), row.request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
