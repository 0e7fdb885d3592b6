package admin_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/signing"
)

func (b bundle) addDomain(t *testing.T, text string) (core.TrustedDomain, error) {
	t.Helper()
	return b.Admin.CreateDomain(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, text)
}

func TestADomainIsTakenInEitherWritingAndShownInBoth(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range []struct{ entered, host, unicode string }{
		{"Sidebar.Example.com", "sidebar.example.com", "sidebar.example.com"},
		{"客户.例子.公司", "xn--ubt06m.xn--fsqu00a.xn--55qx5d", "客户.例子.公司"},
		{"xn--fiq228c.example.com", "xn--fiq228c.example.com", "中文.example.com"},
		{"*.例子.公司:8443", "*.xn--fsqu00a.xn--55qx5d:8443", "*.例子.公司:8443"},
		{"  faß.example.com\n", "xn--fa-hia.example.com", "faß.example.com"},
		{"ｃｒｍ２.example.com", "crm2.example.com", "crm2.example.com"},
	} {
		domain, err := b.addDomain(t, c.entered)
		require.NoError(t, err, c.entered)
		require.Equal(t, core.Host(c.host), domain.Host)
		require.Equal(t, c.unicode, domain.Host.Unicode())
		require.Equal(t, b.app.ID, domain.AppID)
		for _, again := range []string{c.entered, c.host, c.unicode, strings.ToUpper(c.host)} {
			_, err := b.addDomain(t, again)
			require.True(t, fault.Has(err, fault.DomainExists), "%q: %v", again, err)
		}
	}
	list, err := b.Admin.ListDomains(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, core.Page{Limit: 10})
	require.NoError(t, err)
	require.Len(t, list.Items, 7)
	require.Equal(t, core.Host("crm2.example.com"), list.Items[0].Host, "newest first")
}

func TestWhatIsNoDomainIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.contents(t)
	for text, reason := range map[string]fault.Reason{
		"": fault.ReasonHostMissing, "https://crm.example.com": fault.ReasonDomainScheme, "crm.example.com/": fault.ReasonDomainPath,
		"a@crm.example.com": fault.ReasonDomainUserinfo, "localhost": fault.ReasonHostSingle, "10.0.0.1": fault.ReasonHostIP,
		"com.cn": fault.ReasonDomainSuffix, "*.com.cn": fault.ReasonDomainWildcardSuffix, "*.github.io": fault.ReasonDomainWildcardSuffix,
		"crm.*.com": fault.ReasonDomainWildcard, "crm.example.com:443": fault.ReasonPortDefault, "crm.example.com:0": fault.ReasonPort,
		"crm.exa\x00mple.com": fault.ReasonDomainBlank, "crm.exa\xffmple.com": fault.ReasonDomainIDN, "crm.example.com.": fault.ReasonHostFinalDot,
		"crm.ex\u202eample.com": fault.ReasonDomainIDN, strings.Repeat("a.", 2000) + "com": fault.ReasonHostLong,
	} {
		_, err := b.addDomain(t, text)
		requireField(t, err, "/host", reason)
	}
	require.Equal(t, before, b.contents(t))
}

// The bound holds also when many are added at once.
func TestAnAppHasAHundredDomainsAtMost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var group sync.WaitGroup
	failures := make([]error, 120)
	for i := range failures {
		group.Go(func() { _, failures[i] = b.addDomain(t, fmt.Sprintf("host%d.example.com", i)) })
	}
	group.Wait()
	refused := 0
	for _, err := range failures {
		if err == nil {
			continue
		}
		requireField(t, err, "/host", fault.ReasonTooMany)
		refused++
	}
	require.Equal(t, 21, refused, "one was there, 99 more were made")
	require.Equal(t, []string{"100"}, b.DB.List(t, `SELECT count(*)::text FROM signet.trusted_domains`))

	other := b.App(t, b.tenant, "1000300", apptest.Secret("other"))
	_, err := b.Admin.CreateDomain(t.Context(), apptest.Operator(), b.tenant.ID, other.ID, host)
	require.NoError(t, err, "another app has its own")
}

func TestADeletedDomainIsSignedForNoMore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustSign(t)
	list, err := b.Admin.ListDomains(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, core.Page{Limit: 1})
	require.NoError(t, err)
	require.NoError(t, b.Admin.DeleteDomain(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, list.Items[0].ID, nil))
	b.Catch(t)
	_, err = b.Sign(t.Context(), b.app, page)
	require.True(t, fault.Has(err, fault.URLUntrusted), err)
	err = b.Admin.DeleteDomain(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, list.Items[0].ID, nil)
	require.True(t, fault.Has(err, fault.DomainUnknown), err)
}

