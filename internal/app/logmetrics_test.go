package app_test

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/journal"
	"signet/internal/wecom/wecomtest"
)

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// The row of the fault matrix where the disk is full for logs: signing goes on,
// and a metric says what the log cannot.
func TestANodeWhoseLogNobodyTakesSignsOnAndCountsTheLines(t *testing.T) {
	t.Parallel()
	lines := journal.Start(fullDisk{})
	t.Cleanup(lines.Close)
	n := newNode(t, wecomtest.Config{})
	n.log = lines.Logger(slog.LevelInfo)
	require.NoError(t, createOwner(t, n.cfg, ownerPassword))
	n.start(t)
	n.signIn(t)
	m := n.makeApp(t, "蓝湖科技", "ww1111111111111111", "1000002", crmHost)
	n.verify(t, m, crmPage, n.sign(t, m.key, crmPage))
	n.await(t, func() bool { lost := n.scrape(t)["signet_log_lines_dropped_total"]; return lost != "" && lost != "0" })
}
