package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// countEverything sees a row of any tenant that is left open, and tells the
// setting too.
const countEverything = `
SELECT (SELECT count(*) FROM signet.tenants) + (SELECT count(*) FROM signet.app_secrets) + (SELECT count(*) FROM signet.members)
       || ' ' || coalesce(nullif(current_setting('signet.tenant', true), ''), 'no tenant')
       || ' ' || coalesce(nullif(current_setting('signet.platform', true), ''), 'no platform')`

// openSmall opens a Store with few connections for the tenants.
func openSmall(t *testing.T, db storetest.DB, conns int32) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{TenantURL: db.TenantURL, SystemURL: db.SystemURL, MaxConns: conns})
	require.NoError(t, err)
	t.Cleanup(st.Close)
	return st
}

var errRefused = errors.New("refused by the caller")

// endings are the ways in which a transaction of a tenant can end.
var endings = []struct {
	name string
	rare bool // costs the connection
	run  func(t *testing.T, st *store.Store, r tenantRows)
}{
	{"commits", false, func(t *testing.T, st *store.Store, r tenantRows) {
		require.NoError(t, seesItself(t.Context(), st, r, func(*store.TenantTx) error { return nil }))
	}},
	{"is rolled back", false, func(t *testing.T, st *store.Store, r tenantRows) {
		require.ErrorIs(t, seesItself(t.Context(), st, r, func(*store.TenantTx) error { return errRefused }), errRefused)
	}},
	{"fails and says so", false, func(t *testing.T, st *store.Store, r tenantRows) {
		require.Error(t, seesItself(t.Context(), st, r, func(tx *store.TenantTx) error { return store.ExecIn(t.Context(), tx, "SELECT 1/0") }))
	}},
	{"fails and hides it", false, func(t *testing.T, st *store.Store, r tenantRows) {
		require.Error(t, seesItself(t.Context(), st, r, func(tx *store.TenantTx) error {
			_ = store.ExecIn(t.Context(), tx, "SELECT 1/0")
			return nil
		}), "a failed transaction seemed to commit")
	}},
	{"panics", false, func(t *testing.T, st *store.Store, r tenantRows) {
		require.PanicsWithValue(t, "at the disco", func() {
			_ = seesItself(t.Context(), st, r, func(*store.TenantTx) error { panic("at the disco") })
		})
	}},
	{"runs into the timeout of statements", false, func(t *testing.T, st *store.Store, r tenantRows) {
		err := seesItself(t.Context(), st, r, func(tx *store.TenantTx) error {
			return store.ExecIn(t.Context(), tx, "SET LOCAL statement_timeout = 1; SELECT pg_sleep(10)")
		})
		require.True(t, fault.Has(err, fault.StoreUnavailable), "%v", err)
	}},
	{"opens the platform's door by a statement", false, func(t *testing.T, st *store.Store, r tenantRows) {
		require.NoError(t, st.Platform(t.Context(), someone, func(*store.PlatformTx) error { return nil }))
	}},
	{"is cancelled before it ends", true, func(t *testing.T, st *store.Store, r tenantRows) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := seesItself(ctx, st, r, func(*store.TenantTx) error { cancel(); return nil })
		require.ErrorIs(t, err, context.Canceled)
	}},
	{"is cancelled within a statement", true, func(t *testing.T, st *store.Store, r tenantRows) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := seesItself(ctx, st, r, func(tx *store.TenantTx) error {
			go cancel()
			// Not long: where the cancelling overtakes the statement, the server
			// runs it to its end and the pool waits for that.
			return store.ExecIn(ctx, tx, "SELECT pg_sleep(0.3)")
		})
		require.ErrorIs(t, err, context.Canceled)
		require.True(t, fault.Has(err, fault.StoreUnavailable), "%v", err)
	}},
	{"loses its connection", true, func(t *testing.T, st *store.Store, r tenantRows) {
		err := seesItself(t.Context(), st, r, func(tx *store.TenantTx) error {
			return store.ExecIn(t.Context(), tx, "SELECT pg_terminate_backend(pg_backend_pid())")
		})
		require.True(t, fault.Has(err, fault.StoreUnavailable), "%v", err)
	}},
}

// seesItself opens a tenant's door, looks that it is that tenant's, and goes on.
func seesItself(ctx context.Context, st *store.Store, r tenantRows, end func(*store.TenantTx) error) error {
	return st.Tenant(ctx, someone, r.ID, func(tx *store.TenantTx) error {
		list, err := tx.ListApps(ctx, wholePage)
		if err != nil {
			return err
		}
		if len(list.Items) != 1 || list.Items[0].ID != r.App.ID {
			return fmt.Errorf("tenant %s sees %v", r.ID, list.Items)
		}
		return end(tx)
	})
}

