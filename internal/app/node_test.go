package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"signet/internal/app"
	"signet/internal/app/apptest"
	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/httpapi/httpapitest"
	"signet/internal/seal"
	"signet/internal/store/storetest"
	"signet/internal/wecom/wecomtest"
)

// fasthttp looks after idle workers in a goroutine that wakes every ten seconds
// and ends when it finds its server stopped; and it keeps one clock for the
// process.
func TestMain(m *testing.M) {
	storetest.Main(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

const (
	ownerEmail    = "owner@test.example"
	ownerPassword = "a long password of a test"
	crmHost       = "crm.example.com"
	crmPage       = "https://" + crmHost + "/sidebar?customer=42"
)

// node is a whole server for one test, over HTTP.
type node struct {
	db     storetest.DB
	weCom  *wecomtest.Server
	cfg    config.Config
	server *app.Server
	logs   *httpapitest.LogBook
	log    *slog.Logger // what the node logs to
	token  string
	stop   func() error

	record     *record  // what it was asked and said, where a test keeps it
	identities []string // that it had, where a test keeps them
}

// newConfig is a configuration that works: a database, an identity, a fake
// WeCom, free ports.
func newConfig(t *testing.T, db storetest.DB, weComURL string) config.Config {
	t.Helper()
	identity := filepath.Join(t.TempDir(), "identity.txt")
	_, content, err := seal.GenerateMaster(seal.X25519)
	require.NoError(t, err)
	require.NoError(t, seal.WriteMaster(identity, content))
	return config.Config{
		DatabaseURL: core.NewSecret(db.TenantURL), SystemDatabaseURL: core.NewSecret(db.SystemURL),
		IdentityFile: identity, WeComURL: weComURL, WeComLoginURL: weComURL,
		PublicAddr: "127.0.0.1:0", ConsoleAddr: "127.0.0.1:0", MetricsAddr: "127.0.0.1:0",
		PublicURL: "http://localhost:8880", ConsoleURL: "http://localhost:8881",
		DeletionGrace: apptest.DeletionGrace, KeyBackupDays: apptest.KeyBackupDays,
	}
}

// newNode is a node that was not started yet: its configuration can be changed.
func newNode(t *testing.T, weCom wecomtest.Config) *node {
	t.Helper()
	n := &node{db: storetest.New(t), weCom: wecomtest.Start(t, weCom), logs: &httpapitest.LogBook{}}
	n.log = n.logs.Logger()
	n.cfg = newConfig(t, n.db, n.weCom.URL())
	return n
}

// startNode starts a server with an owner who is signed in.
func startNode(t *testing.T, weCom wecomtest.Config) *node {
	t.Helper()
	n := newNode(t, weCom)
	require.NoError(t, createOwner(t, n.cfg, ownerPassword))
	n.start(t)
	n.signIn(t)
	return n
}

func createOwner(t *testing.T, cfg config.Config, password string) error {
	t.Helper()
	return app.CreateOwner(t.Context(), cfg, ownerEmail, core.NewSecret(password), io.Discard)
}

func (n *node) start(t *testing.T) {
	t.Helper()
	server, err := app.NewServer(t.Context(), n.cfg, n.log)
	require.NoError(t, err)
	n.run(t, server)
}

// run runs a server until the test ends, or stop.
func (n *node) run(t *testing.T, server *app.Server) {
	t.Helper()
	n.server = server
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	n.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { require.NoError(t, n.stop()) })
}

func (n *node) public() string  { return "http://" + n.server.PublicAddr() }
func (n *node) console() string { return "http://" + n.server.ConsoleAddr() + "/api/v1" }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// json reads the body as an object.
func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal(a.body, &m), string(a.body))
	return m
}

// text reads one member of the body, given by its path.
func (a answer) text(t *testing.T, path ...string) string {
	t.Helper()
	var value any = a.json(t)
	for _, member := range path {
		object, ok := value.(map[string]any)
		require.True(t, ok, "%s of %s", path, a.body)
		value = object[member]
	}
	text, ok := value.(string)
	require.True(t, ok, "%s of %s", path, a.body)
	return text
}

// client keeps no connection when a test ends, or goroutines would be left.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// do sends a request; headers come in pairs.
func do(t *testing.T, method, address string, body io.Reader, headers ...string) answer {
	t.Helper()
	a, err := send(t.Context(), method, address, body, headers...)
	require.NoError(t, err)
	return a
}

// send is do for goroutines that may not end a test.
func send(ctx context.Context, method, address string, body io.Reader, headers ...string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, content}, err
}

