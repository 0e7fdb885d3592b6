package identity

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// weComHouse is a house with a tenant whose people sign in through an app. The owner
// of the platform administers the tenant as well, and is bound to zhangsan.
type weComHouse struct {
	*house
	rooms  *apptest.House
	tenant core.Tenant
	app    apptest.App
	late   atomic.Int64 // how far WeCom's clock is ahead
}

const (
	signInCorp  = "ww1234567890abcdef"
	signInAgent = "1000247"
	zhangsan    = "zhangsan"
)

func newWeComHouse(t *testing.T) *weComHouse {
	t.Helper()
	w := &weComHouse{}
	w.rooms = apptest.New(t, apptest.Config{WeCom: wecomtest.Config{Clock: func() time.Time { return time.Now().Add(time.Duration(w.late.Load())) }}})
	ring := w.rooms.Ring
	w.house = &house{db: w.rooms.DB, cfg: Config{
		Store: w.rooms.Store, Issuer: issuer, WeCom: w.rooms.Tickets, WeComLoginURL: w.rooms.WeCom.URL(),
		Sealer: ring.Sealer(), Opener: ring.Opener(seal.SessionKey, seal.Factor),
		NewPlatformKey: func() (seal.WrappedKey, error) { return ring.NewScopeKey(seal.Platform(), 1) },
	}}
	w.cfg.Clock = func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	w.Identity = w.open(t)
	var err error
	w.owner, err = w.CreateOwner(t.Context(), ownerEmail, ownerPassword)
	require.NoError(t, err)
	w.tenant, w.app = w.addTenant(t, "蓝湖科技", signInCorp, signInAgent, "a")
	w.join(t, w.tenant, w.owner, core.TenantOwner)
	w.bind(t, w.tenant, zhangsan, w.owner)
	return w
}

// addTenant makes a tenant with an app that people sign in through.
func (w *weComHouse) addTenant(t *testing.T, name, corp, agent, secret string) (core.Tenant, apptest.App) {
	t.Helper()
	tenant := w.rooms.Tenant(t, name, corp)
	return tenant, w.addApp(t, tenant, agent, secret, true)
}

func (w *weComHouse) addApp(t *testing.T, tenant core.Tenant, agent, secret string, signIn bool) apptest.App {
	t.Helper()
	app := w.rooms.App(t, tenant, agent, apptest.Secret(secret), "crm.example.com")
	w.rooms.WeCom.AddApp(wecomtest.App{Corp: tenant.Corps[0], Agent: core.AgentID(agent), Name: app.Name, Secret: app.SecretText,
		Domains: []string{"crm.example.com"}, RedirectDomain: "console.signet.example", People: []string{zhangsan, "lisi", "wwlinked/" + zhangsan}})
	if signIn {
		w.mark(t, app, true)
	}
	return app
}

func (w *weComHouse) mark(t *testing.T, app apptest.App, signIn bool) {
	t.Helper()
	_, err := w.rooms.Admin.UpdateApp(t.Context(), apptest.Operator(), app.TenantID, app.ID, nil, admin.AppChange{SignIn: &signIn})
	require.NoError(t, err)
}

func (w *weComHouse) join(t *testing.T, tenant core.Tenant, m core.Member, role core.Role) {
	t.Helper()
	require.NoError(t, w.store.Tenant(t.Context(), core.System("test"), tenant.ID, func(tx *store.TenantTx) error {
		return tx.CreateMembership(t.Context(), m.ID, role)
	}))
}

func (w *weComHouse) bind(t *testing.T, tenant core.Tenant, user core.WeComUserID, m core.Member) {
	t.Helper()
	require.NoError(t, w.store.Tenant(t.Context(), core.System("test"), tenant.ID, func(tx *store.TenantTx) error {
		_, err := tx.BindWeComPerson(t.Context(), tenant.Corps[0], user, m.ID)
		return err
	}))
}

func (w *weComHouse) begin(t *testing.T, app apptest.App) WeComRound {
	t.Helper()
	round, err := w.BeginWeCom(t.Context(), atOffice, app.Key.String())
	require.NoError(t, err)
	return round
}

