package app_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/store/storetest"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// wants waits until the node tells these values.
func (n *node) wants(t *testing.T, want map[string]string) {
	t.Helper()
	require.Eventually(t, func() bool {
		got := n.scrape(t)
		for name, value := range want {
			if got[name] != value {
				return false
			}
		}
		return true
	}, 5*time.Second, 50*time.Millisecond, "want %v, got %v", want, n.picked(t, want))
}

// picked gives the values of the same series.
func (n *node) picked(t *testing.T, want map[string]string) map[string]string {
	t.Helper()
	got := n.scrape(t)
	picked := map[string]string{}
	for name := range want {
		picked[name] = got[name]
	}
	return picked
}

func loads(kind, source string) string {
	return fmt.Sprintf(`signet_ticket_loads_total{kind=%q,source=%q}`, kind, source)
}

func calls(api, code, outcome string) string {
	return fmt.Sprintf(`signet_wecom_calls_total{api=%q,code=%q,outcome=%q}`, api, code, outcome)
}

func signatures(outcome string) string {
	return fmt.Sprintf(`signet_signatures_total{outcome=%q}`, outcome)
}

func TestCallsLoadsAndSignaturesAreCountedByWhatCameOfThem(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	require.NoError(t, n.stop())
	n.start(t)

	t.Log("from the rows, then from memory")
	for range 3 {
		require.Equal(t, http.StatusOK, n.sign(t, m.key, crmPage).status)
	}
	n.wants(t, map[string]string{
		loads("corp_ticket", "wecom"): "0", loads("agent_ticket", "wecom"): "0",
		signatures("signed"): "3", calls("get_jsapi_ticket", "", "ok"): "0", "signet_wecom_call_seconds_count{api=\"ticket/get\"}": "0",
	})
	rows := n.scrape(t)
	for _, kind := range []string{"corp_ticket", "agent_ticket"} { // the node may have taken it up before the page asked
		require.Contains(t, []string{"0", "1"}, rows[loads(kind, "row")], kind)
	}

	t.Log("from WeCom")
	n.restartCold(t)
	require.Equal(t, http.StatusOK, n.sign(t, m.key, crmPage).status)
	require.Equal(t, http.StatusForbidden, n.sign(t, m.key, "https://evil.example.net/").status)
	n.wants(t, map[string]string{
		loads("corp_ticket", "wecom"): "1", loads("agent_ticket", "wecom"): "1", loads("access_token", "wecom"): "1",
		calls("gettoken", "", "ok"): "1", calls("get_jsapi_ticket", "", "ok"): "1", calls("ticket/get", "", "ok"): "1",
		"signet_wecom_call_seconds_count{api=\"ticket/get\"}": "1", `signet_ticket_turns_total{event="taken"}`: "3",
		signatures("signed"): "1", signatures("refused"): "1", signatures("failed"): "0",
	})

	t.Log("WeCom asks for fewer calls, and the next one is held back")
	n.restartCold(t)
	n.weCom.Inject(wecomtest.Fault{API: wecom.GetCorpTicket, Errcode: 45009})
	for range 2 {
		require.Equal(t, http.StatusServiceUnavailable, n.sign(t, m.key, crmPage).status)
	}
	n.wants(t, map[string]string{
		calls("get_jsapi_ticket", "wecom.quota", "quota"): "1", calls("get_jsapi_ticket", "wecom.quota", "held_back"): "1",
		"signet_wecom_call_seconds_count{api=\"get_jsapi_ticket\"}": "1",
		loads("corp_ticket", "none"):                                "2", signatures("failed"): "2",
		`signet_wecom_pauses{kind="quota"}`: "1", `signet_wecom_pauses{kind="refused"}`: "0", "signet_wecom_lanes_shut": "0",
	})

	t.Log("WeCom does not answer")
	n.weCom.ClearFaults()
	n.restartCold(t)
	n.weCom.Inject(wecomtest.Fault{API: wecom.GetToken, Status: http.StatusInternalServerError, Body: "away"})
	require.Equal(t, http.StatusServiceUnavailable, n.sign(t, m.key, crmPage).status)
	n.wants(t, map[string]string{calls("gettoken", "wecom.unavailable", "unanswered"): "1", loads("access_token", "none"): "1"})

	t.Log("WeCom refuses the secret, which is the tenant's matter")
	n.weCom.ClearFaults()
	n.restartCold(t)
	n.weCom.Inject(wecomtest.Fault{API: wecom.GetToken, Errcode: 40001})
	require.Equal(t, http.StatusServiceUnavailable, n.sign(t, m.key, crmPage).status)
	n.wants(t, map[string]string{
		calls("gettoken", "wecom.secret_rejected", "refused"): "1", signatures("unready"): "1", signatures("failed"): "0",
		`signet_alerts_total{alert="secret_rejected"}`: "1",
	})
	require.NoError(t, n.stop())
	n.start(t)
	n.wants(t, map[string]string{"signet_refused_calls_last_hour": "1", `signet_refused_calls_stop{stop="trials"}`: "500"})
}

