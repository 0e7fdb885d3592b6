package ticket

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
)

// Values that were fetched at one moment are renewed all over the time between
// 70 and 85 % of their life, each at its own.
func TestRenewalsAreSpreadOverTheirTime(t *testing.T) {
	t.Parallel()
	const keys, slices, life = 10_000, 10, 2 * time.Hour
	now := time.Now()
	var filled [slices]int
	for range keys {
		k := key{tenant: core.NewTenantID(), kind: core.AgentTicket, app: core.NewAppID()}
		e := newEntry(k, core.NewSecret("value"), 1, now, now.Add(life), false)
		age := e.renewFrom.Sub(now)
		require.GreaterOrEqual(t, age, life*70/100)
		require.LessOrEqual(t, age, life*85/100)
		require.Equal(t, e.renewFrom, newEntry(k, core.NewSecret("value"), 2, now, now.Add(life), false).renewFrom, "the same on every node")
		filled[min(int(float64(age-life*70/100)/float64(life*15/100)*slices), slices-1)]++
	}
	for i, n := range filled {
		require.InDelta(t, keys/slices, n, keys/slices/4, "slice %d of %v", i, filled)
	}
}

// However short a value lives, it is renewed while it can be used, unless WeCom
// gives no other before its end.
func TestAShortLifeIsRenewedBeforeItsMargin(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for life := 3 * time.Minute; life < 3*time.Hour; life += 77 * time.Second {
		for range 50 {
			k := key{tenant: core.NewTenantID(), kind: core.CorpTicket, corp: "ww1"}
			e := newEntry(k, core.NewSecret("value"), 1, now, now.Add(life), false)
			require.True(t, e.renewFrom.Before(e.useUntil), life)
			require.True(t, e.renewFrom.After(now.Add(life/3)), life)
		}
	}
	repeated := newEntry(key{}, core.NewSecret("value"), 1, now, now.Add(time.Hour), true)
	require.Equal(t, now.Add(time.Hour-repeatedMargin), repeated.renewFrom)
}