// confirm does on WeCom's page what user does, "" cancels, and gives what WeCom sends
// the browser back with.
func (w *weComHouse) confirm(t *testing.T, round WeComRound, user string) (state, code string) {
	t.Helper()
	back, err := wecomtest.Confirm(t.Context(), round.URL, user)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(back, issuer+WeComReturnPath+"?"), back)
	at, err := url.Parse(back)
	require.NoError(t, err)
	return at.Query().Get("state"), at.Query().Get("code")
}

// goRound goes to WeCom and back as user.
func (w *weComHouse) goRound(t *testing.T, app apptest.App, user string) (WeComReturn, error) {
	t.Helper()
	round := w.begin(t, app)
	state, code := w.confirm(t, round, user)
	return w.ReturnFromWeCom(t.Context(), atOffice, round.Browser, state, code)
}

// refused wants a round that fails, and leads to no session.
func (w *weComHouse) refused(t *testing.T, code fault.Code, came WeComReturn, err error) {
	t.Helper()
	requireCode(t, err, code)
	require.Equal(t, WeComReturn{}, came)
	require.Empty(t, w.texts(t, `SELECT 'x' FROM signet.sessions WHERE begun_with = 'wecom'`))
}

func TestAMemberComesInThroughWeCom(t *testing.T) {
	t.Parallel()
	w := newWeComHouse(t)
	round := w.begin(t, w.app)
	page, err := url.Parse(round.URL)
	require.NoError(t, err)
	require.Regexp(t, regexp.MustCompile(`^[a-zA-Z0-9]{1,128}$`), page.Query().Get("state"))
	require.NotContains(t, round.URL, round.Browser.Expose())

	came, err := w.goRound(t, w.app, zhangsan)
	require.NoError(t, err)
	require.False(t, came.Bound)
	require.True(t, came.Factor.IsZero())
	require.Equal(t, w.owner.ID, came.Session.Member.ID)
	require.Equal(t, core.Grants{Tenants: map[core.TenantID]core.Role{w.tenant.ID: core.TenantOwner}}, came.Session.Grants)
	require.Equal(t, []string{"wecom false " + w.tenant.ID.String()}, w.texts(t, `SELECT begun_with || ' ' || second_factor || ' ' || only_tenant FROM signet.sessions`))

	rows := w.audit(t)
	last := rows[len(rows)-1]
	require.Equal(t, "session.create", last.Action)
	require.Equal(t, map[string]string{"with": "wecom", "client": office.String(), "tenant": w.tenant.ID.String(), "corp_id": signInCorp, "user_id": zhangsan}, last.Detail)
}

func TestASessionThroughWeComHoldsInItsTenantAlone(t *testing.T) {
	t.Parallel()
	w := newWeComHouse(t)
	other := w.rooms.Tenant(t, "北辰物流", "ww9876543210fedcba")
	w.join(t, other, w.owner, core.TenantOwner)
	came, err := w.goRound(t, w.app, zhangsan)
	require.NoError(t, err)
	for n := range 2 { // and so does one that was refreshed
		actor := w.actor(t, came.Session)
		require.NoError(t, actor.MayIn(w.tenant.ID, core.MembersWrite))
		requireCode(t, actor.MayIn(other.ID, core.TenantRead), fault.TenantUnknown)
		requireCode(t, actor.May(core.TenantsList), fault.PermissionDenied)
		for name, call := range map[string]func() error{
			"factors":  func() error { _, err := w.ListFactors(t.Context(), actor); return err },
			"totp":     func() error { _, err := w.BeginTOTP(t.Context(), actor, "x"); return err },
			"password": func() error { return w.ChangePassword(t.Context(), actor, atOffice, ownerPassword, ownerPassword) },
			"sessions": func() error { _, err := w.EndOtherSessions(t.Context(), actor); return err },
			"list":     func() error { _, err := w.ListWeComBindings(t.Context(), actor); return err },
			"unbind":   func() error { return w.UnbindWeCom(t.Context(), actor, w.tenant.ID) },
			"bind": func() error {
				_, err := w.BeginWeComBinding(t.Context(), actor, atOffice, w.app.Key.String())
				return err
			},
		} {
			require.True(t, fault.Has(call(), fault.PermissionDenied), "%s %d", name, n)
		}
		came.Session, err = w.Refresh(t.Context(), came.Session.Refresh, "")
		require.NoError(t, err)
	}
}

