package app_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app"
	"signet/internal/httpapi/httpapitest"
	"signet/internal/store/storetest"
)

// endingContext ends by itself when it has been looked at so many times: so a
// test puts an end at any moment of a start, and at the same one again.
type endingContext struct {
	context.Context
	end  context.CancelFunc
	at   int64 // 0 is never
	seen atomic.Int64
}

func newEndingContext(at int64) *endingContext {
	ctx, cancel := context.WithCancel(context.Background())
	return &endingContext{Context: ctx, end: cancel, at: at}
}

func (c *endingContext) look() {
	if c.seen.Add(1) == c.at {
		c.end()
	}
}

func (c *endingContext) Done() <-chan struct{} {
	c.look()
	return c.Context.Done()
}

func (c *endingContext) Err() error {
	c.look()
	return c.Context.Err()
}

// welcomeWriter tells when the welcome is written.
type welcomeWriter struct {
	httpapitest.LogBook
	welcomed func()
}

func (w *welcomeWriter) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "Signet is running") {
		w.welcomed()
	}
	return w.LogBook.Write(p)
}

func TestDevEndsCleanlyAtEveryMomentOfItsStart(t *testing.T) {
	t.Parallel()
	dir := devDir(t)
	weCom, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	config := devConfig(dir, false)
	config.WeComAddr = weCom.Addr().String()
	require.NoError(t, weCom.Close())

	// endAt ends a start at its so many-th look at the context, and gives how many
	// there were up to the welcome.
	endAt := func(fresh bool, at int64) (looks int64) {
		ctx := newEndingContext(at)
		defer ctx.end()
		out, logged := &welcomeWriter{}, &httpapitest.LogBook{}
		out.welcomed = func() {
			looks = ctx.seen.Load()
			ctx.end()
		}
		config.Fresh = fresh
		err := app.Dev(ctx, config, out, slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelWarn})))
		require.NoError(t, err, "fresh %t, at %d", fresh, at)
		require.Empty(t, logged.String(), "fresh %t, at %d", fresh, at)
		free, err := net.Listen("tcp", config.WeComAddr)
		require.NoError(t, err, "fresh %t, at %d: nothing listens any more", fresh, at)
		require.NoError(t, free.Close())
		return looks
	}
	for _, c := range []struct {
		fresh   bool
		moments int64
	}{{true, 8}, {false, 24}} { // a new cluster takes ten times as long
		whole := endAt(c.fresh, 0)
		require.Greater(t, whole, c.moments)
		for i := range c.moments {
			endAt(c.fresh, 1+i*whole/c.moments)
		}
	}
	again := startDev(t, dir, false)
	require.Contains(t, again.line(t, firstDemo), "signs pages on", "no end has spoilt anything")
}

func TestAStartThatWasToldToStopAccusesNoKey(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := app.Check(ctx, newConfig(t, storetest.New(t), "http://127.0.0.1:1"))
	require.Equal(t, context.Canceled, err)
}
