package app_test

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // one of the nine forms
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/devdb"
	"signet/internal/httpapi/httpapitest"
	"signet/internal/store/storetest"
	"signet/internal/wecom/wecomtest"
)

// The values that must be seen nowhere. They are marked, so that a hit cannot
// be chance.
const (
	canarySecret   = "CANARYagentSecret000000000000000000000000B"
	canarySecond   = "CANARYagentSecret111111111111111111111111C"
	canaryWrong    = "CANARYwrongSecret000000000000000000000000W"
	canaryPassword = "CANARY-admin-Passw0rd-E"
)

// forms are the nine writings in which a value is looked for.
func forms(value string) map[string]string {
	sum := sha1.Sum([]byte(value)) //nolint:gosec // as above
	escaped, _ := json.Marshal(value)
	reversed := []rune(value)
	slices.Reverse(reversed)
	// Without padding and the last letters, which depend on what follows.
	base := strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(value)), "=")
	baseURL := strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(value)), "=")
	return map[string]string{
		"plain":          value,
		"base64":         base[:len(base)-2],
		"base64url":      baseURL[:len(baseURL)-2],
		"hex":            hex.EncodeToString([]byte(value)),
		"urlencoded":     url.QueryEscape(value),
		"json-escaped":   string(escaped[1 : len(escaped)-1]),
		"reversed":       string(reversed),
		"sha1-hex":       hex.EncodeToString(sum[:]),
		"first 12 bytes": value[:12],
	}
}

// search names every canary and form that is found in content.
func search(where string, content []byte, canaries map[string]string) (hits []string) {
	for name, value := range canaries {
		for form, text := range forms(value) {
			if form == "first 12 bytes" && strings.HasPrefix(text, "CANARYagentS") {
				text = value[:20] // the mark itself, which all share, is no part of a secret
			}
			if bytes.Contains(content, []byte(text)) {
				hits = append(hits, fmt.Sprintf("%s holds %s as %s", where, name, form))
			}
		}
	}
	return hits
}

// TestNoSecretIsSeenAnywhere does everything that a node can do, with marked
// secrets, at log level debug and with faults on, and then searches the
// answers, the log, a dump, the data folder with its log files, and the
// metrics.
func TestNoSecretIsSeenAnywhere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db storetest.DB) {
		n := &node{db: db, weCom: wecomtest.Start(t, wecomtest.Config{}), logs: &httpapitest.LogBook{}}
		n.log = slog.New(slog.NewJSONHandler(n.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
		n.cfg = newConfig(t, db, n.weCom.URL())
		answers := n.liveThroughEverything(t)

		canaries := map[string]string{
			"app secret": canarySecret, "second app secret": canarySecond, "wrong app secret": canaryWrong, "password": canaryPassword,
			"identity": identityOf(t, n.cfg.IdentityFile), "database password": "signet_app_of_a_test", "access token": n.token,
			"refresh token": n.refresh,
		}
		for kind, values := range map[string][]string{
			"WeCom access token": n.weCom.Issued("ww1111111111111111", "1000002", core.AccessToken),
			"corp ticket":        n.weCom.Issued("ww1111111111111111", "1000002", core.CorpTicket),
			"agent ticket":       n.weCom.Issued("ww1111111111111111", "1000002", core.AgentTicket),
		} {
			require.NotEmpty(t, values, kind)
			for i, value := range values {
				canaries[fmt.Sprint(kind, " ", i)] = value
			}
		}
		var hits []string
		hits = append(hits, search("the log", []byte(n.logs.String()), canaries)...)
		hits = append(hits, search("the metrics", do(t, http.MethodGet, "http://"+n.server.MetricsAddr()+"/metrics", nil).body, canaries)...)
		for name, body := range answers {
			hits = append(hits, search("the answer to "+name, body, canaries)...)
		}
		delete(canaries, "database password") // Postgres keeps its own, hashed; the roles' text is in no table
		hits = append(hits, searchDataFolder(t, db, canaries)...)
		if dump := dumpOf(t, db); dump == nil {
			t.Log("NOT SEARCHED: the dump, because this machine has no pg_dump of the server's version; its rows were searched in the data folder")
		} else {
			require.Contains(t, string(dump), "蓝湖科技", "the dump is one of this database")
			hits = append(hits, search("the dump", dump, canaries)...)
		}
		require.Empty(t, hits)
		// The search itself can find: the tenant's name is in the data folder.
		require.NotEmpty(t, searchDataFolder(t, db, map[string]string{"name": "CANARY-name-of-a-tenant"}))
	})
}

