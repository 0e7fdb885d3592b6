package wecomtest_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// drive calls the control surface.
func drive(s http.Handler, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestControl_sets_an_app_up_and_checks_its_signatures(t *testing.T) {
	t.Parallel()
	now := newClock()
	s := wecomtest.New(wecomtest.Config{Clock: now.Now})
	w := drive(s, "POST", "/_fake/apps", `{"corp":"wweeeeeeeeeeeeeeee","agent":"1000003","name":"新","secret":"CANARYnewSecret","domains":["new.example.com"],"allowedIps":["192.0.2.0/24"]}`)
	require.Equal(t, http.StatusNoContent, w.Code, w.Body.String())
	app := wecomtest.App{Corp: "wweeeeeeeeeeeeeeee", Agent: "1000003", Secret: "CANARYnewSecret"}
	check := signed(app, core.CorpTicket, ticketOf(t, s, core.CorpTicket, tokenOf(t, s, app)).Ticket, "https://new.example.com/", now)

	body, err := json.Marshal(check)
	require.NoError(t, err)
	require.JSONEq(t, `{"ok":true,"errcode":0,"errMsg":"ok"}`, drive(s, "POST", "/_fake/check", string(body)).Body.String())
	check.Nonce = "other"
	body, err = json.Marshal(check)
	require.NoError(t, err)
	require.JSONEq(t, `{"ok":false,"errcode":40093,"errMsg":"config:invalid signature more info at https://open.work.weixin.qq.com/devtool/query?e=40093"}`,
		drive(s, "POST", "/_fake/check", string(body)).Body.String())

	list := drive(s, "GET", "/_fake/apps", "").Body.String()
	require.Contains(t, list, "new.example.com")
	require.NotContains(t, list, "CANARY")
	require.Contains(t, drive(s, "GET", "/_fake/", "").Body.String(), "/_fake/check")

	w = drive(s, "POST", "/_fake/apps", `{"corp":"wweeeeeeeeeeeeeeee","agent":"1000003","name":"新","secret":"CANARYnewerSecret","reset":true}`)
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Equal(t, 40001, ask(t, s, wecom.GetToken, "corpid", string(app.Corp), "corpsecret", app.Secret).Errcode)
	require.Len(t, s.Apps(), 1)
}

func TestControl_lays_faults_and_shows_calls(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	for _, body := range []string{`{"name":"45009","api":"gettoken","corp":"` + string(sales.Corp) + `","times":1}`, `{"errcode":-1,"api":"gettoken","times":1}`} {
		require.Equal(t, http.StatusNoContent, drive(s, "POST", "/_fake/faults", body).Code)
	}
	fetch := func() int {
		return ask(t, s, wecom.GetToken, "corpid", string(sales.Corp), "corpsecret", sales.Secret).Errcode
	}
	require.Equal(t, 45009, fetch())
	require.Equal(t, -1, fetch())
	require.Zero(t, fetch())
	require.Equal(t, http.StatusNoContent, drive(s, "POST", "/_fake/faults", `{"status":502,"body":"x","times":0}`).Code)
	require.Equal(t, http.StatusNoContent, drive(s, "DELETE", "/_fake/faults", "").Code)
	require.Zero(t, fetch())

	var log struct {
		Items []wecomtest.Call `json:"items"`
		Count int              `json:"count"`
	}
	require.NoError(t, json.Unmarshal(drive(s, "GET", "/_fake/calls?api=gettoken&corp="+string(sales.Corp), "").Body.Bytes(), &log))
	require.Equal(t, 4, log.Count)
	require.Equal(t, "45009", log.Items[0].Fault)
	require.Equal(t, http.StatusNoContent, drive(s, "DELETE", "/_fake/calls", "").Code)
	require.Empty(t, s.Calls())

	names := drive(s, "GET", "/_fake/faults", "").Body.String()
	for _, name := range wecomtest.FaultNames() {
		require.Contains(t, names, `"`+name+`"`)
		require.Equal(t, http.StatusNoContent, drive(s, "POST", "/_fake/faults", `{"name":"`+name+`"}`).Code)
	}
}

func TestControl_refuses_what_it_does_not_take(t *testing.T) {
	t.Parallel()
	s, _ := newFake()
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/_fake/apps", `{"corp":"ww1"}`, 400},
		{"POST", "/_fake/apps", `{"corp":"ww1","agent":"1","secret":"s","more":1}`, 400},
		{"POST", "/_fake/apps", `{`, 400},
		{"POST", "/_fake/apps", `"` + strings.Repeat("x", 5<<20) + `"`, 400},
		{"POST", "/_fake/faults", `{"name":"nothing"}`, 400},
		{"POST", "/_fake/faults", `{"behaviour":"sing"}`, 400},
		{"POST", "/_fake/faults", `{"status":99}`, 400},
		{"POST", "/_fake/check", `[]`, 400},
		{"PUT", "/_fake/apps", `{}`, 405},
		{"GET", "/_fake/secrets", ``, 404},
	} {
		require.Equal(t, c.want, drive(s, c.method, c.path, c.body).Code, c.path+" "+c.body[:min(len(c.body), 40)])
	}
	r := httptest.NewRequest("POST", "/_fake/apps", strings.NewReader(`{"corp":"ww1","agent":"1","secret":"s"}`))
	r.Header.Set("Content-Type", "text/plain") // all that a page of another origin can send unasked
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	require.Equal(t, http.StatusUnsupportedMediaType, w.Code)
	require.Len(t, s.Apps(), 3)
}

func TestControl_keeps_its_apps_over_a_restart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "apps.json")
	cfg := wecomtest.Config{StateFile: file, Seed: []byte("one")}
	before := wecomtest.New(cfg)
	require.NoError(t, before.LoadApps(), "there is no file yet")
	before.AddApp(sales)
	require.Equal(t, http.StatusNoContent, drive(before, "POST", "/_fake/apps", `{"corp":"wwbbbbbbbbbbbbbbbb","agent":"1000001","name":"别家","secret":"CANARYkept"}`).Code)
	token := tokenOf(t, before, sales)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds secrets")

	after := wecomtest.New(cfg)
	require.NoError(t, after.LoadApps())
	require.Equal(t, before.Apps(), after.Apps())
	require.Zero(t, ask(t, after, wecomtest.ListAgents, "access_token", token).Errcode)
	unsaid := wecomtest.New(wecomtest.Config{StateFile: file})
	require.NoError(t, unsaid.LoadApps())
	require.Zero(t, ask(t, unsaid, wecomtest.ListAgents, "access_token", token).Errcode, "the seed is kept beside the apps")
	other := wecomtest.New(wecomtest.Config{StateFile: file, Seed: []byte("two")})
	require.NoError(t, other.LoadApps())
	require.Equal(t, 40014, ask(t, other, wecomtest.ListAgents, "access_token", token).Errcode, "a seed that is given wins")

	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	require.ErrorContains(t, wecomtest.New(cfg).LoadApps(), file)
	lost := wecomtest.New(wecomtest.Config{StateFile: filepath.Join(t.TempDir(), "gone", "apps.json")})
	require.Equal(t, http.StatusInternalServerError, drive(lost, "POST", "/_fake/apps", `{"corp":"ww1","agent":"1","secret":"s"}`).Code)
}
