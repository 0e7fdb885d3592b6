package app_test

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/identity/identitytest"
	"signet/internal/wecom/wecomtest"
)

// The app secrets beside canarySecret, by what becomes of each.
const (
	canaryPending        = "CANARYpendingSecret2222222222222222222222D" // kept, tried, made current
	canaryPendingWrong   = "CANARYwaitingSecret3333333333333333333333E" // kept, refused when it is tried and at its time
	canaryRetired        = "CANARYretiredSecret4444444444444444444444F" // kept, retired, destroyed
	canaryScheduled      = "CANARYtimedSecret555555555555555555555555G" // kept, current at its time
	canaryHanded         = "CANARYhandedSecret66666666666666666666666H" // handed in by a link
	canaryHandedWrong    = "CANARYofferedSecret7777777777777777777777I" // handed in by a link, refused
	canaryOther          = "CANARYotherAppSecret888888888888888888888J" // of another app
	canaryDeleted        = "CANARYdeletedSecret9999999999999999999999K" // of a tenant that leaves
	canaryDeletedAtOnce  = "CANARYforgottenSecret00000000000000000000L" // of a tenant that is deleted at once
	canaryPasswordOfNone = "CANARY-no-such-Passw0rd-M"
	canaryGuestPassword  = "CANARY-guests-own-Passw0rd-N"  // chosen with an invitation
	canaryResetPassword  = "CANARY-chosen-anew-Passw0rd-O" // chosen with a reset
)

// marked are the canaries that are known before a node begins to live.
var marked = map[string]string{
	"app secret": canarySecret, "second app secret": canarySecond, "wrong app secret": canaryWrong, "password": canaryPassword, "wrong password": canaryPasswordOfNone,
	"password of a guest": canaryGuestPassword, "password that was chosen anew": canaryResetPassword,
	"pending secret": canaryPending, "refused pending secret": canaryPendingWrong, "destroyed secret": canaryRetired, "secret with a time": canaryScheduled,
	"secret that was handed in": canaryHanded, "refused secret that was handed in": canaryHandedWrong, "secret of another app": canaryOther,
	"secret of a tenant that left": canaryDeleted, "secret of a tenant that was deleted": canaryDeletedAtOnce,
	"new master identity": apptest.MarkedMaster.Text, "recovery identity": apptest.MarkedOffline.Text,
	"passphrase of the identity file": apptest.MarkedMaster.Passphrase, "passphrase of the recovery identity": apptest.MarkedOffline.Passphrase,
	"database password":                    "signet_app_of_a_test",
	"secret of the client at the provider": identitytest.ClientSecret, "access token of the provider": identitytest.AccessToken,
}

// canaries gives all that must be seen nowhere, by what it is.
func (n *node) canaries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, value := range marked {
		all[name] = value
	}
	for name, value := range n.record.given {
		all[name] = value
	}
	for i, identity := range n.identities {
		all[fmt.Sprint("identity ", i)] = identity
		root, err := hkdf.Key(sha256.New, []byte(identity), nil, "signet/1 first root key", 32)
		require.NoError(t, err)
		all[fmt.Sprint("first root key of identity ", i)] = string(root)
	}
	for _, a := range n.weCom.Apps() {
		for _, kind := range []core.TicketKind{core.AccessToken, core.CorpTicket, core.AgentTicket} {
			for i, value := range n.weCom.Issued(a.Corp, a.Agent, kind) {
				all[fmt.Sprint("WeCom's ", kind, " of ", a.Corp, " ", a.Agent, ", ", i)] = value
			}
		}
	}
	for name, value := range all {
		require.GreaterOrEqual(t, len(value), 12, name)
	}
	return all
}

// want asks the console for something that must succeed.
func (n *node) want(t *testing.T, status int, method, path, body string, headers ...string) answer {
	t.Helper()
	a := n.call(t, method, path, body, headers...)
	require.Equal(t, status, a.status, "%s %s: %s", method, path, a.body)
	return a
}

// outside asks as somebody who is not signed in.
func (n *node) outside(t *testing.T, status int, path, body string) answer {
	t.Helper()
	token := n.token
	n.token = ""
	defer func() { n.token = token }()
	return n.want(t, status, http.MethodPost, path, body)
}

// get asks the public listener.
func (n *node) get(t *testing.T, path string) answer {
	t.Helper()
	a := do(t, http.MethodGet, n.public()+path, nil)
	n.record.note(http.MethodGet, path, a)
	return a
}

