package signing_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/signing"
	"signet/internal/wecom/wecomtest"
)

const (
	host = "crm.example.com"
	page = "https://" + host + "/sidebar?customer=42&q=a+b%20c"
)

// signingHouse has one tenant with one app that trusts host.
func signingHouse(t *testing.T) (*apptest.House, core.Tenant, apptest.App) {
	t.Helper()
	h := apptest.New(t, apptest.Config{})
	tenant := h.Tenant(t, "蓝湖科技", "ww1234567890abcdef")
	return h, tenant, h.App(t, tenant, "1000247", apptest.Secret("first"), host)
}

func TestSign(t *testing.T) {
	t.Parallel()

	t.Run("gives two signatures that the client accepts, for the address as it was sent", func(t *testing.T) {
		t.Parallel()
		h, _, app := signingHouse(t)
		answer, err := h.Sign(t.Context(), app, page+"#/route?x=1")
		require.NoError(t, err)
		require.Equal(t, page, answer.URL)
		require.Equal(t, core.CorpID("ww1234567890abcdef"), answer.CorpID)
		require.Equal(t, core.AgentID("1000247"), answer.AgentID)
		require.NoError(t, h.Verify(app, page+"#/route?x=1", answer))
		require.NotEqual(t, answer.Config, answer.AgentConfig)
	})

	t.Run("gives each of the original program's two signatures alone, by its own ticket", func(t *testing.T) {
		t.Parallel()
		h, _, app := signingHouse(t)
		request := signing.Request{AppKey: app.Key.String(), Page: page}
		config, err := h.Signer.SignConfig(t.Context(), request)
		require.NoError(t, err)
		require.Zero(t, config.AgentConfig)
		agent, err := h.Signer.SignAgentConfig(t.Context(), request)
		require.NoError(t, err)
		require.Zero(t, agent.Config)
		whole, err := h.Sign(t.Context(), app, page)
		require.NoError(t, err)
		require.NoError(t, h.Verify(app, page, whole))
		for _, c := range []struct {
			kind   wecomtest.CheckKind
			answer signing.Answer
			text   string
		}{{wecomtest.CheckConfig, config, string(config.Config[:])}, {wecomtest.CheckAgentConfig, agent, string(agent.AgentConfig[:])}} {
			require.NoError(t, h.WeCom.CheckSignature(wecomtest.Check{Kind: c.kind, Corp: app.CorpID, Agent: app.AgentID, PageURL: page,
				Timestamp: c.answer.Timestamp, Nonce: string(c.answer.Nonce[:]), Signature: c.text}))
		}
	})

	t.Run("draws a nonce and a time of its own for every answer", func(t *testing.T) {
		t.Parallel()
		h, _, app := signingHouse(t)
		seen := map[[16]byte]bool{}
		for range 1000 {
			answer, err := h.Sign(t.Context(), app, page)
			require.NoError(t, err)
			require.False(t, seen[answer.Nonce])
			seen[answer.Nonce] = true
		}
	})

	t.Run("finds the app by the host that an operator has bound", func(t *testing.T) {
		t.Parallel()
		h, tenant, app := signingHouse(t)
		_, err := h.Signer.SignConfig(t.Context(), signing.Request{Page: page})
		require.True(t, fault.Has(err, fault.AppMissing), err)
		_, err = h.Admin.BindLegacyHost(t.Context(), apptest.Operator(), host, tenant.ID, app.ID)
		require.NoError(t, err)
		h.Catch(t)
		_, err = h.Signer.SignConfig(t.Context(), signing.Request{Page: page})
		require.NoError(t, err)
	})

	t.Run("tells what is wrong with the address of a bound host, and of no other", func(t *testing.T) {
		t.Parallel()
		h, tenant, app := signingHouse(t)
		_, err := h.Admin.BindLegacyHost(t.Context(), apptest.Operator(), host, tenant.ID, app.ID)
		require.NoError(t, err)
		h.Catch(t)
		for _, wrong := range []string{"https://" + host + "/客户", "https://" + host, "https://" + host + "?x=1", "https://" + host + "#/x",
			"https://" + host + "/a/../b", "HTTPS://CRM.Example.com/", `https://` + host + `\x`, "http://" + host + "/"} {
			_, err := h.Signer.SignConfig(t.Context(), signing.Request{Page: wrong})
			require.True(t, fault.Has(err, fault.URLInvalid), "%s: %v", wrong, err)
		}
		for _, unknown := range []string{host, "", "/sidebar", "https://", "https:///", "https://evil@" + host + "/", "https://" + host + ".evil.example/", "https://" + host + ":8443/", "https://evil.example/https://" + host + "/"} {
			_, err := h.Signer.SignConfig(t.Context(), signing.Request{Page: "x" + unknown})
			require.True(t, fault.Has(err, fault.AppMissing), "%s: %v", unknown, err)
		}
	})
}

