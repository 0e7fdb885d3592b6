package upstream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/store"
)

func TestTheMemoryOfUnwrittenRefusalsIsBounded(t *testing.T) {
	t.Parallel()
	var held unwritten[refusal]
	at := time.Date(2026, 3, 1, 8, 0, 30, 0, time.UTC)
	first := core.NewTenantID()
	of := func(tenant core.TenantID) refusal { return refusal{tenant, "gettoken", 40001} }
	require.True(t, held.add(of(first), 1, at))
	for range mostUnwritten - 1 {
		require.True(t, held.add(of(core.NewTenantID()), 1, at))
	}
	require.False(t, held.add(of(core.NewTenantID()), 1, at))
	require.True(t, held.add(of(first), 1, at.Add(29*time.Second)), "of the same minute")
	minutes := func(at time.Time) (ofFirst, ofAll []store.CallMinute) {
		return held.minutes(at, func(r refusal) bool { return r.tenant == first }), held.minutes(at, func(refusal) bool { return true })
	}
	_, ofAll := minutes(at)
	require.Len(t, ofAll, mostUnwritten)

	over := at.Add(time.Hour + time.Minute)
	ofFirst, ofAll := minutes(over)
	require.Empty(t, ofFirst)
	require.Empty(t, ofAll)
	require.True(t, held.add(of(core.NewTenantID()), 1, over), "what is over has gone")
	_, ofAll = minutes(over)
	require.Len(t, ofAll, 1)
}
