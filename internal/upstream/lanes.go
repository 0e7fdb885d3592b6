package upstream

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/semaphore"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/wecom"
)

const (
	// Calls of one tenant that are under way at once from this node. A WeCom that
	// hangs costs a tenant so many sockets, and its neighbours nothing.
	laneWidth = 2

	// Calls in a row without an answer that shut a tenant's lane, and for how long
	// it is shut. A pause holds back one app at one API in the whole cluster; this
	// holds back the tenant's others on this node, before each has found out for
	// itself.
	laneFailures = 5
	laneShut     = 5 * time.Second

	// How long the lane of a tenant that makes no calls is remembered.
	laneMemory = time.Minute
)

// lanes are the tenants' ways to WeCom from this node. Only those are held that
// are in use, or of which there is something to remember; they are dropped a
// minute after their last call.
type lanes struct {
	now  func() time.Time
	shut time.Duration

	mu    sync.Mutex // guards the rest
	held  map[core.TenantID]*lane
	swept time.Time
}

type lane struct {
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	slots   *semaphore.Weighted
	users   int // guarded by lanes.mu, as is the next
	left    time.Time
}

func newLanes() *lanes {
	return &lanes{now: time.Now, shut: laneShut, held: map[core.TenantID]*lane{}}
}

// enter waits for a place in the tenant's lane, as long as ctx allows. It fails
// with fault.WeComUnavailable while the lane is shut. Whoever has entered leaves
// again with what the call came to.
func (l *lanes) enter(ctx context.Context, who Caller) (leave func(error), err error) {
	lane := l.take(who.TenantID)
	if err := lane.slots.Acquire(ctx, 1); err != nil {
		l.giveBack(who.TenantID, lane)
		return nil, fault.Wrap(err, fault.WeComUnavailable, nil).WithRetryAfter(momentary)
	}
	done, err := lane.breaker.Allow()
	if err != nil {
		lane.slots.Release(1)
		l.giveBack(who.TenantID, lane)
		return nil, fault.Wrap(err, fault.WeComUnavailable, nil).WithRetryAfter(laneShut)
	}
	return func(err error) {
		done(err)
		lane.slots.Release(1)
		l.giveBack(who.TenantID, lane)
	}, nil
}

func (l *lanes) take(tenant core.TenantID) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if now.Sub(l.swept) >= laneMemory {
		l.swept = now
		for id, lane := range l.held {
			if lane.users == 0 && now.Sub(lane.left) >= laneMemory {
				delete(l.held, id)
			}
		}
	}
	if l.held[tenant] == nil {
		l.held[tenant] = &lane{slots: semaphore.NewWeighted(laneWidth), breaker: gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
			MaxRequests:  1,
			Timeout:      l.shut,
			ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= laneFailures },
			IsSuccessful: isAnswered,
			IsExcluded:   isUnasked,
		})}
	}
	l.held[tenant].users++
	return l.held[tenant]
}

func (l *lanes) giveBack(tenant core.TenantID, lane *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lane.users--
	lane.left = l.now()
	if lane.users == 0 && lane.breaker.State() == gobreaker.StateClosed && lane.breaker.Counts().ConsecutiveFailures == 0 {
		delete(l.held, tenant)
	}
}

// isAnswered tells whether WeCom answered, whatever it said.
func isAnswered(err error) bool {
	var failed *wecom.Error
	return !errors.As(err, &failed) || failed.Errcode != 0 || failed.Class == wecom.BackOff
}

// isUnasked tells whether nobody knows what WeCom would have said.
func isUnasked(err error) bool {
	var failed *wecom.Error
	return err != nil && (!errors.As(err, &failed) || errors.Is(err, context.Canceled))
}
