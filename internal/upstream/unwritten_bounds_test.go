package upstream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

func TestTheMemoryOfUnwrittenRefusalsIsBounded(t *testing.T) {
	t.Parallel()
	var held unwritten
	at := time.Date(2026, 3, 1, 8, 0, 30, 0, time.UTC)
	first := core.NewTenantID()
	require.True(t, held.add(first, "gettoken", 40001, at))
	for range mostUnwritten - 1 {
		require.True(t, held.add(core.NewTenantID(), "gettoken", 40001, at))
	}
	require.False(t, held.add(core.NewTenantID(), "gettoken", 40001, at))
	require.True(t, held.add(first, "gettoken", 40001, at.Add(29*time.Second)), "of the same minute")
	_, ofAll := held.minutes(first, at)
	require.Len(t, ofAll, mostUnwritten)

	over := at.Add(time.Hour + time.Minute)
	ofFirst, ofAll := held.minutes(first, over)
	require.Empty(t, ofFirst)
	require.Empty(t, ofAll)
	_, found := held.claim(over)
	require.False(t, found)
	require.True(t, held.add(core.NewTenantID(), "gettoken", 40001, over), "what is over has gone")
}
