package consoleapi

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

// timed notes how long whoever asks who is at the console is given.
type timed struct {
	people
	mu    sync.Mutex // guards given
	given []time.Duration
}

func (p *timed) Authenticate(ctx context.Context, bearer, requestID string) (core.Actor, error) {
	at, _ := ctx.Deadline() // without one: long ago
	p.mu.Lock()
	defer p.mu.Unlock()
	p.given = append(p.given, time.Until(at))
	return p.people.Authenticate(ctx, bearer, requestID)
}

// Twice what the public listener gives, because the trial of a secret is three
// calls to WeCom.
func TestEveryCallOfTheConsoleHasThirtySeconds(t *testing.T) {
	t.Parallel()
	who := &timed{}
	b := setup(t, func(cfg *Config) { cfg.Identity = who })
	for _, path := range []string{"/session", "/tenants", "/legacy-hosts"} {
		require.Equal(t, 200, b.act(t, "GET", path, "").StatusCode, path)
	}
	require.Len(t, who.given, 3)
	for _, given := range who.given {
		require.InDelta(t, 30, given.Seconds(), 2)
	}
}

func TestTheConsoleListenerHasTheLimitsOfTheKit(t *testing.T) {
	t.Parallel()
	server := setup(t, nil).app.Server()
	require.Equal(t, 5*time.Second, server.ReadTimeout)
	require.Equal(t, 10*time.Second, server.WriteTimeout)
	require.Equal(t, time.Minute, server.IdleTimeout)
	require.Equal(t, 8192, server.Concurrency)
	require.Equal(t, 16<<10, server.ReadBufferSize)
	require.Equal(t, 1<<20, server.MaxRequestBodySize)
}