// accept lets WeCom take a secret of an app beside those that it takes already.
func (n *node) accept(m madeApp, secret string) {
	n.weCom.AddApp(wecomtest.App{Corp: core.CorpID(m.corp), Agent: core.AgentID(m.agent), Name: "app", Secret: secret, Domains: []string{crmHost}})
}

func (m madeApp) path() string { return "/tenants/" + m.tenantID + "/apps/" + m.id }

// version is the path of the version of a secret that an answer tells of.
func (m madeApp) version(t *testing.T, a answer) string {
	t.Helper()
	number, ok := a.json(t)["version"].(float64)
	require.True(t, ok, string(a.body))
	return fmt.Sprintf("%s/secrets/%d", m.path(), int(number))
}

// liveThroughSecrets moves secrets of an app in every way but a put.
func (n *node) liveThroughSecrets(t *testing.T, m madeApp) {
	t.Helper()
	put := func(body string) answer {
		return n.want(t, http.StatusCreated, http.MethodPost, m.path()+"/secrets", body)
	}
	n.accept(m, canaryPending)
	kept := m.version(t, put(fmt.Sprintf(`{"secret":%q,"pending":true}`, canaryPending)))
	n.want(t, http.StatusOK, http.MethodPost, kept+"/try", "")
	n.want(t, http.StatusOK, http.MethodPost, kept+"/activate", "")
	over := m.version(t, put(fmt.Sprintf(`{"secret":%q,"pending":true}`, canaryRetired)))
	n.want(t, http.StatusOK, http.MethodPost, over+"/retire", "")
	n.want(t, http.StatusOK, http.MethodPost, over+"/destroy", "")

	wrong := m.version(t, put(fmt.Sprintf(`{"secret":%q,"pending":true}`, canaryPendingWrong)))
	for _, refused := range []string{"/try", "/activate"} {
		a := n.call(t, http.MethodPost, wrong+refused, "")
		require.Equal(t, http.StatusUnprocessableEntity, a.status, "%s: %s", refused, a.body)
	}
	at := func(d time.Duration) string {
		return fmt.Sprintf(`{"activateAt":%q}`, time.Now().Add(d).Format(time.RFC3339Nano))
	}
	n.want(t, http.StatusOK, http.MethodPut, wrong+"/schedule", at(time.Hour))
	n.want(t, http.StatusOK, http.MethodDelete, wrong+"/schedule", "")
	n.want(t, http.StatusOK, http.MethodPut, wrong+"/schedule", at(time.Second))
}

// liveThroughLinks hands secrets in, good and bad, and leaves one link that can still
// be used.
func (n *node) liveThroughLinks(t *testing.T, m madeApp) {
	t.Helper()
	links := m.path() + "/intake-links"
	n.want(t, http.StatusCreated, http.MethodPost, links, "")
	used := n.record.lastGiven(t, givenIntake)
	token := fmt.Sprintf(`{"token":%q}`, used)
	handIn := func(secret string) string { return fmt.Sprintf(`{"token":%q,"secret":%q}`, used, secret) }
	n.outside(t, http.StatusOK, "/intake", token)
	n.outside(t, http.StatusUnprocessableEntity, "/intake/secret", handIn(canaryHandedWrong))
	n.outside(t, http.StatusBadRequest, "/intake/secret", handIn(canaryHandedWrong)+"x")
	n.outside(t, http.StatusBadRequest, "/intake/secret", fmt.Sprintf(`{"token":{"a":%q},"secret":[%q]}`, used, canaryHandedWrong))
	n.accept(m, canaryHanded)
	n.outside(t, http.StatusCreated, "/intake/secret", handIn(canaryHanded))
	revoked := n.want(t, http.StatusCreated, http.MethodPost, links, "")
	back := n.record.lastGiven(t, givenIntake)
	n.want(t, http.StatusNoContent, http.MethodDelete, links+"/"+revoked.text(t, "id"), "")
	for _, over := range []string{used, back} {
		for path, body := range map[string]string{"/intake": `{"token":%q}`, "/intake/secret": `{"token":%q,"secret":"` + canaryHandedWrong + `"}`} {
			a := n.call(t, http.MethodPost, path, fmt.Sprintf(body, over))
			require.True(t, a.status >= 400 && a.status < 500, "%s: %d %s", path, a.status, a.body)
		}
	}
	n.want(t, http.StatusCreated, http.MethodPost, links, "")
	n.outside(t, http.StatusOK, "/intake", fmt.Sprintf(`{"token":%q}`, n.record.lastGiven(t, givenIntake)))
	n.want(t, http.StatusOK, http.MethodGet, links, "")
}