// call speaks to the console's API as the signed-in owner. body is JSON text,
// "" for none.
func (n *node) call(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	if body != "" {
		headers = append(headers, "Content-Type", "application/json")
	}
	if n.token != "" {
		headers = append(headers, "Authorization", "Bearer "+n.token)
	}
	a := do(t, method, n.console()+path, strings.NewReader(body), headers...)
	n.record.note(method, path, a)
	return a
}

func (n *node) signIn(t *testing.T) {
	t.Helper()
	n.token = ""
	a := n.call(t, http.MethodPost, "/session", fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, ownerPassword))
	require.Equal(t, http.StatusOK, a.status, string(a.body))
	n.token = a.text(t, "accessToken")
}

// madeApp is an app with its tenant, made through the API.
type madeApp struct{ tenantID, id, key, corp, agent, secret string }

// makeApp makes a tenant with an app that trusts hosts, all through the API.
func (n *node) makeApp(t *testing.T, name, corp, agent string, hosts ...string) madeApp {
	t.Helper()
	tenant := n.call(t, http.MethodPost, "/tenants", fmt.Sprintf(`{"name":%q,"corpId":%q}`, name, corp))
	require.Equal(t, http.StatusCreated, tenant.status, string(tenant.body))
	return n.addApp(t, tenant.text(t, "id"), corp, agent, apptest.Secret(strings.ToLower(corp)+agent), hosts...)
}

func (n *node) addApp(t *testing.T, tenantID, corp, agent, secret string, hosts ...string) madeApp {
	t.Helper()
	n.weCom.AddApp(wecomtest.App{Corp: core.CorpID(corp), Agent: core.AgentID(agent), Name: "app", Secret: secret, Domains: hosts})
	path := "/tenants/" + tenantID + "/apps"
	created := n.call(t, http.MethodPost, path, fmt.Sprintf(`{"name":"客户侧边栏","agentId":%q,"secret":%q}`, agent, secret))
	require.Equal(t, http.StatusCreated, created.status, string(created.body))
	m := madeApp{tenantID, created.text(t, "id"), created.text(t, "key"), corp, agent, secret}
	for _, host := range hosts {
		added := n.call(t, http.MethodPost, path+"/"+m.id+"/domains", fmt.Sprintf(`{"host":%q}`, host))
		require.Equal(t, http.StatusCreated, added.status, string(added.body))
	}
	if len(hosts) > 0 {
		n.awaitSigned(t, m, "https://"+hosts[len(hosts)-1]+"/")
	}
	return m
}

// sign asks for a signature as a page would, by POST.
func (n *node) sign(t *testing.T, key, page string, headers ...string) answer {
	t.Helper()
	body, err := json.Marshal(map[string]string{"app": key, "url": page})
	require.NoError(t, err)
	a := do(t, http.MethodPost, n.public()+"/v1/signatures", bytes.NewReader(body), append(headers, "Content-Type", "application/json")...)
	n.record.note(http.MethodPost, "/v1/signatures", a)
	return a
}

// awaitSigned waits until the change feed has brought what makes a page signed.
func (n *node) awaitSigned(t *testing.T, m madeApp, page string) {
	t.Helper()
	n.await(t, func() bool { return n.sign(t, m.key, page).status == http.StatusOK })
}

// awaitCode waits until the change feed has brought what makes a page refused.
func (n *node) awaitCode(t *testing.T, key, page, code string) {
	t.Helper()
	n.await(t, func() bool {
		a := n.sign(t, key, page)
		return a.status != http.StatusOK && a.text(t, "code") == code
	})
}

// await waits for the change feed, which the design bounds by two seconds.
func (n *node) await(t *testing.T, done func() bool) {
	t.Helper()
	require.Eventually(t, done, 5*time.Second, 20*time.Millisecond)
}

// verify checks both signatures of an answer as the client would, against
// tickets fetched with the app's own secret.
func (n *node) verify(t *testing.T, m madeApp, page string, a answer) {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, string(a.body))
	for kind, member := range map[wecomtest.CheckKind]string{wecomtest.CheckConfig: "config", wecomtest.CheckAgentConfig: "agentConfig"} {
		signed, ok := a.json(t)[member].(map[string]any)
		require.True(t, ok, string(a.body))
		stamp, ok := signed["timestamp"].(float64)
		require.True(t, ok)
		require.NoError(t, n.weCom.CheckSignature(wecomtest.Check{
			Kind: kind, Corp: core.CorpID(m.corp), Agent: core.AgentID(m.agent), PageURL: page, Secret: m.secret,
			Timestamp: int64(stamp), Nonce: fmt.Sprint(signed["nonceStr"]), Signature: fmt.Sprint(signed["signature"]),
		}), "%s of %s", member, page)
	}
}
