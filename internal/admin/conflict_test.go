package admin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/admin"
	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
)

// awaitWaiting waits until so many wait for a lock in Postgres.
func (b bundle) awaitWaiting(t *testing.T, n int) {
	t.Helper()
	const waiting = `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	require.Eventually(t, func() bool { return len(b.DB.List(t, waiting)) == n }, time.Minute, time.Millisecond)
}

// atOnce lets all moves read the secret before one of them changes it, which they do
// in their order, and gives what came of each.
func (b bundle) atOnce(t *testing.T, moves ...func() error) []error {
	t.Helper()
	held := b.DB.HoldRows(t, `SELECT FROM signet.apps WHERE app_id = $1 FOR NO KEY UPDATE`, b.app.ID.String())
	failures := make([]error, len(moves))
	ended := make(chan struct{})
	for i, move := range moves {
		go func() { failures[i] = move(); ended <- struct{}{} }()
		b.awaitWaiting(t, i+1)
	}
	held.Commit(t)
	for range moves {
		<-ended
	}
	return failures
}

// requireFirstWon wants the first to have gone through, and the other to be told
// which version was in its way.
func requireFirstWon(t *testing.T, failures []error, version string) {
	t.Helper()
	require.NoError(t, failures[0])
	require.True(t, fault.Has(failures[1], fault.SecretConflict), failures[1])
	require.Equal(t, version, fault.Find(failures[1]).Args["version"])
}

// Whoever puts a secret, to wait or at once, retires no pending one that they have
// not seen: of those who put at once one wins and the others are told.
func TestOfTwoWhoPutASecretAtOnceOneIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		second func(*testing.T, bundle, string) func() error // beside one that is to wait
		before string                                        // what waits already
	}{
		"two that are to wait":                   {second: keeping},
		"two in the place of one that waits":     {second: keeping, before: "waiting"},
		"one that is to wait, and one untried":   {second: puttingUntried},
		"one that is to wait, and one handed in": {second: handingIn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			next := "2"
			if c.before != "" {
				b.keep(t, b.tenant, b.app, c.before)
				next = "3"
			}
			b.addApp(corp, agent, apptest.Secret("ours"))
			b.addApp(corp, agent, apptest.Secret("theirs"))
			requireFirstWon(t, b.atOnce(t, keeping(t, b, "ours"), c.second(t, b, "theirs")), next)
			require.Equal(t, []string{"1"}, b.DB.List(t, `SELECT count(*)::text FROM signet.audit WHERE detail->>'version' = $1`, next))
			require.Equal(t, []string{next}, b.DB.List(t, `SELECT max(version)::text FROM signet.app_secrets`))

			_, err := b.keepSecret(t, "later", nil)
			require.NoError(t, err, "who has seen it puts theirs in its place")
		})
	}
}

func keeping(t *testing.T, b bundle, name string) func() error {
	t.Helper()
	return func() error { _, err := b.keepSecret(t, name, nil); return err }
}

func puttingUntried(t *testing.T, b bundle, name string) func() error {
	t.Helper()
	return func() error {
		_, err := b.Admin.RotateSecret(t.Context(), apptest.Operator(), b.tenant.ID, b.app.ID,
			admin.NewSecret{Secret: core.NewSecret(apptest.Secret(name)), SkipCheck: true})
		return err
	}
}

func handingIn(t *testing.T, b bundle, name string) func() error {
	t.Helper()
	_, token := b.link(t)
	return func() error { _, err := b.handIn(t, token, apptest.Secret(name)); return err }
}

// A pending version that was retired meanwhile is in nobody's way.
func TestASecretIsPutAlthoughThePendingOneWasRetiredMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.keep(t, b.tenant, b.app, "second")
	for _, err := range b.atOnce(t,
		func() error { _, err := b.retire(t, 2); return err },
		func() error { _, err := b.keepSecret(t, "third", nil); return err },
	) {
		require.NoError(t, err)
	}
	require.Equal(t, []string{"3 pending 0", "2 retired 0", "1 current 1"}, b.states(t))
}
