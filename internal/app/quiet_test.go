package app_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/wecom/wecomtest"
)

// thrown is an error as net/http makes it, with the secret in its address.
func thrown() error {
	return &url.Error{Op: "Get", URL: "https://wecom.test.example/cgi-bin/gettoken?corpsecret=" + canarySecret, Err: errors.New(canarySecond)}
}

func TestAPanicOfTheNodesOwnWorkEndsItWithAQuietError(t *testing.T) {
	t.Parallel()
	n := newNode(t, wecomtest.Config{})
	server, err := app.NewServer(t.Context(), n.cfg, n.log)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	err = server.Quietly(t.Context(), func() error { panic(thrown()) })
	require.ErrorContains(t, err, "panic: a *url.Error, in signet/internal/app_test.")
	require.Contains(t, n.logs.String(), `"panic":"a *url.Error"`)
	require.Empty(t, search("the log and the error", []byte(n.logs.String()+err.Error()),
		map[string]string{"app secret": canarySecret, "second app secret": canarySecond}))
	require.NoError(t, server.Quietly(t.Context(), func() error { return nil }))
}

func TestAChoreThatPanicsIsTriedAgain(t *testing.T) {
	t.Parallel()
	n := newNode(t, wecomtest.Config{})
	server, err := app.NewServer(t.Context(), n.cfg, n.log)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		rounds, ended := 0, make(chan error, 1)
		go func() {
			ended <- server.RunChore(ctx, "sweeping", 10*time.Second, time.Second, func(context.Context) error {
				rounds++
				panic(thrown())
			})
		}()
		<-time.After(time.Minute)
		synctest.Wait()
		require.Greater(t, rounds, 1)
		stop()
		require.NoError(t, <-ended)
	})
	require.Equal(t, 1, strings.Count(n.logs.String(), `"alert":"chore_failed","chore":"sweeping","error":"panic: a *url.Error, in `))
	require.Empty(t, search("the log", []byte(n.logs.String()), map[string]string{"app secret": canarySecret, "second app secret": canarySecond}))
}
