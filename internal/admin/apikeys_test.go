package admin_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
)

// scopes says with which scope an API key of the tenant may call a method. What is not
// here is for people alone.
var scopes = map[string]core.Permission{
	"GetTenant": core.TenantRead, "UpdateTenant": core.TenantUpdate,
	"CreateApp": core.AppsWrite, "GetApp": core.TenantRead, "ListApps": core.TenantRead, "UpdateApp": core.AppsWrite,
	"RotateSecret": core.SecretsWrite, "KeepSecret": core.SecretsWrite, "TrySecret": core.SecretsWrite, "ActivateSecret": core.SecretsWrite,
	"ScheduleSecret": core.SecretsWrite, "RetireSecret": core.SecretsWrite, "DestroySecret": core.SecretsWrite, "ListSecrets": core.TenantRead,
	"CreateIntakeLink": core.SecretsWrite, "ListIntakeLinks": core.TenantRead, "RevokeIntakeLink": core.SecretsWrite,
	"GetTenantKey": core.TenantRead, "CreateDomain": core.DomainsWrite, "ListDomains": core.TenantRead, "DeleteDomain": core.DomainsWrite,
	"ListAudit": core.AuditRead, "ExportAudit": core.AuditRead, "SignAuditHead": core.AuditRead, "GetBudget": core.TenantRead,
}

// TestWhatAnAPIKeyMayDo calls every method with a key of each scope: on its own tenant
// and on another's.
func TestWhatAnAPIKeyMayDo(t *testing.T) {
	t.Parallel()
	for name, m := range methods {
		if name == "ListTenants" {
			continue // gives an empty list where nothing may be seen: below
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bundle{House: apptest.New(t, apptest.Config{})}
			own, foreign := b.subjects(t, 1), b.subjects(t, 2)
			for _, r := range core.Rules() {
				if !r.Scope {
					continue
				}
				key := core.APIKeyActor(own.tenant, core.APIKey{ID: core.NewAPIKeyID(), Name: "夜间同步", Scopes: []core.Permission{r.Permission}}, "")
				if m.tenant {
					require.True(t, fault.Has(m.call(t.Context(), b.Admin, key, foreign), fault.TenantUnknown), "%s elsewhere", r.Permission)
				}
				before := b.contents(t)
				if scopes[name] != r.Permission {
					require.True(t, fault.Has(m.call(t.Context(), b.Admin, key, own), fault.PermissionDenied), "%s", r.Permission)
					require.Equal(t, before, b.contents(t))
					continue
				}
				if m.leaving {
					b.leave(t, own.tenant)
				}
				audit, _ := b.news(t, func() { require.NoError(t, m.call(t.Context(), b.Admin, key, own), "%s", r.Permission) })
				if m.audit != "" {
					require.Equal(t, []string{m.audit + " by 夜间同步"}, audit)
				}
			}
		})
	}
}

func TestAKeySeesItsTenantInTheListIfItMayReadIt(t *testing.T) {
	t.Parallel()
	b := bundle{House: apptest.New(t, apptest.Config{})}
	own := b.Tenant(t, "蓝湖科技", "ww0123456789abcdef")
	b.Tenant(t, "北辰物流", "wwfedcba0987654321")
	for scope, want := range map[core.Permission]int{core.TenantRead: 1, core.AppsWrite: 0} {
		key := core.APIKeyActor(own.ID, core.APIKey{Scopes: []core.Permission{scope}}, "")
		list, err := b.Admin.ListTenants(t.Context(), key, core.EveryTenant, firstPage)
		require.NoError(t, err)
		require.Len(t, list.Items, want, scope)
	}
}

func (b bundle) makeKey(t *testing.T, tenant core.TenantID, n admin.NewAPIKey) (core.APIKey, core.APIKeyToken) {
	t.Helper()
	n.Name = "夜间同步"
	if n.Scopes == nil {
		n.Scopes = []string{"tenant.read", "apps.write"}
	}
	key, token, err := b.Admin.CreateAPIKey(t.Context(), apptest.Operator(), tenant, n)
	require.NoError(t, err)
	return key, token
}