// A node that cannot read the change feed does not know whether somebody has made
// the app meanwhile. It does know that a text is no app key.
func TestAnAppThatMayHaveBeenMadeIsNotCalledUnknown(t *testing.T) {
	t.Parallel()
	h, _, app := signingHouse(t)
	_, err := h.Sign(t.Context(), app, page)
	require.NoError(t, err)
	unknown := signing.Request{AppKey: core.NewAppKey().String(), Page: page}
	for _, readable := range []bool{true, false, true} {
		h.Directory.NoteFeed(time.Now(), readable)
		_, err := h.Signer.Sign(t.Context(), unknown)
		if readable {
			require.True(t, fault.Has(err, fault.AppUnknown), err)
		} else {
			require.True(t, fault.Has(err, fault.StoreUnavailable), err)
			require.Positive(t, fault.Find(err).RetryAfter)
		}
		_, err = h.Signer.Sign(t.Context(), signing.Request{AppKey: "app_nonsense", Page: page})
		require.True(t, fault.Has(err, fault.AppUnknown), err)
		_, err = h.Sign(t.Context(), app, page)
		require.NoError(t, err)
	}
}

// TestSignChecksInTheOrderOfTheContract gives a request with everything wrong
// and mends it step by step: each refusal must be the first that still holds.
func TestSignChecksInTheOrderOfTheContract(t *testing.T) {
	t.Parallel()
	h, tenant, app := signingHouse(t)
	h.WeCom.Inject(wecomtest.Fault{Name: "away", Status: 500})
	suspended := string(core.Suspended)
	active := string(core.Active)
	setTenant := func(status *string) {
		_, err := h.Admin.UpdateTenant(t.Context(), apptest.Operator(), tenant.ID, nil, admin.TenantChange{Status: status})
		require.NoError(t, err)
		h.Catch(t)
	}
	setApp := func(status *string) {
		_, err := h.Admin.UpdateApp(t.Context(), apptest.Operator(), tenant.ID, app.ID, nil, admin.AppChange{Status: status})
		require.NoError(t, err)
		h.Catch(t)
	}
	setTenant(&suspended)
	setApp(&suspended)

	request := signing.Request{HasOrigin: true, Origin: "https://evil.example.net"}
	refused := func(want fault.Code) {
		t.Helper()
		_, err := h.Signer.Sign(t.Context(), request)
		require.True(t, fault.Has(err, want), "want %s, got %v", want, err)
	}
	refused(fault.URLMissing)
	request.Page = "HTTPS://nobody.example.net/"
	refused(fault.AppMissing)
	request.AppKey = core.NewAppKey().String()
	refused(fault.AppUnknown)
	request.AppKey = app.Key.String()
	refused(fault.TenantSuspended)
	setTenant(&active)
	refused(fault.AppSuspended)
	setApp(&active)
	refused(fault.URLInvalid)
	request.Page = "https://nobody.example.net/"
	refused(fault.URLUntrusted)
	request.Page = page
	refused(fault.OriginUntrusted)
	request.Origin = "https://" + host
	refused(fault.WeComUnavailable)
	h.WeCom.ClearFaults()
	_, err := h.Signer.Sign(t.Context(), request)
	require.NoError(t, err)
}

func TestSignRefusesAnAppWithoutACurrentSecret(t *testing.T) {
	t.Parallel()
	h, tenant, app := signingHouse(t)
	superuser(t, h, `DELETE FROM signet.app_secrets`)
	again := h.Restart(t)
	_, err := again.Sign(t.Context(), app, page)
	require.True(t, fault.Has(err, fault.AppNotReady), err)
	require.Positive(t, fault.Find(err).RetryAfter)
	require.NotZero(t, tenant.ID)
}

func TestSignComparesTheOrigin(t *testing.T) {
	t.Parallel()
	h, _, app := signingHouse(t)
	for _, origin := range []string{
		"", "null", "https://" + host + "/", "http://" + host, "https://" + host + ":443", "https://" + host + ":8443",
		"https://CRM.example.com", "https://crm.example.com.evil.example.net", "https://evil.example.net", "https://" + host + " ",
		"https://" + host + ", https://" + host, "https://" + host + ".", "https://xcrm.example.com", "//" + host, host,
	} {
		_, err := h.Signer.Sign(t.Context(), signing.Request{AppKey: app.Key.String(), Page: page, Origin: origin, HasOrigin: true})
		require.True(t, fault.Has(err, fault.OriginUntrusted), "origin %q: %v", origin, err)
	}
	_, err := h.Signer.Sign(t.Context(), signing.Request{AppKey: app.Key.String(), Page: page, Origin: "https://" + host, HasOrigin: true})
	require.NoError(t, err)
}