func identityOf(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.SplitSeq(string(content), "\n") {
		if strings.HasPrefix(line, "AGE-SECRET-KEY-") {
			return line
		}
	}
	t.Fatal("no identity in the file")
	return ""
}

// liveThroughEverything uses every route and every fault, and gives the bodies
// of all answers that should hold nothing secret.
func (n *node) liveThroughEverything(t *testing.T) map[string][]byte {
	t.Helper()
	answers := map[string][]byte{}
	keep := func(name string, a answer) answer {
		answers[fmt.Sprintf("%s (%d, %d)", name, a.status, len(answers))] = append(a.body, []byte(fmt.Sprint(a.header))...)
		return a
	}
	require.NoError(t, createOwner(t, n.cfg, canaryPassword))
	n.start(t)
	session := n.call(t, http.MethodPost, "/session", fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, canaryPassword))
	require.Equal(t, http.StatusOK, session.status)
	keep("a refused sign-in", n.call(t, http.MethodPost, "/session", fmt.Sprintf(`{"email":%q,"password":%q}`, ownerEmail, canaryPassword+"x")))
	n.token = session.text(t, "accessToken")
	n.refresh = session.header.Get("Set-Cookie")
	_, n.refresh, _ = strings.Cut(n.refresh, "=")
	n.refresh, _, _ = strings.Cut(n.refresh, ";")
	require.Greater(t, len(n.refresh), 20)

	corp := "ww1111111111111111"
	n.weCom.AddApp(wecomtest.App{Corp: core.CorpID(corp), Agent: "1000002", Secret: canarySecret, Domains: []string{crmHost}})
	keep("tenant", n.call(t, http.MethodPost, "/tenants", `{"name":"CANARY-name-of-a-tenant","corpId":"ww9999999999999999"}`))
	tenant := keep("tenant", n.call(t, http.MethodPost, "/tenants", fmt.Sprintf(`{"name":"蓝湖科技","corpId":%q}`, corp))).text(t, "id")
	path := "/tenants/" + tenant + "/apps"
	keep("a refused app", n.call(t, http.MethodPost, path, fmt.Sprintf(`{"name":"a","agentId":"1000002","secret":%q}`, canaryWrong)))
	keep("a malformed app", n.call(t, http.MethodPost, path, fmt.Sprintf(`{"name":"a","agentId":"1000002","secret":%q`, canaryWrong)))
	keep("an app with its secret misplaced", n.call(t, http.MethodPost, path, fmt.Sprintf(`{"name":"a","agentId":%q,"secret":1}`, canaryWrong)))
	created := keep("app", n.call(t, http.MethodPost, path, fmt.Sprintf(`{"name":"侧边栏","agentId":"1000002","secret":%q}`, canarySecret)))
	require.Equal(t, http.StatusCreated, created.status, string(created.body))
	m := madeApp{tenant, created.text(t, "id"), created.text(t, "key"), corp, "1000002", canarySecret}
	keep("domain", n.call(t, http.MethodPost, path+"/"+m.id+"/domains", fmt.Sprintf(`{"host":%q}`, crmHost)))
	n.awaitSigned(t, m, crmPage)

	for _, fault := range wecomtest.FaultNames() {
		f, ok := wecomtest.FindFault(fault)
		require.True(t, ok, fault)
		n.restartCold(t)
		n.weCom.Inject(f)
		signed := keep("a signature under "+fault, n.sign(t, m.key, crmPage))
		if slices.Contains(harmless, fault) {
			require.Equal(t, http.StatusOK, signed.status, fault)
		} else {
			require.Equal(t, http.StatusServiceUnavailable, signed.status, "%s: %s", fault, signed.body)
			require.NotEmpty(t, n.weCom.Calls(), "%s: the secret was not even used: %s", fault, signed.body)
		}
		keep("a rotation under "+fault, n.call(t, http.MethodPost, path+"/"+m.id+"/secrets", fmt.Sprintf(`{"secret":%q}`, canarySecond)))
		n.weCom.ClearFaults()
	}
	n.restartCold(t)
	n.weCom.ResetSecret(core.CorpID(corp), "1000002", canarySecond)
	rotated := keep("rotation", n.call(t, http.MethodPost, path+"/"+m.id+"/secrets", fmt.Sprintf(`{"secret":%q}`, canarySecond)))
	require.Equal(t, http.StatusCreated, rotated.status, string(rotated.body))
	for _, list := range []string{"/tenants", "/tenants/" + tenant, path, path + "/" + m.id, path + "/" + m.id + "/secrets", path + "/" + m.id + "/domains",
		"/tenants/" + tenant + "/audit", "/legacy-hosts", "/openapi.json"} {
		keep(list, n.call(t, http.MethodGet, list, ""))
	}
	keep("a hostile bearer", do(t, http.MethodGet, n.console()+"/tenants", nil, "Authorization", "Bearer "+canaryWrong))
	keep("a page with a secret in it", n.sign(t, m.key, "https://evil.example.net/?corpsecret="+canaryWrong))
	require.Equal(t, http.StatusOK, n.sign(t, m.key, crmPage).status)
	return answers
}