// beginToLeave deletes one tenant at once and lets another leave, which is taken back
// once; its time comes.
func (n *node) beginToLeave(t *testing.T) (leaving string) {
	t.Helper()
	tenant := func(corp, secret string) string {
		id := n.want(t, http.StatusCreated, http.MethodPost, "/tenants", fmt.Sprintf(`{"name":"去也","corpId":%q}`, corp)).text(t, "id")
		n.addApp(t, id, corp, "1000002", secret, crmHost)
		return "/tenants/" + id
	}
	n.want(t, http.StatusNoContent, http.MethodDelete, tenant("ww8888888888888888", canaryDeletedAtOnce)+"?now=true", "")
	path := tenant("ww7777777777777777", canaryDeleted)
	n.want(t, http.StatusNoContent, http.MethodDelete, path, "")
	etag := n.want(t, http.StatusOK, http.MethodGet, path, "").header.Get("ETag")
	n.want(t, http.StatusOK, http.MethodPatch, path, `{"status":"active"}`, "If-Match", etag)
	n.want(t, http.StatusNoContent, http.MethodDelete, path, "")
	leaving = strings.TrimPrefix(path, "/tenants/")
	require.EqualValues(t, 1, n.db.Exec(t, `UPDATE signet.tenants SET deletion_due_at = now() WHERE tenant_id = $1`, leaving))
	return leaving
}

// liveThroughCustody goes through what falls due by itself, all of it at once, since
// each waits for a chore.
func (n *node) liveThroughCustody(t *testing.T, m madeApp) {
	t.Helper()
	other := n.addApp(t, m.tenantID, m.corp, "1000003", canaryOther, crmHost)
	n.liveThroughSecrets(t, m)
	n.liveThroughLinks(t, other)
	n.accept(other, canaryScheduled)
	timed := n.want(t, http.StatusCreated, http.MethodPost, other.path()+"/secrets",
		fmt.Sprintf(`{"secret":%q,"activateAt":%q}`, canaryScheduled, time.Now().Add(time.Second).Format(time.RFC3339Nano)))
	timedPath := other.version(t, timed)
	leaving := n.beginToLeave(t)
	n.want(t, http.StatusAccepted, http.MethodPost, "/tenants/"+m.tenantID+"/key/rotations", "")

	for what, count := range map[string]string{
		"the secret's time has come": `SELECT count(*) FROM signet.app_secrets WHERE app_id = '` + other.id + `' AND state = 'current' AND version = ` + timedPath[strings.LastIndex(timedPath, "/")+1:],
		"the tenant is destroyed":    `SELECT count(*) FROM signet.deletions WHERE tenant_id = '` + leaving + `'`,
		"the tenant's key is turned": `SELECT count(*) FROM signet_keys.tenant_keys HAVING count(*) FILTER (WHERE tenant_id = '` + m.tenantID + `') = 1`,
	} {
		require.Eventually(t, func() bool {
			found := n.db.List(t, count)
			return len(found) == 1 && found[0] != "0"
		}, time.Minute, 100*time.Millisecond, what)
	}
	require.Eventually(t, func() bool { return strings.Contains(n.logs.String(), `"alert":"secret_not_activated"`) }, time.Minute, 100*time.Millisecond)
	require.Contains(t, string(n.want(t, http.StatusOK, http.MethodGet, "/tenants/"+m.tenantID+"/key", "").body), `"version":2`)
	require.Equal(t, http.StatusOK, n.sign(t, m.key, crmPage).status)
	require.Equal(t, http.StatusOK, n.sign(t, other.key, crmPage).status)
	n.want(t, http.StatusNoContent, http.MethodDelete, other.path(), "")
}