func TestAHostIsBoundOnceOnTheWholePlatform(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.App(t, b.Tenant(t, "北辰物流", "wwfedcba0987654321"), agent, apptest.Secret("other"), host)
	bind := func(text string, app apptest.App) (core.LegacyHost, error) {
		return b.Admin.BindLegacyHost(t.Context(), apptest.Operator(), text, app.TenantID, app.ID)
	}
	bound, err := bind(" CRM.example.com ", b.app)
	require.NoError(t, err)
	require.Equal(t, core.Host(host), bound.Host)
	before := b.contents(t)
	again, err := bind(host, b.app)
	require.NoError(t, err)
	require.Equal(t, bound, again)
	_, err = bind(host, other)
	require.True(t, fault.Has(err, fault.LegacyHostTaken), err)
	_, err = bind("*.example.com", b.app)
	requireField(t, err, "/host", fault.ReasonNoWildcard)
	_, err = b.Admin.BindLegacyHost(t.Context(), apptest.Operator(), "new.example.com", other.TenantID, b.app.ID)
	require.True(t, fault.Has(err, fault.AppUnknown), "an app of another tenant: %v", err)
	_, err = b.Admin.BindLegacyHost(t.Context(), apptest.Operator(), "new.example.com", core.NewTenantID(), b.app.ID)
	require.True(t, fault.Has(err, fault.TenantUnknown), err)
	err = b.Admin.UnbindLegacyHost(t.Context(), apptest.Operator(), "new.example.com")
	require.True(t, fault.Has(err, fault.LegacyHostUnknown), err)
	require.Equal(t, before, b.contents(t), "none of this changed anything")

	require.NoError(t, b.Admin.UnbindLegacyHost(t.Context(), apptest.Operator(), host))
	_, err = bind(host, other)
	require.NoError(t, err)

	// Many operators at once: one app gets it.
	var group sync.WaitGroup
	failures := make([]error, 20)
	for i := range failures {
		group.Go(func() { _, failures[i] = bind("race.example.com", []apptest.App{b.app, other}[i%2]) })
	}
	group.Wait()
	taken := slices.DeleteFunc(failures, func(err error) bool { return err == nil })
	require.Len(t, taken, 10)
	require.True(t, fault.Has(errors.Join(taken...), fault.LegacyHostTaken))
}

