package upstream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store/storetest"
	"signet/internal/upstream"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// alter changes a setting of the database for everybody who connects from now
// on, and lets nobody stay connected.
func (b bundle) alter(t *testing.T, setting string) {
	t.Helper()
	server := storetest.DB{Name: "postgres", Cluster: b.DB.Cluster}
	server.Exec(t, "ALTER DATABASE "+b.DB.Name+" "+setting)
	server.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", b.DB.Name)
}

// another gives the caller another app, whose calls nothing has paused.
func another(who upstream.Caller) upstream.Caller {
	who.AppID = core.NewAppID()
	return who
}

// requireRefused holds that the call was made, and refused.
func requireRefused(t *testing.T, err error) {
	t.Helper()
	var refused *wecom.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 60020, refused.Errcode)
}

func TestRefusalsCountWherePostgresCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, setting string
		limits        map[upstream.Standing]int // calls that are made, in the order of what is lent more
	}{
		{"for reading only", "SET default_transaction_read_only = on", map[upstream.Standing]int{upstream.Trial: 0, upstream.KnownGood: 60}},
		{"away", "ALLOW_CONNECTIONS false", map[upstream.Standing]int{upstream.Trial: 0, upstream.KnownGood: 60}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.WeCom.Inject(wecomtest.Fault{Errcode: 60020})
			b.alter(t, c.setting)
			for _, standing := range []upstream.Standing{upstream.Trial, upstream.KnownGood} {
				for range c.limits[standing] - b.calls() {
					requireRefused(t, b.token(t.Context(), another(b.as(standing))))
				}
				err := b.token(t.Context(), another(b.as(standing)))
				require.Equal(t, c.limits[standing], b.calls(), "the next call is not made")
				if c.limits[standing] > 0 {
					require.Greater(t, fault.Find(err).RetryAfter, time.Hour)
				}
			}
			b.clock.Advance(62 * time.Minute)
			requireRefused(t, b.token(t.Context(), another(b.as(upstream.KnownGood))))
		})
	}
}

// As soon as Postgres takes it, it stands where every node sees it: each refusal
// once, in the minute in which it was.
func TestRefusalsAreWrittenDownOncePostgresTakesThem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	neighbour := b.who
	neighbour.TenantID = b.Tenant(t, "北辰物流", corp).ID
	b.alter(t, "SET default_transaction_read_only = on")
	b.WeCom.Inject(wecomtest.Fault{Errcode: 60020, Times: 3})
	for range 2 {
		requireRefused(t, b.token(t.Context(), another(b.who)))
	}
	b.clock.Advance(10 * time.Minute)
	requireRefused(t, b.token(t.Context(), another(b.who)))
	require.Empty(t, b.ledger(t))

	b.alter(t, "RESET default_transaction_read_only")
	b.clock.Advance(10 * time.Minute)
	for range 3 {
		require.NoError(t, b.token(t.Context(), neighbour), "whoever calls next")
	}
	require.ElementsMatch(t, []string{"20 2", "10 1"}, b.DB.List(t, `
SELECT round(extract(epoch FROM date_trunc('minute', now()) - minute) / 60)::text || ' ' || calls FROM signet.refused_calls
WHERE tenant_id = $1 AND api = 'gettoken' AND errcode = 60020`, b.who.TenantID.String()))
	require.Len(t, b.ledger(t), 2, "and nothing else")
}

// While one caller writes them down another may ask; then they may count twice
// but never not at all.
func TestRefusalsCountWhileTheyAreWrittenDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.alter(t, "SET default_transaction_read_only = on")
	b.WeCom.Inject(wecomtest.Fault{Errcode: 60020, Times: 30})
	for range 30 {
		requireRefused(t, b.token(t.Context(), another(b.who)))
	}
	b.alter(t, "RESET default_transaction_read_only")
	ended := make(chan error, 16)
	for range cap(ended) {
		go func() { ended <- b.token(t.Context(), b.as(upstream.Trial)) }()
	}
	for range cap(ended) {
		err := <-ended
		require.True(t, fault.Has(err, fault.TrialsPaused), err)
	}
	require.Equal(t, 30, b.calls())
	require.Len(t, b.ledger(t), 1)
	require.True(t, strings.HasSuffix(b.ledger(t)[0], " 60020 30"), b.ledger(t))
}
