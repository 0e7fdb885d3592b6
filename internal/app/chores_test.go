package app_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/fault"
	"signet/internal/wecom/wecomtest"
)

// A chore is done again and again, at times that are not those of other nodes; that
// it fails is told once, and once that it is done again.
func TestAChoreIsDoneAgainAndAgain(t *testing.T) {
	t.Parallel()
	n := newNode(t, wecomtest.Config{})
	server, err := app.NewServer(t.Context(), n.cfg, n.log)
	require.NoError(t, err)
	t.Cleanup(server.Close)
	const told, again = `"alert":"chore_failed"`, "work that was due is done again"
	count := func(text string) int { return strings.Count(n.logs.String(), text) }
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var rounds atomic.Int64
		var answer atomic.Pointer[error]
		say := func(err error) { answer.Store(&err) }
		say(nil)
		ended := make(chan error, 1)
		go func() {
			ended <- server.RunChore(ctx, "sweeping", 10*time.Second, time.Second, func(ctx context.Context) error {
				rounds.Add(1)
				said := *answer.Load()
				if errors.Is(said, context.DeadlineExceeded) {
					<-ctx.Done()
				}
				return said
			})
		}()
		<-time.After(4999 * time.Millisecond)
		synctest.Wait()
		require.Zero(t, rounds.Load(), "nodes that were started together do not all begin at once")
		<-time.After(10*time.Second + time.Millisecond)
		synctest.Wait()
		require.Positive(t, rounds.Load())
		require.Zero(t, count(told))

		say(errors.New("the broom is broken"))
		<-time.After(time.Minute)
		synctest.Wait()
		require.GreaterOrEqual(t, rounds.Load(), int64(4))
		require.Equal(t, 1, count(told), "once, however often")
		require.Contains(t, n.logs.String(), `"chore":"sweeping","error":"the broom is broken"`)

		for _, neither := range []error{fault.New(fault.StoreUnavailable, nil), context.DeadlineExceeded} {
			say(neither)
			<-time.After(time.Minute)
			synctest.Wait()
			require.Zero(t, count(again), "it was not done either")
		}
		say(nil)
		<-time.After(time.Minute)
		synctest.Wait()
		require.Equal(t, 1, count(told))
		require.Equal(t, 1, count(again))
		stop()
		require.NoError(t, <-ended)
	})
}
