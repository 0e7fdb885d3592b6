package wecomtest_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// loginPage is the address of the page, with some parameters changed.
func loginPage(s *wecomtest.Server, changes ...string) string {
	query := url.Values{"login_type": {"CorpApp"}, "appid": {string(sales.Corp)}, "agentid": {string(sales.Agent)},
		"redirect_uri": {"https://console.example.com/back?x=1"}, "state": {"abc123"}, "lang": {"zh"}}
	for i := 0; i < len(changes); i += 2 {
		query.Set(changes[i], changes[i+1])
	}
	return s.URL() + wecomtest.LoginPath + "?" + query.Encode()
}

// startSignIn starts a fake whose clock is moved, with two apps that people sign in to.
func startSignIn(t *testing.T) (*wecomtest.Server, *clock) {
	t.Helper()
	now := newClock()
	s := wecomtest.Start(t, wecomtest.Config{Clock: now.Now})
	for _, app := range []wecomtest.App{sales, support} {
		app.RedirectDomain, app.People = "console.example.com", []string{"zhangsan", "wwlinked/lisi"}
		s.AddApp(app)
	}
	return s, now
}

func TestSignIn_page_sends_the_browser_back_with_a_code_or_without(t *testing.T) {
	t.Parallel()
	s, _ := startSignIn(t)
	back, err := wecomtest.Confirm(t.Context(), loginPage(s), "zhangsan")
	require.NoError(t, err)
	require.Regexp(t, `^https://console\.example\.com/back\?code=[A-Z2-7]+&state=abc123&x=1$`, back)
	back, err = wecomtest.Confirm(t.Context(), loginPage(s), "")
	require.NoError(t, err)
	require.Equal(t, "https://console.example.com/back?state=abc123&x=1", back)
}

func TestSignIn_page_refuses_what_WeCom_refuses(t *testing.T) {
	t.Parallel()
	s, _ := startSignIn(t)
	for name, changes := range map[string][]string{
		"another type":            {"login_type", "ServiceApp"},
		"an unknown corp":         {"appid", "wwffffffffffffffff"},
		"an unknown agent":        {"agentid", "1999999"},
		"another host":            {"redirect_uri", "https://evil.example.net/"},
		"a host below":            {"redirect_uri", "https://a.console.example.com/"},
		"another port":            {"redirect_uri", "https://console.example.com:8443/"},
		"a host in the user part": {"redirect_uri", "https://console.example.com@evil.example.net/"},
		"no address":              {"redirect_uri", ""},
		"a state with a sign":     {"state", "a-b"},
		"a long state":            {"state", strings.Repeat("a", 129)},
	} {
		_, err := wecomtest.Confirm(t.Context(), loginPage(s, changes...), "zhangsan")
		require.Error(t, err, name)
	}
	_, err := wecomtest.Confirm(t.Context(), loginPage(s), "wangwu")
	require.ErrorContains(t, err, "没有这个成员")
	s.SetClosed(sales.Corp, sales.Agent, true)
	_, err = wecomtest.Confirm(t.Context(), loginPage(s), "zhangsan")
	require.ErrorContains(t, err, "50003")
}

func TestSignIn_code_is_good_once_for_its_app_and_five_minutes(t *testing.T) {
	t.Parallel()
	s, now := startSignIn(t)
	code := func(user string) string {
		back, err := wecomtest.Confirm(t.Context(), loginPage(s), user)
		require.NoError(t, err)
		at, err := url.Parse(back)
		require.NoError(t, err)
		return at.Query().Get("code")
	}
	who := func(app wecomtest.App, code string) answer {
		return ask(t, s, wecom.GetUser, "access_token", tokenOf(t, s, app), "code", code)
	}
	first := code("zhangsan")
	require.Equal(t, 40029, who(support, first).Errcode, "another app of the corp")
	require.Equal(t, "zhangsan", who(sales, first).UserID)
	require.Equal(t, 40029, who(sales, first).Errcode, "used")
	require.Equal(t, 40029, who(sales, "").Errcode)
	require.Equal(t, "wwlinked/lisi", who(sales, code("wwlinked/lisi")).UserID)
	outsider := who(sales, code(wecomtest.Outsider))
	require.NotEmpty(t, outsider.OpenID)
	require.Empty(t, outsider.UserID)

	late := code("zhangsan")
	now.Advance(5 * time.Minute)
	require.Equal(t, 40029, who(sales, late).Errcode, "too old")

	require.Equal(t, 41001, ask(t, s, wecom.GetUser, "code", "x").Errcode)
	closed := code("zhangsan")
	token := tokenOf(t, s, sales)
	s.SetClosed(sales.Corp, sales.Agent, true)
	require.Equal(t, 50003, ask(t, s, wecom.GetUser, "access_token", token, "code", closed).Errcode)
}
