package signing

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

func renewalsOf(tenant core.TenantID, n int) []renewal {
	list := make([]renewal, n)
	for i := range list {
		list[i] = renewal{key: core.NewAppKey(), app: &app{tenantID: tenant}}
	}
	return list
}

// A tenant with a thousand waiting holds up no other by more than its two, and
// nobody waits for those.
func TestTenantsTakeTurnsInTheQueue(t *testing.T) {
	t.Parallel()
	q := newQueue()
	many, one := core.NewTenantID(), core.NewTenantID()
	q.add(renewalsOf(many, 1000)...)
	q.add(renewalsOf(one, 1)...)
	var taken []renewal
	for range 3 {
		r, ok := q.next()
		require.True(t, ok)
		taken = append(taken, r)
	}
	tenants := []core.TenantID{taken[0].app.tenantID, taken[1].app.tenantID, taken[2].app.tenantID}
	require.ElementsMatch(t, []core.TenantID{many, many, one}, tenants)
	require.Equal(t, one, tenants[1], "its turn comes after one of the other's")

	next := make(chan renewal)
	go func() { r, _ := q.next(); next <- r }()
	select {
	case <-next:
		t.Fatal("a third renewal of one tenant at a time")
	default:
	}
	q.done(taken[0])
	require.Equal(t, many, (<-next).app.tenantID)
}

func TestAnAppStandsInTheQueueOnce(t *testing.T) {
	t.Parallel()
	q := newQueue()
	list := renewalsOf(core.NewTenantID(), 3)
	q.add(list...)
	q.add(list...)
	require.Equal(t, 3, q.len())
	r, _ := q.next()
	q.add(r)
	require.Equal(t, 3, q.len(), "nor while it runs")
	q.done(r)
	q.add(r)
	require.Equal(t, 3, q.len())
}

func TestEveryRenewalIsWorkedOffWithinTheLimits(t *testing.T) {
	t.Parallel()
	q := newQueue()
	want := map[core.AppKey]bool{}
	for range 20 {
		for _, r := range renewalsOf(core.NewTenantID(), 50) {
			want[r.key] = true
			q.add(r)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	running, most := map[core.TenantID]int{}, 0
	q.work(ctx, 8, func(_ context.Context, r renewal) {
		mu.Lock()
		running[r.app.tenantID]++
		most = max(most, running[r.app.tenantID])
		mu.Unlock()
		mu.Lock()
		defer mu.Unlock()
		running[r.app.tenantID]--
		delete(want, r.key)
		if len(want) == 0 {
			cancel()
		}
	})
	require.Empty(t, want)
	require.LessOrEqual(t, most, renewalsOfTenant)
	require.Empty(t, q.tenants)
	require.Zero(t, q.len())
}