func TestARoundIsGoodOnceInItsBrowser(t *testing.T) {
	t.Parallel()
	w := newWeComHouse(t)
	mine, foreign := w.begin(t, w.app), w.begin(t, w.app)
	state, code := w.confirm(t, mine, zhangsan)
	foreignState, foreignCode := w.confirm(t, foreign, zhangsan)
	for name, row := range map[string]struct {
		browser     core.Secret
		state, code string
	}{
		"another browser":          {foreign.Browser, state, code},
		"no cookie":                {core.Secret{}, state, code},
		"the state of another":     {mine.Browser, foreignState, foreignCode},
		"no state":                 {mine.Browser, "", code},
		"a state that nobody sent": {mine.Browser, strings.Repeat("a", 64), code},
		"a cookie that nobody set": {core.NewSecret("x"), stateOf(core.NewSecret("x")), code},
	} {
		came, err := w.ReturnFromWeCom(t.Context(), atOffice, row.browser, row.state, row.code)
		require.True(t, fault.Has(err, fault.CeremonyOver), "%s: %v", name, err)
		require.Equal(t, WeComReturn{}, came, name)
	}
	require.Zero(t, w.rooms.WeCom.Count(wecomtest.Filter{API: wecom.GetUser}), "WeCom was asked")
	_, err := w.ReturnFromWeCom(t.Context(), atOffice, mine.Browser, state, code)
	require.NoError(t, err, "and the right one comes in all the same")

	// Once: with the same code, and with another that would be good.
	for _, again := range []string{code, foreignCode} {
		_, err = w.ReturnFromWeCom(t.Context(), atOffice, mine.Browser, state, again)
		requireCode(t, err, fault.CeremonyOver)
	}
	require.Equal(t, 1, w.rooms.WeCom.Count(wecomtest.Filter{API: wecom.GetUser}))

	late := w.begin(t, w.app)
	state, code = w.confirm(t, late, zhangsan)
	w.damage(t, `UPDATE signet.ceremonies SET expires_at = now() WHERE used_at IS NULL`)
	_, err = w.ReturnFromWeCom(t.Context(), atOffice, late.Browser, state, code)
	requireCode(t, err, fault.CeremonyOver)
}

func TestWhoRefusesAtWeComDoesNotComeIn(t *testing.T) {
	t.Parallel()
	w := newWeComHouse(t)
	round := w.begin(t, w.app)
	state, code := w.confirm(t, round, "")
	require.Empty(t, code)
	came, err := w.ReturnFromWeCom(t.Context(), atOffice, round.Browser, state, code)
	w.refused(t, fault.WeComCancelled, came, err)
	_, other := w.confirm(t, w.begin(t, w.app), zhangsan)
	came, err = w.ReturnFromWeCom(t.Context(), atOffice, round.Browser, state, other)
	w.refused(t, fault.CeremonyOver, came, err)
}

func TestOnlyWhoIsBoundInTheTenantComesIn(t *testing.T) {
	t.Parallel()

	t.Run("no outsider, no linked corp's person, and nobody who is not bound", func(t *testing.T) {
		t.Parallel()
		w := newWeComHouse(t)
		for n, user := range []string{wecomtest.Outsider, "wwlinked/" + zhangsan, "lisi"} {
			came, err := w.goRound(t, w.app, user)
			w.refused(t, fault.WeComUnbound, came, err)
			rows := w.audit(t)
			last := rows[len(rows)-1]
			require.Equal(t, "session.refuse", last.Action, n)
			require.Equal(t, "wecom", last.Detail["with"])
			require.Equal(t, w.tenant.ID.String(), last.Detail["tenant"])
		}
	})
	t.Run("nobody who is bound in another tenant with the same corp", func(t *testing.T) {
		t.Parallel()
		w := newWeComHouse(t)
		other, itsApp := w.addTenant(t, "冒名的企业", signInCorp, signInAgent, "b")
		came, err := w.goRound(t, itsApp, zhangsan)
		w.refused(t, fault.WeComUnbound, came, err)

		// Nor by a membership there, nor by a code that was given for the first one's round.
		w.join(t, other, w.owner, core.TenantViewer)
		_, code := w.confirm(t, w.begin(t, w.app), zhangsan)
		round := w.begin(t, itsApp)
		came, err = w.ReturnFromWeCom(t.Context(), atOffice, round.Browser, stateOf(round.Browser), code)
		w.refused(t, fault.WeComUnbound, came, err)
	})
	t.Run("nobody who has left the tenant", func(t *testing.T) {
		t.Parallel()
		w := newWeComHouse(t)
		w.damage(t, `DELETE FROM signet.memberships`)
		require.Empty(t, w.texts(t, `SELECT user_id FROM signet.wecom_people`))
		came, err := w.goRound(t, w.app, zhangsan)
		w.refused(t, fault.WeComUnbound, came, err)
	})
}

