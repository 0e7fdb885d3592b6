package opsapi

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheMetricsListenerHasTheLimitsOfTheKit(t *testing.T) {
	t.Parallel()
	server := New(Config{
		Log: slog.New(slog.DiscardHandler), Ready: func() bool { return true }, Metrics: http.NotFoundHandler(),
	}).Server()
	require.Equal(t, 5*time.Second, server.ReadTimeout)
	require.Equal(t, 10*time.Second, server.WriteTimeout)
	require.Equal(t, time.Minute, server.IdleTimeout)
	require.Equal(t, 8192, server.Concurrency)
	require.Equal(t, 16<<10, server.ReadBufferSize)
	require.Equal(t, 1<<10, server.MaxRequestBodySize)
}
