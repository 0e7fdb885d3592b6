package core_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
)

func TestATokenOfAnAPIKeyHasOneSpelling(t *testing.T) {
	t.Parallel()
	tenant, key := core.NewTenantID(), core.NewAPIKeyID()
	token := core.NewAPIKeyToken(tenant, key)
	text := token.Text().Expose()
	require.Regexp(t, `^signet_[a-z2-7]{112}$`, text)
	read, ok := core.ParseAPIKeyToken(text)
	require.True(t, ok)
	require.Equal(t, token, read)
	read, ok = core.ParseAPIKeyToken([]byte(text))
	require.True(t, ok)
	require.Equal(t, []any{tenant, key}, []any{read.Tenant, read.Key})
	require.True(t, core.IsHash(token.Hash(), read.Hash()))
	require.False(t, core.IsHash(token.Hash(), token.SignHash()), "signing knows it by another")
	require.False(t, core.IsHash(token.Hash(), core.NewAPIKeyToken(tenant, key).Hash()))
	for at := range text {
		for _, c := range "aq7" {
			if byte(c) == text[at] {
				continue
			}
			_, ok := core.ParseAPIKeyToken(text[:at] + string(c) + text[at+1:])
			require.False(t, ok, "one letter is another: %d", at)
		}
	}
	for _, wrong := range []string{"", "signet_", text + "a", text[1:], text[:len(text)-1], strings.ToUpper(text), " " + text, text + "\n", strings.Replace(text, "signet_", "signet-", 1)} {
		_, ok := core.ParseAPIKeyToken(wrong)
		require.False(t, ok, wrong)
	}
	require.Equal(t, text[:len("signet_")+8]+"…", token.Shown())
	other := core.NewAPIKeyToken(tenant, key)
	require.Equal(t, token.Shown(), other.Shown(), "nothing of what is secret is shown")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		require.Equal(t, core.Redacted, fmt.Sprintf(verb, token))
	}
}

func TestATokenIsReadWithoutAllocating(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of all
	text := core.NewAPIKeyToken(core.NewTenantID(), core.NewAPIKeyID()).Text().Expose()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		token, ok := core.ParseAPIKeyToken(text)
		if !ok || token.SignHash() == [32]byte{} {
			t.Fail()
		}
	}))
}

func TestTheStateOfAnAPIKey(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(d time.Duration) *time.Time { t := now.Add(d); return &t }
	long := core.APIKey{ExpiresAt: now.Add(100 * 24 * time.Hour), LastUsedAt: at(-time.Hour)}
	for name, c := range map[string]struct {
		change func(*core.APIKey)
		state  core.APIKeyState
		notes  []core.APIKeyNote
	}{
		"active":                 {func(*core.APIKey) {}, core.APIKeyActive, nil},
		"expires this moment":    {func(k *core.APIKey) { k.ExpiresAt = now }, core.APIKeyExpired, nil},
		"expires in 14 days":     {func(k *core.APIKey) { k.ExpiresAt = now.Add(14 * 24 * time.Hour) }, core.APIKeyActive, []core.APIKeyNote{core.APIKeyExpiresSoon}},
		"overlaps":               {func(k *core.APIKey) { k.OverlapUntil = at(time.Second) }, core.APIKeyOverlapping, nil},
		"overlap ends":           {func(k *core.APIKey) { k.OverlapUntil = at(0) }, core.APIKeyReplaced, nil},
		"revoked while overlaps": {func(k *core.APIKey) { k.OverlapUntil, k.RevokedAt = at(time.Second), at(0) }, core.APIKeyRevoked, nil},
		"never used":             {func(k *core.APIKey) { k.LastUsedAt = nil }, core.APIKeyActive, []core.APIKeyNote{core.APIKeyNeverUsed}},
		"idle for 90 days":       {func(k *core.APIKey) { k.LastUsedAt = at(-90 * 24 * time.Hour) }, core.APIKeyActive, []core.APIKeyNote{core.APIKeyIdle}},
		"idle for less":          {func(k *core.APIKey) { k.LastUsedAt = at(-90*24*time.Hour + time.Second) }, core.APIKeyActive, nil},
	} {
		key := long
		c.change(&key)
		require.Equal(t, c.state, key.State(now), name)
		require.Equal(t, c.notes, key.Notes(now), name)
		require.Equal(t, c.state == core.APIKeyActive || c.state == core.APIKeyOverlapping, key.Lives(now), name)
	}
}

// Nobody gives a key what they do not hold themselves.
func TestWhoMayGiveAScope(t *testing.T) {
	t.Parallel()
	own, other := core.NewTenantID(), core.NewTenantID()
	member := func(role core.Role) core.Actor {
		return core.Actor{Kind: core.ActorMember, Grants: core.Grants{Tenants: map[core.TenantID]core.Role{own: role}}}
	}
	for _, role := range []core.Role{core.TenantOwner, core.TenantAdmin, core.TenantViewer} {
		for _, r := range core.Rules() {
			may := r.Scope && (role.Can(r.Permission) || r.Permission == core.PagesSign)
			require.Equal(t, may, member(role).MayGiveScope(own, r.Permission) == nil, "%s by %s", r.Permission, role)
		}
	}
	require.True(t, fault.Has(member(core.TenantViewer).MayGiveScope(own, core.AppsWrite), fault.PermissionDenied))
	require.Error(t, member(core.TenantOwner).MayGiveScope(other, core.AppsWrite))
	require.Error(t, member(core.TenantOwner).MayGiveScope(own, core.MembersWrite), "no scope")
	require.NoError(t, core.Actor{Kind: core.ActorMember, Grants: core.Grants{Platform: core.PlatformOperator}}.MayGiveScope(own, core.SecretsWrite))
	key := core.APIKeyActor(own, core.APIKey{Scopes: []core.Permission{core.AppsWrite}}, "")
	require.Error(t, key.MayGiveScope(own, core.AppsWrite), "a key makes no key")
}

func TestScopesAreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	scopes, err := core.ParseScopes("/scopes", []string{"tenant.read", "apps.write"})
	require.NoError(t, err)
	require.Equal(t, []core.Permission{core.AppsWrite, core.TenantRead}, scopes)
	for _, wrong := range [][]string{nil, {"members.write"}, {"platform.tenants.create"}, {""}, {"tenant.read", "tenant.read"}, {"Tenant.read"}} {
		_, err := core.ParseScopes("/scopes", wrong)
		require.True(t, fault.Has(err, fault.RequestInvalid), "%v", wrong)
	}
}

func FuzzAPIKeyToken(f *testing.F) {
	f.Add(core.NewAPIKeyToken(core.NewTenantID(), core.NewAPIKeyID()).Text().Expose())
	f.Fuzz(func(t *testing.T, text string) {
		if token, ok := core.ParseAPIKeyToken(text); ok {
			require.Equal(t, text, token.Text().Expose())
		}
	})
}
