package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

// damageTickets turns a bit in each row. A node that starts finds none of them in
// use, or it would open them by itself, in no request's course.
const damageTickets = `UPDATE signet.tickets SET used_at = NULL, sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1)`

// logged gives the members of every line of the log that says something of a
// tenant or raises an alert, but for the lines of the requests themselves.
func (n *node) logged(t *testing.T) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(n.logs.String()) {
		var members map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &members), line)
		if members["msg"] == "request" {
			require.Equal(t, 1, strings.Count(line, `"request_id"`), line)
			continue
		}
		if members["alert"] != nil || members["tenant_id"] != nil {
			lines = append(lines, members)
		}
	}
	return lines
}

// TestEveryLineOfARequestSaysWhichOneItIs looks at what the rooms below the edge
// write: it names the request in whose course it was written, by the id that the
// answer bears.
func TestEveryLineOfARequestSaysWhichOneItIs(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	restart := func() {
		require.NoError(t, n.stop())
		n.start(t)
	}
	newest := func(alert string) map[string]any {
		var found map[string]any
		n.await(t, func() bool {
			for _, line := range n.logged(t) {
				if line["alert"] == alert {
					found = line
				}
			}
			return found != nil
		})
		return found
	}

	t.Log("a row that does not open")
	n.db.Exec(t, damageTickets)
	restart()
	require.Equal(t, http.StatusOK, n.sign(t, m.key, crmPage, "X-Request-Id", "reads-a-damaged-row").status)
	require.Equal(t, "reads-a-damaged-row", newest("seal_refused")["request_id"])

	t.Log("a secret that WeCom rejects")
	n.weCom.ResetSecret(core.CorpID(m.corp), core.AgentID(m.agent), apptest.Secret("another"))
	n.restartCold(t)
	refused := n.sign(t, m.key, crmPage, "X-Request-Id", "uses-a-dead-secret")
	require.Equal(t, "wecom.secret_rejected", refused.text(t, "code"))
	require.Equal(t, "uses-a-dead-secret", refused.text(t, "request_id"))
	require.Equal(t, "uses-a-dead-secret", refused.header.Get("X-Request-Id"))
	require.Equal(t, "uses-a-dead-secret", newest("secret_rejected")["request_id"])

	t.Log("an administrator meets a key that does not open")
	n.db.Exec(t, `UPDATE signet_keys.tenant_keys SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1)`)
	broken := n.call(t, http.MethodPost, "/tenants/"+m.tenantID+"/apps/"+m.id+"/secrets",
		fmt.Sprintf(`{"secret":%q}`, apptest.Secret("another")), "X-Request-Id", "rotates-under-a-broken-key")
	require.Equal(t, http.StatusInternalServerError, broken.status)
	require.Equal(t, "rotates-under-a-broken-key", newest("seal_refused")["request_id"])

	for _, line := range n.logged(t) {
		require.NotEmpty(t, line["request_id"], "%v", line)
	}
}

// What many wait for is done once, and its lines name the one who began it.
func TestALineOfASharedFlightNamesTheRequestThatBeganIt(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	n.db.Exec(t, damageTickets)
	require.NoError(t, n.stop())
	n.start(t)
	var asking sync.WaitGroup
	for i := range 8 {
		asking.Go(func() {
			n.sign(t, m.key, crmPage, "X-Request-Id", fmt.Sprint("one-of-many-", i))
		})
	}
	asking.Wait()
	lines := n.logged(t)
	require.NotEmpty(t, lines)
	for _, line := range lines {
		require.Contains(t, fmt.Sprint(line["request_id"]), "one-of-many-", "%v", line)
	}
}

func TestAlertsAreCounted(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	for _, alert := range []string{"chore_failed", "clock_wrong", "feed_stopped", "ip_refused", "seal_refused", "secret_fell_back", "secret_not_activated", "secret_put_back", "secret_rejected"} {
		require.Equal(t, "0", n.scrape(t)[`signet_alerts_total{alert="`+alert+`"}`], "it is there before the first of it")
	}
	damaged := n.db.Exec(t, damageTickets)
	require.NoError(t, n.stop())
	n.start(t)
	require.Equal(t, http.StatusOK, n.sign(t, m.key, crmPage).status)
	require.Equal(t, fmt.Sprint(damaged), n.scrape(t)[`signet_alerts_total{alert="seal_refused"}`])
	require.Equal(t, damaged, int64(strings.Count(n.logs.String(), `"alert":"seal_refused"`)))
}

// full is a disk with no room left.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// Where the log cannot be written, pages are signed and the lines are counted.
func TestALogThatCannotBeWrittenStopsNothingAndIsCounted(t *testing.T) {
	t.Parallel()
	n := newNode(t, wecomtest.Config{})
	require.NoError(t, createOwner(t, n.cfg, ownerPassword))
	server, err := app.NewServer(t.Context(), n.cfg, slog.New(slog.NewJSONHandler(full{}, nil)))
	require.NoError(t, err)
	n.run(t, server)
	n.signIn(t)
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	require.Equal(t, http.StatusOK, n.sign(t, m.key, crmPage).status)
	n.await(t, func() bool { return n.scrape(t)["signet_log_lines_dropped_total"] != "0" })
}
