package opsapi

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),    // as long as the process lives
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"), // looks up every ten seconds
	)
}

func TestAProcessTellsThatItLivesWhetherItIsReadyAndWhatItCounts(t *testing.T) {
	t.Parallel()
	var ready atomic.Bool
	var book bytes.Buffer
	app := New(Config{
		Log:   slog.New(slog.NewTextHandler(&book, nil)),
		Ready: ready.Load,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			_, _ = io.WriteString(w, "signet_up 1\n"+r.Header.Get("Accept"))
		}),
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- app.Listener(listener) }()

	get := func(path string) (int, string, http.Header) {
		request, err := http.NewRequest("GET", "http://"+listener.Addr().String()+path, nil)
		require.NoError(t, err)
		request.Header.Set("Accept", "text/plain")
		transport := &http.Transport{DisableKeepAlives: true}
		defer transport.CloseIdleConnections()
		r, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.NoError(t, r.Body.Close())
		return r.StatusCode, string(body), r.Header
	}
	status, body, _ := get("/livez")
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"status":"alive"}`, body)
	status, body, _ = get("/readyz")
	require.Equal(t, 503, status)
	require.JSONEq(t, `{"status":"not ready"}`, body)
	ready.Store(true)
	status, body, _ = get("/readyz")
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"status":"ready"}`, body)
	status, body, header := get("/metrics")
	require.Equal(t, 200, status)
	require.Equal(t, "signet_up 1\ntext/plain", body)
	require.Equal(t, "text/plain; version=0.0.4", header.Get("Content-Type"))
	require.Equal(t, "no-store", header.Get("Cache-Control"))
	status, _, header = get("/debug/pprof/")
	require.Equal(t, 404, status)
	require.Equal(t, "application/problem+json", header.Get("Content-Type"))

	require.NoError(t, app.ShutdownWithTimeout(5*time.Second))
	require.NoError(t, <-done)
	require.NotContains(t, book.String(), "operation=livez", "probes that go well do not fill the log")
}