// liveThroughTheRest asks for what no other part has asked for.
func (n *node) liveThroughTheRest(t *testing.T, m madeApp) {
	t.Helper()
	tenant := "/tenants/" + m.tenantID
	for path, change := range map[string]string{tenant: `{"secretMaxAgeDays":1}`, m.path(): `{"allowHttp":true}`} {
		etag := n.want(t, http.StatusOK, http.MethodGet, path, "").header.Get("ETag")
		n.want(t, http.StatusOK, http.MethodPatch, path, change, "If-Match", etag)
	}
	domain := n.want(t, http.StatusCreated, http.MethodPost, m.path()+"/domains", `{"host":"gone.example.com"}`).text(t, "id")
	n.want(t, http.StatusNoContent, http.MethodDelete, m.path()+"/domains/"+domain, "")
	n.want(t, http.StatusOK, http.MethodPut, "/legacy-hosts/"+crmHost, fmt.Sprintf(`{"tenantId":%q,"appId":%q}`, m.tenantID, m.id))
	query := "?app=" + m.key + "&url=" + url.QueryEscape(crmPage)
	for _, path := range []string{"/v1/signatures" + query, "/wxapi/wxQyAuth" + query, "/wxapi/wxAppAuth" + query} {
		require.Equal(t, http.StatusOK, n.get(t, path).status, path)
	}
	for _, path := range []string{"/tenants", tenant, tenant + "/apps", m.path(), m.path() + "/secrets", m.path() + "/intake-links", m.path() + "/domains",
		tenant + "/audit", tenant + "/audit/export", tenant + "/audit/export?format=csv", tenant + "/audit/checkpoint", "/audit", "/audit/export", tenant + "/budget", tenant + "/key", "/legacy-hosts", "/platform/refused-calls", "/platform/troubles", "/platform/secrets-due", "/session", "/sessions", "/factors", "/openapi.json"} {
		n.want(t, http.StatusOK, http.MethodGet, path, "")
	}
	n.want(t, http.StatusNoContent, http.MethodDelete, "/legacy-hosts/"+crmHost, "")
	for _, path := range []string{"/livez", "/readyz"} {
		n.record.note(http.MethodGet, path, do(t, http.MethodGet, "http://"+n.server.MetricsAddr()+path, nil))
	}
}

// identityFile writes a file with identities and goes on with it.
func (n *node) identityFile(t *testing.T, text, passphrase string) {
	t.Helper()
	n.cfg.IdentityFile, n.cfg.PassphraseFile = privateFile(t, text), ""
	if passphrase != "" {
		n.cfg.PassphraseFile = privateFile(t, passphrase+"\n")
	}
}

// keys runs a command about keys, which must succeed.
func (n *node) keys(t *testing.T, does string, run func(out io.Writer) error) string {
	t.Helper()
	said, err := n.record.command(does, run)
	require.NoError(t, err, does)
	return said
}

// keysRefused runs one that must fail.
func (n *node) keysRefused(t *testing.T, does string, run func(out io.Writer) error) {
	t.Helper()
	_, err := n.record.command(does, run)
	require.Error(t, err, does)
}

