package app_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/wecom/wecomtest"
)

// Where the feed is broken off and everything cannot be read anew either, somebody
// is told, once; and once when it is over.
func TestAFeedThatIsBrokenOffAndNotReadAnewRaisesTheAlert(t *testing.T) {
	t.Parallel()
	n := startNode(t, wecomtest.Config{})
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	n.await(t, func() bool { return n.scrape(t)["signet_change_feed_up"] == "1" })
	told := func(text string) int { return strings.Count(n.logs.String(), text) }
	const alert, again = `"alert":"feed_stopped"`, "the change feed is read again"

	for i := 1; i <= 2; i++ {
		n.db.Exec(t, `ALTER TABLE signet.legacy_hosts RENAME TO legacy_hosts_away`) // so that not everything can be read
		breakFeed(t, n)
		n.await(t, func() bool { return told("everything is read anew") == 2*i-1 && told(alert) == i })
		n.wants(t, map[string]string{"signet_change_feed_up": "0"})
		n.verify(t, m, crmPage, n.sign(t, m.key, crmPage))
		n.db.Exec(t, `ALTER TABLE signet.legacy_hosts_away RENAME TO legacy_hosts`)
		n.await(t, func() bool { return told(again) == i })
		n.wants(t, map[string]string{"signet_change_feed_up": "1"})

		breakFeed(t, n)
		n.await(t, func() bool { return told("everything is read anew") == 2*i })
		n.wants(t, map[string]string{"signet_change_feed_up": "1"})
	}
	require.Equal(t, 2, told(alert), "where everything is read anew at once, nothing has stopped")
}

// breakFeed says that changes were deleted which the node has not seen.
func breakFeed(t *testing.T, n *node) {
	t.Helper()
	n.db.Exec(t, `INSERT INTO signet.change_log_trimmed (xid) VALUES (pg_current_xact_id()) ON CONFLICT (one) DO UPDATE SET xid = EXCLUDED.xid`)
}
