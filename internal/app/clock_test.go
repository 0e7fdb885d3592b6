package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Before anything is fetched whose end is told by the node's clock, that clock is
// set by Postgres's.
func TestAFetchSetsTheClock(t *testing.T) {
	t.Parallel()
	n := startNodeWith(t, func(*node) {})
	n.signIn(t)
	m := n.makeApp(t, "蓝湖科技", "ww1234567890abcdef", "1000247", crmHost)
	n.server.Clock().Set(time.Now().Add(3*time.Hour), 0)
	require.WithinDuration(t, time.Now().Add(3*time.Hour), n.server.Clock().Now(), time.Minute)
	n.verify(t, m, crmPage, n.sign(t, m.key, crmPage))
	require.WithinDuration(t, time.Now(), n.server.Clock().Now(), time.Minute)
}
