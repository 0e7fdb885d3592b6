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

	"signet/docs/openapi"
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
			if form == "first 12 bytes" && strings.HasPrefix(name, "token of ") && len(value) == 86 {
				text = value[43:55] // a link's token begins with two ids, which are no part either
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
		n.liveThroughEverything(t)
		n.record.requireAll(t, openapi.Console(), openapi.Public())

		canaries := n.canaries(t)
		for _, kind := range []core.TicketKind{core.AccessToken, core.CorpTicket, core.AgentTicket} {
			require.NotEmpty(t, n.weCom.Issued("ww1111111111111111", "1000002", kind), kind)
		}
		var hits []string
		hits = append(hits, search("the log", []byte(n.logs.String()), canaries)...)
		hits = append(hits, search("the metrics", do(t, http.MethodGet, "http://"+n.server.MetricsAddr()+"/metrics", nil).body, canaries)...)
		hits = append(hits, n.record.search(canaries)...)
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