func TestTurnsAreCounted(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	n.restartCold(t)
	n.db.Exec(t, `INSERT INTO signet.ticket_leases (tenant_id, kind, subject, corp_id, epoch, holder, ends_at)
		SELECT tenant_id, 'corp_ticket', corp_id, corp_id, 1, gen_random_uuid(), clock_timestamp() + interval '500 milliseconds' FROM signet.corps
		ON CONFLICT (tenant_id, kind, subject) DO UPDATE SET epoch = ticket_leases.epoch + 1, ends_at = EXCLUDED.ends_at`)
	require.Equal(t, http.StatusOK, n.sign(t, m.key, crmPage).status)
	require.NotEqual(t, "0", n.scrape(t)[`signet_ticket_turns_total{event="waited"}`], "another node's turn")
	require.Equal(t, "0", n.scrape(t)[`signet_ticket_turns_total{event="thrown_away"}`])

	n.restartCold(t)
	n.db.Exec(t, `DELETE FROM signet.ticket_leases`)
	n.weCom.Inject(wecomtest.Fault{API: wecom.GetCorpTicket, Delay: 700 * time.Millisecond, Times: 1})
	signed := make(chan int)
	go func() { signed <- n.sign(t, m.key, crmPage).status }()
	n.await(t, func() bool { // somebody else begins a turn while WeCom thinks
		return n.db.Exec(t, `UPDATE signet.ticket_leases SET epoch = epoch + 1, ends_at = clock_timestamp()
			WHERE kind = 'corp_ticket' AND EXISTS (SELECT FROM signet.tickets WHERE kind = 'access_token')`) > 0
	})
	require.Equal(t, http.StatusOK, <-signed)
	require.Equal(t, "1", n.scrape(t)[`signet_ticket_turns_total{event="thrown_away"}`])
}

func TestTheFeedThePoolsAndReadinessAreTold(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	before := n.scrape(t)
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	require.Equal(t, http.StatusOK, n.call(t, http.MethodGet, "/tenants/"+m.tenantID, "").status)
	got := n.scrape(t)
	require.NotEqual(t, before[`signet_changes_applied_total{kind="app"}`], got[`signet_changes_applied_total{kind="app"}`])
	require.Equal(t, "1", got["signet_ready"])
	require.Equal(t, "1", got["signet_change_feed_up"])
	require.Equal(t, "16", got[`signet_postgres_connections_most{role="tenants",side="public"}`])
	for _, side := range []string{"public", "console"} {
		require.NotEqual(t, "0", got[`signet_postgres_connections_made_total{role="tenants",side="`+side+`"}`])
	}

	server := storetest.DB{Name: "postgres", Cluster: n.db.Cluster}
	server.Exec(t, "ALTER DATABASE "+n.db.Name+" ALLOW_CONNECTIONS false")
	server.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", n.db.Name)
	n.wants(t, map[string]string{"signet_change_feed_up": "0", `signet_alerts_total{alert="feed_stopped"}`: "1"})
	n.await(t, func() bool { return n.scrape(t)["signet_change_feed_behind_seconds"] > "1" })
	server.Exec(t, "ALTER DATABASE "+n.db.Name+" ALLOW_CONNECTIONS true")
	n.wants(t, map[string]string{"signet_change_feed_up": "1"})
	require.Less(t, n.scrape(t)["signet_change_feed_behind_seconds"], "2")
}