func TestAnAPIKeyIsMadeAsItWasAskedFor(t *testing.T) {
	t.Parallel()
	b := bundle{House: apptest.New(t, apptest.Config{})}
	tenant := b.Tenant(t, "蓝湖科技", "ww0123456789abcdef").ID
	key, token := b.makeKey(t, tenant, admin.NewAPIKey{})
	require.Equal(t, 90*24*time.Hour, key.ExpiresAt.Sub(key.CreatedAt))
	require.Equal(t, []core.Permission{core.AppsWrite, core.TenantRead}, key.Scopes)
	require.Equal(t, token.Shown(), key.Prefix)
	longest := int64(366)
	key, _ = b.makeKey(t, tenant, admin.NewAPIKey{Days: &longest})
	require.Equal(t, 366*24*time.Hour, key.ExpiresAt.Sub(key.CreatedAt))

	// The row and the audit hold nothing that the token could be had from.
	text := token.Text().Expose()
	secretPart := text[len("signet_")+52:]
	all := strings.Join(b.DB.List(t, `SELECT to_jsonb(k)::text FROM signet.api_keys k UNION ALL SELECT to_jsonb(a)::text FROM signet.audit a`), "")
	require.NotContains(t, all, secretPart)
	require.Contains(t, all, token.Shown())

	for name, n := range map[string]admin.NewAPIKey{
		"/name":   {Scopes: []string{"tenant.read"}},
		"/scopes": {Name: "a"}, "/scopes/0": {Name: "a", Scopes: []string{"members.write"}},
		"/days":   {Name: "a", Scopes: []string{"tenant.read"}, Days: new(int64)},
		"/appId":  {Name: "a", Scopes: []string{"tenant.read"}, AppID: core.NewAppID().String()},
		"/appId ": {Name: "a", Scopes: []string{"pages.sign"}, AppID: core.AppID{}.String()}, // it would be a key for every app
	} {
		name = strings.TrimSpace(name)
		_, _, err := b.Admin.CreateAPIKey(t.Context(), apptest.Operator(), tenant, n)
		require.True(t, fault.Has(err, fault.RequestInvalid), name)
		require.Equal(t, name, fault.Find(err).Fields[0].Pointer)
	}
	tooLong := int64(367)
	_, _, err := b.Admin.CreateAPIKey(t.Context(), apptest.Operator(), tenant, admin.NewAPIKey{Name: "a", Scopes: []string{"tenant.read"}, Days: &tooLong})
	requireField(t, err, "/days", fault.ReasonKeyDays)
	_, _, err = b.Admin.CreateAPIKey(t.Context(), apptest.Operator(), tenant, admin.NewAPIKey{Name: "a", Scopes: []string{"pages.sign"}, AppID: core.NewAppID().String()})
	require.True(t, fault.Has(err, fault.AppUnknown), "%v", err)
}

func TestATenantHasAsManyKeysAsItMay(t *testing.T) {
	t.Parallel()
	b := bundle{House: apptest.New(t, apptest.Config{})}
	tenant := b.Tenant(t, "蓝湖科技", "ww0123456789abcdef").ID
	var first core.APIKey
	for range core.MaxAPIKeys - 5 {
		first, _ = b.makeKey(t, tenant, admin.NewAPIKey{})
	}
	var group sync.WaitGroup
	for range 10 { // five find a place
		group.Go(func() {
			_, _, _ = b.Admin.CreateAPIKey(t.Context(), apptest.Operator(), tenant, admin.NewAPIKey{Name: "a", Scopes: []string{"tenant.read"}})
		})
	}
	group.Wait()
	require.Equal(t, []string{"50"}, b.DB.List(t, `SELECT count(*)::text FROM signet.api_keys`))
	_, _, err := b.Admin.CreateAPIKey(t.Context(), apptest.Operator(), tenant, admin.NewAPIKey{Name: "a", Scopes: []string{"tenant.read"}})
	requireField(t, err, "", fault.ReasonTooMany)
	_, _, err = b.Admin.RotateAPIKey(t.Context(), apptest.Operator(), tenant, first.ID, time.Hour)
	require.NoError(t, err, "one that is full can still change its keys")
	list, err := b.Admin.ListAPIKeys(t.Context(), apptest.Operator(), tenant, core.Page{Limit: 100})
	require.NoError(t, err)
	require.NoError(t, b.Admin.RevokeAPIKey(t.Context(), apptest.Operator(), tenant, list.Items[0].ID))
	b.makeKey(t, tenant, admin.NewAPIKey{})
}

