package main

import (
	"bytes"
	"context"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/store/storetest"
)

// said runs a node from its start to its end, and gives what it wrote to
// standard error.
func said(t *testing.T, level string) string {
	t.Helper()
	db := storetest.New(t)
	identity := filepath.Join(t.TempDir(), "identity.txt")
	program{}.run(t, "", "keys", "init", "--out", identity)
	metrics := "127.0.0.1:" + closedPort(t)
	p := program{env: []string{
		"SIGNET_DATABASE_URL=" + db.TenantURL, "SIGNET_SYSTEM_DATABASE_URL=" + db.SystemURL, "SIGNET_IDENTITY_FILE=" + identity,
		"SIGNET_PUBLIC_ADDR=127.0.0.1:0", "SIGNET_CONSOLE_ADDR=127.0.0.1:0", "SIGNET_METRICS_ADDR=" + metrics, "SIGNET_LOG_LEVEL=" + level,
	}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := p.command(ctx, "serve")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	require.NoError(t, cmd.Start())
	ready := func() bool {
		ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+metrics+"/readyz", nil)
		require.NoError(t, err)
		answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(ask)
		if err != nil {
			return false
		}
		defer func() { _ = answer.Body.Close() }()
		return answer.StatusCode == http.StatusOK
	}
	isReady := false
	for every := time.NewTicker(20 * time.Millisecond); !isReady && ctx.Err() == nil; <-every.C {
		isReady = ready()
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	require.NoError(t, cmd.Wait(), errOut.String())
	require.True(t, isReady, errOut.String())
	return errOut.String()
}

func TestTheLogLevelHolds(t *testing.T) {
	t.Parallel()
	info := said(t, "info")
	require.Contains(t, info, `"level":"INFO","msg":"serving"`)
	require.Contains(t, info, `"level":"WARN","msg":"no recovery recipient`)
	warn := said(t, "warn")
	require.NotContains(t, warn, `"INFO"`)
	require.Contains(t, warn, `"level":"WARN"`)
	require.Empty(t, said(t, "error"), "a node that is well has nothing to say at that level")
}
