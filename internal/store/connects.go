package store

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/time/rate"
)

// connectPatience is the longest that a connection may take to be made.
const connectPatience = 2 * time.Second

// A peer that has fallen silent is found within 30 seconds, also on a connection
// that waits for notifications and sends nothing: by probes that are not answered
// (10 s, then three every 5 s), and where the system can be told so by data that is
// not acknowledged (socket_linux.go).
var dialer = net.Dialer{
	Timeout:         connectPatience,
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
	Control:         boundSilence,
}

// longestSilence is how long sent data may stay unacknowledged.
const longestSilence = 20 * time.Second

// connects keeps a pool from rushing at a server that is coming back: in no second
// does it make more than twice as many connections as it has places, those included
// that the driver makes to cancel a statement. What comes too soon waits, or fails
// at once where the latest attempt has failed.
type connects struct {
	bound   *rate.Limiter
	failing atomic.Bool
}

// fewestPlaces is what a smaller pool counts as, so that it does not stand still
// after one connection that was lost.
const fewestPlaces = 3

func newConnects(places int32) *connects {
	places = max(places, fewestPlaces)
	return &connects{bound: rate.NewLimiter(rate.Limit(places), int(places))}
}

var errConnectTooSoon = errors.New("no connection is tried again so soon")

func (c *connects) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if c.failing.Load() {
		if !c.bound.Allow() {
			return nil, errConnectTooSoon
		}
	} else if err := c.bound.Wait(ctx); err != nil {
		return nil, err
	}
	return dialer.DialContext(ctx, network, address)
}

// tracer counts statements, and learns how attempts to connect end.
type tracer struct {
	counter
	connects *connects
}

var _ pgx.ConnectTracer = (*tracer)(nil)

// TraceConnectStart implements pgx.ConnectTracer.
func (*tracer) TraceConnectStart(ctx context.Context, _ pgx.TraceConnectStartData) context.Context {
	return ctx
}

// TraceConnectEnd implements pgx.ConnectTracer.
func (t *tracer) TraceConnectEnd(_ context.Context, end pgx.TraceConnectEndData) {
	t.connects.failing.Store(end.Err != nil)
}