func TestAKeyIsRotatedOneAtATime(t *testing.T) {
	t.Parallel()
	b := bundle{House: apptest.New(t, apptest.Config{})}
	ctx, operator := t.Context(), apptest.Operator()
	tenant := b.Tenant(t, "蓝湖科技", "ww0123456789abcdef").ID
	ten := int64(10)
	old, oldToken := b.makeKey(t, tenant, admin.NewAPIKey{Days: &ten})
	next, token, err := b.Admin.RotateAPIKey(ctx, operator, tenant, old.ID, 24*time.Hour)
	require.NoError(t, err)
	require.Equal(t, []any{old.Name, old.Scopes, 10 * 24 * time.Hour}, []any{next.Name, next.Scopes, next.ExpiresAt.Sub(next.CreatedAt)})
	require.NotEqual(t, oldToken, token)
	before, err := b.Admin.GetAPIKey(ctx, operator, tenant, old.ID)
	require.NoError(t, err)
	require.Equal(t, core.APIKeyOverlapping, before.State(time.Now()))
	require.Equal(t, next.ID, before.ReplacedBy)
	require.WithinDuration(t, time.Now().Add(24*time.Hour), *before.OverlapUntil, time.Minute)

	for _, id := range []core.APIKeyID{old.ID, next.ID} {
		_, _, err = b.Admin.RotateAPIKey(ctx, operator, tenant, id, 0)
		require.True(t, fault.Has(err, fault.APIKeyRotating), "%v", err)
		require.Contains(t, fault.Find(err).Detail(fault.English), old.Prefix)
	}
	require.NoError(t, b.Admin.RevokeAPIKey(ctx, operator, tenant, old.ID))
	require.NoError(t, b.Admin.RevokeAPIKey(ctx, operator, tenant, old.ID), "one that is over stays so")
	last, _, err := b.Admin.RotateAPIKey(ctx, operator, tenant, next.ID, 0)
	require.NoError(t, err)
	after, err := b.Admin.GetAPIKey(ctx, operator, tenant, next.ID)
	require.NoError(t, err)
	require.Equal(t, core.APIKeyReplaced, after.State(time.Now()))
	for _, id := range []core.APIKeyID{old.ID, next.ID} {
		_, _, err = b.Admin.RotateAPIKey(ctx, operator, tenant, id, 0)
		require.True(t, fault.Has(err, fault.APIKeyOver), "%v", err)
	}
	_, _, err = b.Admin.RotateAPIKey(ctx, operator, tenant, last.ID, core.MaxAPIKeyOverlap+1)
	requireField(t, err, "?overlapHours", fault.ReasonOverlap)
	// An overlap does not outlive the key itself.
	one := int64(1)
	short, _ := b.makeKey(t, tenant, admin.NewAPIKey{Days: &one})
	_, _, err = b.Admin.RotateAPIKey(ctx, operator, tenant, short.ID, core.MaxAPIKeyOverlap)
	require.NoError(t, err)
	require.Equal(t, []string{"0"}, b.DB.List(t, `SELECT count(*)::text FROM signet.api_keys WHERE overlap_until > expires_at`))
}