// A tenant who adds another's host changes nothing for that other: each app
// keeps its own list, and only an operator binds a host.
func TestAnothersHostChangesNothing(t *testing.T) {
	t.Parallel()
	h, tenant, app := signingHouse(t)
	_, err := h.Admin.BindLegacyHost(t.Context(), apptest.Operator(), host, tenant.ID, app.ID)
	require.NoError(t, err)
	h.Catch(t)
	stranger := h.App(t, h.Tenant(t, "北辰物流", "wwfedcba0987654321"), "1000247", apptest.Secret("stranger"), host)

	bound, err := h.Signer.Sign(t.Context(), signing.Request{Page: page})
	require.NoError(t, err)
	require.Equal(t, app.CorpID, bound.CorpID)
	require.NoError(t, h.Verify(app, page, bound))
	own, err := h.Sign(t.Context(), app, page)
	require.NoError(t, err)
	require.NoError(t, h.Verify(app, page, own))
	theirs, err := h.Sign(t.Context(), stranger, page)
	require.NoError(t, err)
	require.NoError(t, h.Verify(stranger, page, theirs))
	require.Error(t, h.Verify(app, page, theirs))
}

// The figure of the issue: a warm signature sends no statement and makes no
// call. Counted, not assumed.
func TestAWarmSignatureNeedsNobody(t *testing.T) {
	t.Parallel()
	h, _, app := signingHouse(t)
	_, err := h.Sign(t.Context(), app, page)
	require.NoError(t, err)
	statements, calls := h.Store.Statements(), len(h.WeCom.Calls())
	for range 10_000 {
		_, err := h.Sign(t.Context(), app, page)
		require.NoError(t, err)
	}
	require.Equal(t, statements, h.Store.Statements())
	require.Len(t, h.WeCom.Calls(), calls)
}

// A page names any app it likes: nobody is asked whether there is such a one.
func TestAnUnknownAppNeedsNobody(t *testing.T) {
	t.Parallel()
	h, _, app := signingHouse(t)
	_, err := h.Sign(t.Context(), app, page)
	require.NoError(t, err)
	statements, calls := h.Store.Statements(), len(h.WeCom.Calls())
	for range 10_000 {
		_, err := h.Signer.Sign(t.Context(), signing.Request{AppKey: core.NewAppKey().String(), Page: page})
		require.True(t, fault.Has(err, fault.AppUnknown), "%v", err)
	}
	require.Equal(t, statements, h.Store.Statements())
	require.Len(t, h.WeCom.Calls(), calls)
}

func TestDirectoryFollowsTheFeed(t *testing.T) {
	t.Parallel()
	h, tenant, app := signingHouse(t)
	ctx, stop := context.WithCancel(t.Context())
	from, err := h.Directory.Load(ctx)
	require.NoError(t, err)
	applied := make(chan struct{}, 100)
	ended := make(chan error, 1)
	var readings atomic.Int64
	go func() {
		ended <- h.Store.FollowChanges(ctx, from, h.Signer.Apply, func(error) {
			readings.Add(1)
			applied <- struct{}{}
		})
	}()
	untilSigned := func(page string, want fault.Code) {
		t.Helper()
		for range 50 {
			_, err := h.Sign(t.Context(), app, page)
			if want == "" && err == nil || want != "" && fault.Has(err, want) {
				return
			}
			<-applied
		}
		t.Fatalf("%s did not become %q", page, want)
	}
	other := "https://crm.example.org/"
	untilSigned(other, fault.URLUntrusted)
	domain, err := h.Admin.CreateDomain(t.Context(), apptest.Operator(), tenant.ID, app.ID, "crm.example.org")
	require.NoError(t, err)
	untilSigned(other, "")
	require.NoError(t, h.Admin.DeleteDomain(t.Context(), apptest.Operator(), tenant.ID, app.ID, domain.ID, nil))
	untilSigned(other, fault.URLUntrusted)
	require.NoError(t, h.Admin.DestroyTenant(t.Context(), apptest.Operator(), tenant.ID, nil))
	untilSigned(page, fault.AppUnknown)
	stop()
	require.NoError(t, <-ended)
	require.Positive(t, readings.Load())
}

// superuser damages rows behind everybody's back.
func superuser(t *testing.T, h *apptest.House, statement string) {
	t.Helper()
	h.DB.Exec(t, statement)
}

// A second Load puts what is there in the place of what was held: it is how a
// node goes on when the database behind the feed is another than before.
func TestLoadForgetsWhatIsNoLongerThere(t *testing.T) {
	t.Parallel()
	h, tenant, app := signingHouse(t)
	_, err := h.Admin.BindLegacyHost(t.Context(), apptest.Operator(), host, tenant.ID, app.ID)
	require.NoError(t, err)
	h.Catch(t)
	_, err = h.Sign(t.Context(), app, page)
	require.NoError(t, err)
	superuser(t, h, `DELETE FROM signet.apps`) // no change row tells of it
	_, err = h.Directory.Load(t.Context())
	require.NoError(t, err)
	_, err = h.Sign(t.Context(), app, page)
	require.True(t, fault.Has(err, fault.AppUnknown), err)
	_, err = h.Signer.Sign(t.Context(), signing.Request{Page: page})
	require.True(t, fault.Has(err, fault.AppMissing), err)
}