// harmless are the faults under which a signature is made all the same.
var harmless = []string{"ok", "expires-huge", "expires-string", "clock-skew-date"}

// restartCold ends the node and starts it with no token and no ticket, neither in
// memory nor in a row: the next signature needs the secret.
func (n *node) restartCold(t *testing.T) {
	t.Helper()
	require.NoError(t, n.stop())
	n.db.Exec(t, `DELETE FROM signet.tickets`)
	for _, counted := range []string{"calls", "refused_calls", "call_pauses"} {
		n.db.Exec(t, `DELETE FROM signet.`+counted)
	}
	n.db.Exec(t, `UPDATE signet.app_secrets SET problem = ''`) // one that WeCom refused is not tried again
	n.weCom.ForgetCalls()
	n.start(t)
}

// searchDataFolder reads every file of the cluster, tables, indexes, WAL and
// the server's log, after a checkpoint.
func searchDataFolder(t *testing.T, db storetest.DB, canaries map[string]string) (hits []string) {
	t.Helper()
	db.Exec(t, "CHECKPOINT")
	require.NoError(t, filepath.WalkDir(db.Cluster.Server.Dir(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // a file that went away while we were on our way
		}
		content, err := os.ReadFile(path)
		if err == nil {
			hits = append(hits, search("the data folder ("+filepath.Base(path)+")", content, canaries)...)
		}
		return nil
	}))
	log, err := os.ReadFile(db.Cluster.Server.LogFile())
	require.NoError(t, err)
	return append(hits, search("Postgres' log", log, canaries)...)
}

// dumpOf is the whole database as pg_dump writes it, nil where there is no
// pg_dump of the server's version. The npm package has none.
func dumpOf(t *testing.T, db storetest.DB) []byte {
	t.Helper()
	for _, programs := range devdb.FindAll(t.Context(), os.Getenv("SIGNET_POSTGRES_BIN_DIR")) {
		program := filepath.Join(programs.BinDir, "pg_dump")
		if _, err := os.Stat(program); err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		dump, err := exec.CommandContext(ctx, program, "--dbname="+db.SuperuserURL()).Output() //nolint:gosec // our own test server
		if err == nil {
			return dump
		}
	}
	return nil
}
