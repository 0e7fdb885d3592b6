package app_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

var waitsAt = regexp.MustCompile(`"msg":"waiting for Postgres[^"]*","public":"([^"]+)","console":"([^"]+)","metrics":"([^"]+)"`)

// A node that waits for Postgres is seen by whoever watches: it is not ready, and
// the pages that it turns away are counted.
func TestANodeThatWaitsForPostgresIsSeen(t *testing.T) {
	t.Parallel()
	n := newNode(t, wecomtest.Config{})
	nobody := core.NewSecret("postgres://signet_app@127.0.0.1:1/signet?sslmode=disable")
	n.cfg.DatabaseURL, n.cfg.SystemDatabaseURL = nobody, nobody
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ctx, n.cfg, n.log) }()
	defer func() {
		stop()
		require.True(t, errors.Is(<-ended, context.Canceled))
	}()
	var at []string
	n.await(t, func() bool { at = waitsAt.FindStringSubmatch(n.logs.String()); return at != nil })

	a := do(t, http.MethodGet, "http://"+at[1]+"/v1/signatures?app="+core.NewAppKey().String()+"&url="+crmPage, nil)
	require.Equal(t, "store.unavailable", a.text(t, "code"))
	n.await(t, func() bool {
		series := scrapeAt(t, at[3])
		return series["signet_ready"] == "0" && series[signatures("failed")] == "1"
	})
}
