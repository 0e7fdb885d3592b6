package identity

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

func TestACodeIsGoodOnceForItsApp(t *testing.T) {
	t.Parallel()
	w := newWeComHouse(t)
	_, foreign := w.addTenant(t, "北辰物流", "ww9876543210fedcba", "1000300", "b")
	_, ofForeign := w.confirm(t, w.begin(t, foreign), zhangsan)

	used := w.begin(t, w.app)
	state, usedCode := w.confirm(t, used, "lisi") // who is not bound
	_, err := w.ReturnFromWeCom(t.Context(), atOffice, used.Browser, state, usedCode)
	requireCode(t, err, fault.WeComUnbound)

	_, old := w.confirm(t, w.begin(t, w.app), zhangsan)
	w.late.Store(int64(5 * time.Minute))
	for name, code := range map[string]string{"used": usedCode, "five minutes old": old, "of another app": ofForeign, "of nobody": "CODE"} {
		round := w.begin(t, w.app)
		came, err := w.ReturnFromWeCom(t.Context(), Visit{Client: network(len(name))}, round.Browser, stateOf(round.Browser), code)
		require.True(t, fault.Has(err, fault.CeremonyOver), "%s: %v", name, err)
		w.refused(t, fault.CeremonyOver, came, err)
	}
	asked := w.rooms.WeCom.Count(wecomtest.Filter{API: wecom.GetUser})
	round := w.begin(t, w.app)
	came, err := w.ReturnFromWeCom(t.Context(), atOffice, round.Browser, stateOf(round.Browser), fmt.Sprintf("%0513d", 1))
	w.refused(t, fault.CeremonyOver, came, err)
	require.Equal(t, asked, w.rooms.WeCom.Count(wecomtest.Filter{API: wecom.GetUser}), "nobody asks about what is no code")
}

func TestATokenThatWeComDisownsIsFetchedAnewForASignIn(t *testing.T) {
	t.Parallel()
	for _, errcode := range []int{40014, 42001, 40001} {
		t.Run(fmt.Sprint(errcode), func(t *testing.T) {
			t.Parallel()
			w := newWeComHouse(t)
			before := w.rooms.WeCom.Count(wecomtest.Filter{API: wecom.GetToken})
			w.rooms.WeCom.Inject(wecomtest.Fault{API: wecom.GetUser, Errcode: errcode, Times: 1})
			came, err := w.goRound(t, w.app, zhangsan)
			require.NoError(t, err)
			require.Equal(t, w.owner.ID, came.Session.Member.ID)
			require.Equal(t, before+1, w.rooms.WeCom.Count(wecomtest.Filter{API: wecom.GetToken}))
			require.Equal(t, 2, w.rooms.WeCom.Count(wecomtest.Filter{API: wecom.GetUser}))
		})
	}
	t.Run("and not twice", func(t *testing.T) {
		t.Parallel()
		w := newWeComHouse(t)
		w.rooms.WeCom.Inject(wecomtest.Fault{API: wecom.GetUser, Errcode: 40014})
		came, err := w.goRound(t, w.app, zhangsan)
		w.refused(t, fault.WeComUnavailable, came, err)
		require.Equal(t, 2, w.rooms.WeCom.Count(wecomtest.Filter{API: wecom.GetUser}))
	})
}

func TestASignInFailsWhereWeComDoes(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]wecomtest.Fault{
		"away":                     {Behaviour: wecomtest.Reset},
		"hanging":                  {Behaviour: wecomtest.Hang},
		"busy":                     {Errcode: -1},
		"without the domain":       {Errcode: 50001},
		"an error page":            {Status: 502, Body: "<html>"},
		"no JSON":                  {Body: "userid=zhangsan"},
		"nobody":                   {Body: `{"errcode":0,"errmsg":"ok"}`},
		"an empty person":          {Body: `{"errcode":0,"userid":""}`},
		"a person of another type": {Body: `{"errcode":0,"userid":["zhangsan"]}`},
		"a person and an outsider": {Body: `{"errcode":0,"userid":"zhangsan","openid":"o1"}`},
		"a person twice":           {Body: `{"errcode":0,"userid":"lisi","userid":"zhangsan"}`},
		"a name that is none":      {Body: `{"errcode":0,"userid":"zhang san"}`},
		"a person in another case": {Body: `{"errcode":0,"UserId":"zhangsan"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWeComHouse(t)
			f.API = wecom.GetUser
			w.rooms.WeCom.Inject(f)
			came, err := w.goRound(t, w.app, zhangsan)
			w.refused(t, fault.WeComUnavailable, came, err)
			w.rooms.WeCom.ClearFaults()
			w.rooms.WeCom.Release()
			require.Empty(t, w.texts(t, `SELECT 'x' FROM signet.tries WHERE full_at > now()`), "what WeCom did not judge is no try")
		})
	}
	t.Run("names compare byte for byte", func(t *testing.T) {
		t.Parallel()
		w := newWeComHouse(t)
		w.rooms.WeCom.Inject(wecomtest.Fault{API: wecom.GetUser, Body: `{"errcode":0,"userid":"ZhangSan"}`})
		came, err := w.goRound(t, w.app, zhangsan)
		w.refused(t, fault.WeComUnbound, came, err)
	})
}

// Whoever comes back with codes that are none spends what WeCom allows the platform.
func TestStrangersWithWrongCodesStopNoPages(t *testing.T) {
	t.Parallel()
	w := newWeComHouse(t)
	guess := func(v Visit) error {
		round, err := w.BeginWeCom(t.Context(), v, w.app.Key.String())
		require.NoError(t, err)
		_, err = w.ReturnFromWeCom(t.Context(), v, round.Browser, stateOf(round.Browser), "CODE")
		return err
	}
	for n := range 5 {
		require.True(t, fault.Has(guess(atOffice), fault.CeremonyOver), "%d", n)
	}
	err := guess(atOffice)
	requireCode(t, err, fault.RateLimitedCode)
	require.Positive(t, fault.Find(err).RetryAfter)

	for n := range 20 {
		_ = guess(Visit{Client: network(n)})
	}
	require.Equal(t, 10, w.rooms.WeCom.Count(wecomtest.Filter{API: wecom.GetUser}))
	require.Empty(t, w.texts(t, `SELECT api FROM signet.call_pauses`), "a wrong code says nothing of the app")
	_, err = w.rooms.Sign(t.Context(), w.app, "https://crm.example.com/")
	require.NoError(t, err)

	// Another tenant's people come in.
	other, itsApp := w.addTenant(t, "北辰物流", "ww9876543210fedcba", "1000300", "b")
	w.join(t, other, w.owner, core.TenantViewer)
	w.bind(t, other, "lisi", w.owner)
	for range 12 { // a code that was good does not count
		_, err = w.goRound(t, itsApp, "lisi")
		require.NoError(t, err)
	}
	w.rest(t, time.Hour)
	_, err = w.goRound(t, w.app, zhangsan)
	require.NoError(t, err)
}