// liveThroughKeys turns every key by the commands, loses the identity and gets it back,
// and goes on with a new one behind a passphrase.
func (n *node) liveThroughKeys(t *testing.T, m madeApp) {
	t.Helper()
	ctx := t.Context()
	offline := app.RecoveryFile{Path: privateFile(t, apptest.MarkedOffline.Locked), Passphrase: privateFile(t, apptest.MarkedOffline.Passphrase+"\n")}
	noPassphrase := app.RecoveryFile{Path: offline.Path}
	wrongPassphrase := app.RecoveryFile{Path: offline.Path, Passphrase: privateFile(t, canaryPasswordOfNone+"\n")}
	check := func(file app.RecoveryFile, sheet ...string) func(io.Writer) error {
		return func(out io.Writer) error {
			typed, err := app.ParseSheet(sheet)
			return errors.Join(err, app.CheckKeys(ctx, n.cfg, file, typed, out))
		}
	}
	recoverBy := func(file app.RecoveryFile, sheet ...string) func(io.Writer) error {
		return func(out io.Writer) error {
			typed, err := app.ParseSheet(sheet)
			return errors.Join(err, app.RecoverKeys(ctx, n.cfg, file, typed, out))
		}
	}
	status := func() (sheet string) {
		said := n.keys(t, "KeyStatus", func(out io.Writer) error { return app.KeyStatus(ctx, n.cfg, out) })
		found := regexp.MustCompile(`root key epoch (\d+)  fingerprint ([0-9a-f ]+)  made`).FindStringSubmatch(said)
		require.NotNil(t, found, said)
		return found[1] + "=" + found[2]
	}
	restart := func() {
		require.NoError(t, n.stop())
		n.start(t)
		n.awaitSigned(t, m, crmPage)
	}

	first := status()
	n.keys(t, "CheckKeys", check(app.RecoveryFile{}))
	n.keys(t, "RotateKeys", func(out io.Writer) error { return app.RotateKeys(ctx, n.cfg, out) })
	n.keys(t, "RotatePlatformKey", func(out io.Writer) error { return app.RotatePlatformKey(ctx, n.cfg, out) })
	n.keys(t, "RotateSessionKey", func(out io.Writer) error { return app.RotateSessionKey(ctx, n.cfg, false, out) })
	tenant, err := core.ParseTenantID(m.tenantID)
	require.NoError(t, err)
	n.keys(t, "RotateTenantKey", func(out io.Writer) error { return app.RotateTenantKey(ctx, n.cfg, tenant, out) })
	n.keys(t, "PrintSheets", func(out io.Writer) error { return app.PrintSheets(ctx, n.cfg, out) })
	sheet := status()
	require.NotEqual(t, first, sheet)
	n.keys(t, "CheckKeys", check(offline, sheet))
	for _, refused := range []func(io.Writer) error{check(noPassphrase, sheet), check(wrongPassphrase, sheet), check(offline, strings.Replace(first, "1=", "2=", 1))} {
		n.keysRefused(t, "CheckKeys", refused)
	}
	require.Equal(t, http.StatusOK, n.sign(t, m.key, crmPage).status)

	// The identity is lost.
	path := filepath.Join(t.TempDir(), "next.txt")
	n.keys(t, "InitKeys", func(out io.Writer) error { return app.InitKeys(n.cfg, path, false, out) })
	n.keysRefused(t, "InitKeys", func(out io.Writer) error { return app.InitKeys(n.cfg, path, true, out) })
	n.identities = append(n.identities, identityOf(t, path))
	n.cfg.IdentityFile = path
	n.keysRefused(t, "KeyStatus", func(out io.Writer) error { return app.KeyStatus(ctx, n.cfg, out) })
	n.keysRefused(t, "RecoverKeys", recoverBy(wrongPassphrase, sheet))
	n.keysRefused(t, "RecoverKeys", recoverBy(offline, first))
	n.keys(t, "RecoverKeys", recoverBy(offline, sheet))
	restart()

	// It is handed over to another one, which is kept behind a passphrase.
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	n.identityFile(t, apptest.MarkedMaster.Text+"\n"+string(text), "")
	n.keys(t, "RotateMaster", func(out io.Writer) error { return app.RotateMaster(ctx, n.cfg, out) })
	n.identityFile(t, apptest.MarkedMaster.Locked, canaryPasswordOfNone)
	n.keysRefused(t, "KeyStatus", func(out io.Writer) error { return app.KeyStatus(ctx, n.cfg, out) })
	_, err = app.NewServer(ctx, n.cfg, n.log)
	require.ErrorContains(t, err, "passphrase")
	n.identityFile(t, apptest.MarkedMaster.Locked, apptest.MarkedMaster.Passphrase)
	restart()
	n.keys(t, "CheckKeys", check(app.RecoveryFile{}))

	list := filepath.Join(t.TempDir(), "deletions.jsonl")
	for _, to := range []string{"", list} {
		n.keys(t, "KeyDeletions", func(out io.Writer) error { return app.KeyDeletions(ctx, n.cfg, to, out) })
	}
	for _, dryRun := range []bool{true, false} {
		n.keys(t, "KeyForget", func(out io.Writer) error { return app.KeyForget(ctx, n.cfg, list, dryRun, out) })
	}
}

// signInAndOut ends one session and begins another, which is gone on with.
func (n *node) signInAndOut(t *testing.T) {
	t.Helper()
	cookie := func() []string {
		return []string{"Cookie", "__Host-signet_refresh=" + n.record.lastGiven(t, givenRefresh), "Sec-Fetch-Site", "same-origin"}
	}
	n.token = n.want(t, http.StatusOK, http.MethodPost, "/session/refresh", "", cookie()...).text(t, "accessToken")
	n.want(t, http.StatusOK, http.MethodGet, "/session", "")
	n.want(t, http.StatusNoContent, http.MethodDelete, "/session", "", cookie()...)
	n.want(t, http.StatusUnauthorized, http.MethodPost, "/session/refresh", "", cookie()...)
	n.token = n.outside(t, http.StatusOK, "/session", fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, canaryPassword)).text(t, "accessToken")
}

// harmless are the faults under which a signature is made all the same.
var harmless = []string{"ok", "expires-huge", "expires-string", "clock-skew-date"}