func TestConnectionTellsTheNextTenantNothing(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) { takeTurns(t, db, 500, 1) })
}

func TestConnectionTellsTenThousandTenantsNothing(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the turns of the test before will do")
	}
	takeTurns(t, storetest.New(t), 10_000, 7)
}

// takeTurns sends the one connection from tenant to tenant, however the one
// before left it; and between them, looked at so often, nobody's rows are open.
func takeTurns(t *testing.T, db storetest.DB, turns, lookEvery int) {
	t.Helper()
	st := openSmall(t, db, 1)
	tenants := []tenantRows{makeTenant(t, st, "alpha"), makeTenant(t, st, "bravo"), makeTenant(t, st, "charlie")}
	var often []int
	for i, ending := range endings {
		if !ending.rare {
			often = append(often, i)
		}
	}
	for turn := range turns {
		ending := endings[often[turn%len(often)]]
		if turn%40 == 0 {
			ending = endings[turn/40%len(endings)]
		}
		ending.run(t, st, tenants[turn%len(tenants)])
		if turn%lookEvery != 0 {
			continue
		}
		seen, err := store.Naked(t.Context(), st, countEverything)
		require.NoError(t, err)
		require.Equal(t, []string{"0 no tenant no platform"}, seen, "turn %d, which %s", turn, ending.name)
	}
}

func TestTenantsDoNotMixOnASharedPool(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := openSmall(t, db, 4)
		var tenants []tenantRows
		for i := range 8 {
			tenants = append(tenants, makeTenant(t, st, fmt.Sprintf("mmm%d", i)))
		}
		var group errgroup.Group
		for worker := range 64 {
			r := tenants[worker%len(tenants)]
			group.Go(func() error {
				for turn := range 25 {
					end := func(*store.TenantTx) error { return nil }
					if turn%3 == 0 {
						end = func(*store.TenantTx) error { return errRefused }
					}
					if err := seesItself(t.Context(), st, r, end); err != nil && !errors.Is(err, errRefused) {
						return err
					}
				}
				return nil
			})
		}
		require.NoError(t, group.Wait())
	})
}

func TestSettingIsAbsentBeforeAndEmptyAfterATransaction(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := openSmall(t, db, 1)
		look := `SELECT coalesce(current_setting('signet.tenant', true), 'absent') || '|' || coalesce(current_setting('signet.platform', true), 'absent')`
		seen, err := store.Naked(t.Context(), st, look)
		require.NoError(t, err)
		require.Equal(t, []string{"absent|absent"}, seen)
		onTenant(t, st, core.NewTenantID(), func(context.Context, *store.TenantTx) error { return nil })
		onPlatform(t, st, func(context.Context, *store.PlatformTx) error { return nil })
		seen, err = store.Naked(t.Context(), st, look)
		require.NoError(t, err)
		require.Equal(t, []string{"|"}, seen)
		// And the empty setting is no tenant and no error.
		seen, err = store.Naked(t.Context(), st, `SELECT count(*)::text FROM signet.apps`)
		require.NoError(t, err)
		require.Equal(t, []string{"0"}, seen)
	})
}

// No statement and no forgotten transaction holds a connection, or others up.
func TestBothPoolsBoundTheTimeOfAStatement(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	for name, ask := range map[string]func(context.Context, *store.Store, string) ([]string, error){
		"tenants": store.Naked, "system": store.NakedSystem,
	} {
		for setting, want := range map[string]string{
			"statement_timeout": "10s", "lock_timeout": "3s", "idle_in_transaction_session_timeout": "10s",
		} {
			got, err := ask(t.Context(), st, "SHOW "+setting)
			require.NoError(t, err)
			require.Equal(t, []string{want}, got, "%s of the pool of the %s", setting, name)
		}
	}
}

func TestTransactionThatIsRolledBackKeepsItsConnection(t *testing.T) {
	t.Parallel()
	st := openSmall(t, storetest.New(t), 1)
	before, err := store.Naked(t.Context(), st, `SELECT pg_backend_pid()::text`)
	require.NoError(t, err)
	err = st.Tenant(t.Context(), someone, core.NewTenantID(), func(*store.TenantTx) error { return errRefused })
	require.ErrorIs(t, err, errRefused)
	after, err := store.Naked(t.Context(), st, `SELECT pg_backend_pid()::text`)
	require.NoError(t, err)
	require.Equal(t, before, after)
}