// A tenant who adds another's host as a trusted domain, or deletes it again,
// changes nothing for that other, on no route.
func TestAnothersTrustedDomainLeavesABindingAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Admin.BindLegacyHost(t.Context(), apptest.Operator(), host, b.tenant.ID, b.app.ID)
	require.NoError(t, err)
	b.Catch(t)
	routes := map[string]func() (signing.Answer, error){
		"config by host": func() (signing.Answer, error) { return b.Signer.SignConfig(t.Context(), signing.Request{Page: page}) },
		"agentConfig by host": func() (signing.Answer, error) {
			return b.Signer.SignAgentConfig(t.Context(), signing.Request{Page: page})
		},
		"both by key": func() (signing.Answer, error) { return b.Sign(t.Context(), b.app, page) },
	}
	unchanged := func(when string) {
		t.Helper()
		for name, route := range routes {
			answer, err := route()
			require.NoError(t, err, "%s, %s", name, when)
			require.Equal(t, core.CorpID(corp), answer.CorpID, "%s, %s", name, when)
			require.Equal(t, page, answer.URL)
		}
	}
	unchanged("before")
	stranger := b.Tenant(t, "Stranger", "wwfedcba0987654321")
	theirs := b.App(t, stranger, agent, apptest.Secret("stranger"), host, "*.example.com", host+":8443")
	owner := actor(core.TenantOwner, stranger.ID)
	unchanged("when a stranger has added the host")
	_, err = b.Admin.BindLegacyHost(t.Context(), owner, host, stranger.ID, theirs.ID)
	require.True(t, fault.Has(err, fault.PermissionDenied), err)
	err = b.Admin.UnbindLegacyHost(t.Context(), owner, host)
	require.True(t, fault.Has(err, fault.PermissionDenied), err)
	list, err := b.Admin.ListDomains(t.Context(), owner, stranger.ID, theirs.ID, core.Page{Limit: 10})
	require.NoError(t, err)
	for _, d := range list.Items {
		require.NoError(t, b.Admin.DeleteDomain(t.Context(), owner, stranger.ID, theirs.ID, d.ID, nil))
	}
	b.Catch(t)
	unchanged("when the stranger has deleted it again")
	require.NoError(t, b.Admin.DestroyTenant(t.Context(), apptest.Operator(), stranger.ID, nil))
	b.Catch(t)
	unchanged("when the stranger is gone")
	b.mustSign(t)
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, operator := t.Context(), apptest.Operator()
	name, yes := "neu", true
	for what, change := range map[string]func(version *int64) error{
		"tenant": func(v *int64) error {
			_, err := b.Admin.UpdateTenant(ctx, operator, b.tenant.ID, v, admin.TenantChange{Name: &name})
			return err
		},
		"app": func(v *int64) error {
			_, err := b.Admin.UpdateApp(ctx, operator, b.tenant.ID, b.app.ID, v, admin.AppChange{AllowHTTP: &yes})
			return err
		},
	} {
		now := func() int64 {
			if what == "tenant" {
				tenant, err := b.Admin.GetTenant(ctx, operator, b.tenant.ID)
				require.NoError(t, err)
				return tenant.Version
			}
			app, err := b.Admin.GetApp(ctx, operator, b.tenant.ID, b.app.ID)
			require.NoError(t, err)
			return app.Version
		}
		version := now()
		require.NoError(t, change(&version), what)
		require.Equal(t, version+1, now())
		before := b.contents(t)
		for _, other := range []int64{version, version + 2, 0, -1} {
			err := change(&other)
			require.True(t, fault.Has(err, fault.IfMatchConflict), "%s at %d: %v", what, other, err)
		}
		require.Equal(t, before, b.contents(t))
		require.NoError(t, change(nil), what)
	}
	stale := int64(1)
	domains, err := b.Admin.ListDomains(ctx, operator, b.tenant.ID, b.app.ID, core.Page{Limit: 1})
	require.NoError(t, err)
	for what, remove := range map[string]func(version *int64) error{
		"domain": func(v *int64) error {
			return b.Admin.DeleteDomain(ctx, operator, b.tenant.ID, b.app.ID, domains.Items[0].ID, v)
		},
		"app":    func(v *int64) error { return b.Admin.DeleteApp(ctx, operator, b.tenant.ID, b.app.ID, v) },
		"tenant": func(v *int64) error { return b.Admin.DestroyTenant(ctx, operator, b.tenant.ID, v) },
	} {
		before := b.contents(t)
		err := remove(&stale)
		require.True(t, fault.Has(err, fault.IfMatchConflict), "%s: %v", what, err)
		require.Equal(t, before, b.contents(t))
	}
	app, err := b.Admin.GetApp(ctx, operator, b.tenant.ID, b.app.ID)
	require.NoError(t, err)
	require.NoError(t, b.Admin.DeleteDomain(ctx, operator, b.tenant.ID, b.app.ID, domains.Items[0].ID, &app.Version))
	require.True(t, fault.Has(b.Admin.DeleteApp(ctx, operator, b.tenant.ID, b.app.ID, &app.Version), fault.IfMatchConflict), "the deletion of the domain counted")
	app, err = b.Admin.GetApp(ctx, operator, b.tenant.ID, b.app.ID)
	require.NoError(t, err)
	require.NoError(t, b.Admin.DeleteApp(ctx, operator, b.tenant.ID, b.app.ID, &app.Version))
}

// Every change of an app or of what hangs on it is another version of it.
// Who asks for what is so already changes nothing: nobody's ETag is stale for it,
// and the audit says nothing of it.
func TestAChangeThatChangesNothingIsNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, err := b.Admin.GetTenant(t.Context(), apptest.Operator(), b.tenant.ID)
	require.NoError(t, err)
	app, err := b.Admin.GetApp(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID)
	require.NoError(t, err)
	before := b.DB.RowCounts(t)
	status, http := string(tenant.Status), app.AllowHTTP
	sameTenant, err := b.Admin.UpdateTenant(t.Context(), apptest.Operator(), b.tenant.ID, &tenant.Version, admin.TenantChange{Name: &tenant.Name, Status: &status})
	require.NoError(t, err)
	require.Equal(t, tenant, sameTenant)
	sameApp, err := b.Admin.UpdateApp(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, &app.Version, admin.AppChange{Name: &app.Name, AllowHTTP: &http})
	require.NoError(t, err)
	require.Equal(t, app, sameApp)
	require.Equal(t, before, b.DB.RowCounts(t))
}

func TestAnAppsVersionCountsEveryChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	version := func() int64 {
		app, err := b.Admin.GetApp(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID)
		require.NoError(t, err)
		return app.Version
	}
	before := version()
	domain, err := b.addDomain(t, "new.example.com")
	require.NoError(t, err)
	require.Equal(t, before+1, version())
	b.rotateTo(t, "second")
	require.Equal(t, before+2, version())
	require.NoError(t, b.Admin.DeleteDomain(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID, domain.ID, nil))
	require.Equal(t, before+3, version())
}