func TestPeopleSignInThroughAnAppThatIsMarkedAndActive(t *testing.T) {
	t.Parallel()
	w := newWeComHouse(t)
	plain := w.addApp(t, w.tenant, "1000300", "c", false)
	_, err := w.rooms.Admin.UpdateApp(t.Context(), apptest.Operator(), w.tenant.ID, plain.ID, nil, admin.AppChange{SignIn: new(true)})
	requireCode(t, err, fault.SignInAppExists)

	suspended, active := "suspended", "active"
	for name, turn := range map[string]func(to *string, mark bool){
		"tenant": func(to *string, _ bool) {
			_, err := w.rooms.Admin.UpdateTenant(t.Context(), apptest.Operator(), w.tenant.ID, nil, admin.TenantChange{Status: to})
			require.NoError(t, err)
		},
		"app": func(to *string, _ bool) {
			_, err := w.rooms.Admin.UpdateApp(t.Context(), apptest.Operator(), w.tenant.ID, w.app.ID, nil, admin.AppChange{Status: to})
			require.NoError(t, err)
		},
		"mark": func(_ *string, mark bool) { w.mark(t, w.app, mark) },
	} {
		round := w.begin(t, w.app)
		state, code := w.confirm(t, round, zhangsan)
		require.True(t, waysTo(t, w.Identity, w.app.Key.String()).WeCom, "%s", name)
		turn(&suspended, false)
		require.False(t, waysTo(t, w.Identity, w.app.Key.String()).WeCom, "%s", name)
		_, err := w.BeginWeCom(t.Context(), atOffice, w.app.Key.String())
		require.True(t, fault.Has(err, fault.AppUnknown), "%s: %v", name, err)
		came, err := w.ReturnFromWeCom(t.Context(), atOffice, round.Browser, state, code)
		w.refused(t, fault.AppUnknown, came, err)
		turn(&active, true)
	}
	for _, key := range []string{"", "app_", core.NewAppKey().String(), plain.Key.String(), strings.ToUpper(w.app.Key.String())} {
		_, err := w.BeginWeCom(t.Context(), atOffice, key)
		requireCode(t, err, fault.AppUnknown)
		require.False(t, waysTo(t, w.Identity, key).WeCom, "%s", key)
	}
	require.NoError(t, w.rooms.Admin.DeleteTenant(t.Context(), apptest.Operator(), w.tenant.ID, nil))
	_, err = w.BeginWeCom(t.Context(), atOffice, w.app.Key.String())
	requireCode(t, err, fault.AppUnknown)
}

func TestWhoAsksForTheWaysOfManyAppsIsBraked(t *testing.T) {
	t.Parallel()
	w := newWeComHouse(t)
	v := Visit{Client: netip.MustParsePrefix("203.0.113.78/32")}
	for range triesPerClient.burst {
		_, err := w.Ways(t.Context(), v, core.NewAppKey().String())
		require.NoError(t, err)
	}
	_, err := w.Ways(t.Context(), v, w.app.Key.String())
	requireCode(t, err, fault.RateLimitedCode)
	_, err = w.Ways(t.Context(), v, "")
	require.NoError(t, err, "the page itself is not braked")
}