// liveThroughFaults signs and rotates under every fault of WeCom, each time with a
// cold node.
func (n *node) liveThroughFaults(t *testing.T, m madeApp) {
	t.Helper()
	for _, fault := range wecomtest.FaultNames() {
		f, ok := wecomtest.FindFault(fault)
		require.True(t, ok, fault)
		n.restartCold(t)
		n.weCom.Inject(f)
		signed := n.sign(t, m.key, crmPage)
		if slices.Contains(harmless, fault) {
			require.Equal(t, http.StatusOK, signed.status, fault)
		} else {
			require.Equal(t, http.StatusServiceUnavailable, signed.status, "%s: %s", fault, signed.body)
			require.NotEmpty(t, n.weCom.Calls(), "%s: the secret was not even used: %s", fault, signed.body)
		}
		n.call(t, http.MethodPost, m.path()+"/secrets", fmt.Sprintf(`{"secret":%q}`, canarySecond))
		n.weCom.ClearFaults()
	}
	n.restartCold(t)
}

// liveThroughEverything uses every route, every fault and every command about keys,
// and keeps in the record what came back.
func (n *node) liveThroughEverything(t *testing.T) (m madeApp) {
	t.Helper()
	n.record = newRecord()
	n.cfg.RecoveryRecipient = apptest.MarkedOffline.Recipient
	n.identities = []string{identityOf(t, n.cfg.IdentityFile)}
	provider := n.withProvider(t)
	require.NoError(t, createOwner(t, n.cfg, canaryPassword))
	n.start(t)
	n.outside(t, http.StatusUnauthorized, "/session", fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, canaryPasswordOfNone))
	n.token = n.outside(t, http.StatusOK, "/session", fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, canaryPassword)).text(t, "accessToken")

	corp := "ww1111111111111111"
	n.weCom.AddApp(wecomtest.App{Corp: core.CorpID(corp), Agent: "1000002", Secret: canarySecret, Domains: []string{crmHost}})
	n.want(t, http.StatusCreated, http.MethodPost, "/tenants", `{"name":"CANARY-name-of-a-tenant","corpId":"ww9999999999999999"}`)
	tenant := n.want(t, http.StatusCreated, http.MethodPost, "/tenants", fmt.Sprintf(`{"name":"蓝湖科技","corpId":%q}`, corp)).text(t, "id")
	apps := "/tenants/" + tenant + "/apps"
	n.want(t, http.StatusUnprocessableEntity, http.MethodPost, apps, fmt.Sprintf(`{"name":"a","agentId":"1000002","secret":%q}`, canaryWrong))
	n.want(t, http.StatusBadRequest, http.MethodPost, apps, fmt.Sprintf(`{"name":"a","agentId":"1000002","secret":%q`, canaryWrong))
	n.want(t, http.StatusBadRequest, http.MethodPost, apps, fmt.Sprintf(`{"name":"a","agentId":%q,"secret":1}`, canaryWrong))
	created := n.want(t, http.StatusCreated, http.MethodPost, apps, fmt.Sprintf(`{"name":"侧边栏","agentId":"1000002","secret":%q}`, canarySecret))
	m = madeApp{tenant, created.text(t, "id"), created.text(t, "key"), corp, "1000002", canarySecret}
	n.want(t, http.StatusCreated, http.MethodPost, m.path()+"/domains", fmt.Sprintf(`{"host":%q}`, crmHost))
	n.awaitSigned(t, m, crmPage)

	n.liveThroughFaults(t, m)
	n.weCom.ResetSecret(core.CorpID(corp), "1000002", canarySecond)
	n.want(t, http.StatusCreated, http.MethodPost, m.path()+"/secrets", fmt.Sprintf(`{"secret":%q}`, canarySecond))
	n.liveThroughCustody(t, m)
	n.liveThroughKeys(t, m)
	n.liveThroughAccount(t)
	n.liveThroughWeCom(t, m)
	n.signInAndOut(t)
	n.liveThroughProvider(t, provider)
	n.liveThroughTheRest(t, m)
	n.liveThroughAPIKeys(t, m)
	n.liveThroughPeople(t, "/tenants/"+m.tenantID, "tenant_viewer", "tenant_admin")
	n.liveThroughPeople(t, "/platform", "platform_auditor", "platform_operator")
	n.record.note("GET", "/a hostile bearer", do(t, http.MethodGet, n.console()+"/tenants", nil, "Authorization", "Bearer "+canaryWrong))
	n.sign(t, m.key, "https://evil.example.net/?corpsecret="+canaryWrong)
	require.Equal(t, http.StatusOK, n.sign(t, m.key, crmPage).status)
	return m
}
