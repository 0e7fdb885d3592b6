package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/devdb"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

func TestErrorsOfTheDriverGetTheirNames(t *testing.T) {
	t.Parallel()
	server := func(code string) error { return &pgconn.PgError{Severity: "ERROR", Code: code, Message: "m"} }
	broken := func(constraint string) error {
		return &pgconn.PgError{Code: "23505", ConstraintName: constraint, Message: "duplicate key"}
	}
	own := fault.New(fault.AppUnknown, nil)
	for _, row := range []struct {
		name string
		err  error
		code fault.Code
	}{
		{"shutting down", server("57P01"), fault.StoreUnavailable},
		{"starting up", server("57P03"), fault.StoreUnavailable},
		{"cancelled by a timeout", server("57014"), fault.StoreUnavailable},
		{"too many connections", server("53300"), fault.StoreUnavailable},
		{"disk full", server("53100"), fault.StoreUnavailable},
		{"its own disk fails it", server("58030"), fault.StoreUnavailable},
		{"connection lost", server("08006"), fault.StoreUnavailable},
		{"password turned meanwhile", server("28P01"), fault.StoreUnavailable},
		{"database gone", server("3D000"), fault.StoreUnavailable},
		{"a standby", server("25006"), fault.StoreUnavailable},
		{"idle for too long", server("25P03"), fault.StoreUnavailable},
		{"deadlock", server("40P01"), fault.StoreUnavailable},
		{"serialization", server("40001"), fault.StoreUnavailable},
		{"lock timeout", server("55P03"), fault.StoreUnavailable},
		{"a refused right is a mistake of ours", server("42501"), fault.InternalError},
		{"so is a wrong statement", server("42601"), fault.InternalError},
		{"so is a constraint without a row", broken("nobody_knows_it"), fault.InternalError},
		{"so is a code that is none", server(""), fault.InternalError},
		{"a known constraint", broken("apps_agent"), fault.AppExists},
		{"the server's process is gone", fmt.Errorf("receive: %w", io.ErrUnexpectedEOF), fault.StoreUnavailable},
		{"and its socket", io.EOF, fault.StoreUnavailable},
		{"the caller ran out of time", context.DeadlineExceeded, fault.StoreUnavailable},
		{"the caller went away", context.Canceled, fault.StoreUnavailable},
		{"the network", &net.OpError{Op: "read", Err: errors.New("reset")}, fault.StoreUnavailable},
		{"a named error keeps its name", fmt.Errorf("wrapped: %w", own), fault.AppUnknown},
		{"another error stays what it is", errors.New("other"), fault.InternalError},
	} {
		t.Run(row.name, func(t *testing.T) {
			named := store.Translate(row.err)
			require.Equal(t, row.code, codeOf(named))
			if row.code == fault.StoreUnavailable {
				require.Positive(t, fault.Find(named).RetryAfter)
			}
		})
	}
	require.NoError(t, store.Translate(nil))
	require.Equal(t, own, store.Translate(own))
}

func TestErrorTextsQuoteNoValue(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		const secret = "value-not-to-be-quoted"
		fails := map[string]func(tx *store.TenantTx) error{
			"a unique key": func(tx *store.TenantTx) error {
				r.Domain.Host = secret + ".example.com"
				for range 2 {
					r.Domain.ID = core.NewDomainID()
					if _, err := tx.CreateDomain(t.Context(), r.Domain); err != nil {
						return err
					}
				}
				return nil
			},
			"a foreign key": func(tx *store.TenantTx) error { // the detail would quote the corp
				_, err := tx.PutTicket(t.Context(), core.CorpTicket, store.TicketSubject{CorpID: secret}, r.ticket(1, secret))
				return err
			},
			"a check, whose detail is the whole row": func(tx *store.TenantTx) error {
				_, err := tx.PutTicket(t.Context(), core.CorpTicket, r.appSubject(), r.ticket(1, secret))
				return err
			},
			"a number that is none": func(tx *store.TenantTx) error {
				return store.ExecIn(t.Context(), tx, "SELECT '"+secret+"'::int")
			},
			"a date that is none": func(tx *store.TenantTx) error {
				return store.ExecIn(t.Context(), tx, "SELECT '"+secret+"'::timestamptz")
			},
		}
		for name, fail := range fails {
			err := st.Tenant(t.Context(), someone, r.ID, fail)
			require.Error(t, err, name)
			for _, text := range []string{fmt.Sprint(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), fault.Find(err).Detail(fault.English)} {
				require.NotContains(t, text, secret, name)
				require.NotContains(t, text, "76616c75652d6e6f74", name) // bytea is quoted in hex
			}
			for cause := err; cause != nil; cause = errors.Unwrap(cause) {
				require.NotContains(t, fmt.Sprintf("%#v", cause), secret, name)
				var pg *pgconn.PgError
				if errors.As(cause, &pg) {
					require.Empty(t, pg.Detail, name)
				}
			}
		}
	})
}

// doors opens every door of a Store once and gives what each says.
func doors(ctx context.Context, st *store.Store) map[string]error {
	return map[string]error{
		"tenant":   st.Tenant(ctx, someone, core.NewTenantID(), func(*store.TenantTx) error { return nil }),
		"platform": st.Platform(ctx, someone, func(*store.PlatformTx) error { return nil }),
		"system":   st.System(ctx, func(tx *store.SystemTx) error { _, err := tx.Horizon(ctx); return err }),
		"ping":     st.Ping(ctx),
	}
}

// openThrough opens a Store whose connections go through two wires.
func openThrough(t *testing.T, db storetest.DB, patience time.Duration) (*store.Store, []*storetest.Wire) {
	t.Helper()
	wires := []*storetest.Wire{storetest.NewWire(t, db.TenantURL, nil), storetest.NewWire(t, db.SystemURL, nil)}
	st, err := store.Open(t.Context(), store.Config{TenantURL: wires[0].URL(db.TenantURL), SystemURL: wires[1].URL(db.SystemURL), Patience: patience, MaxConns: 2})
	require.NoError(t, err)
	t.Cleanup(st.Close)
	t.Cleanup(func() { // first, or the driver takes leave of a silent server for 15 s
		for _, w := range wires {
			w.Close()
		}
	})
	for door, err := range doors(t.Context(), st) {
		require.NoError(t, err, door)
	}
	return st, wires
}

// unavailable requires every door to say so within the patience. The margin is
// the machine's, not the Store's.
func unavailable(t *testing.T, st *store.Store, patience time.Duration) {
	t.Helper()
	const doorsAndPools = 5
	began := time.Now()
	for door, err := range doors(context.WithoutCancel(t.Context()), st) {
		require.Equal(t, fault.StoreUnavailable, codeOf(err), "%s: %v", door, err)
	}
	require.Less(t, time.Since(began), doorsAndPools*patience+2*time.Second)
}

func TestDoorsSayThatTheStoreIsAway(t *testing.T) {
	t.Parallel()
	const patience = 300 * time.Millisecond
	db := storetest.New(t)
	t.Run("where nobody listens any more", func(t *testing.T) {
		t.Parallel()
		st, wires := openThrough(t, db, patience)
		for _, w := range wires {
			w.Close()
		}
		unavailable(t, st, patience)
	})
	t.Run("where nothing comes back", func(t *testing.T) {
		t.Parallel()
		st, wires := openThrough(t, db, patience)
		for _, w := range wires {
			w.FallSilent()
		}
		unavailable(t, st, patience)
	})
	t.Run("where every connection is taken", func(t *testing.T) {
		t.Parallel()
		st := openSmall(t, db, 1)
		require.NoError(t, st.Tenant(t.Context(), someone, core.NewTenantID(), func(*store.TenantTx) error {
			err := st.Platform(t.Context(), someone, func(*store.PlatformTx) error { return nil })
			require.Equal(t, fault.StoreUnavailable, codeOf(err))
			return nil
		}))
	})
	t.Run("where the program ends", func(t *testing.T) {
		t.Parallel()
		st, _ := openThrough(t, db, patience)
		st.Close()
		unavailable(t, st, patience)
	})
}

// After a restart of Postgres every connection in the pool is dead, and no
// caller hears of it.
func TestDeadConnectionsOfThePoolAreReplacedUnheard(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		var warm, done sync.WaitGroup
		warm.Add(8)
		for range 8 { // all connections at once
			done.Go(func() {
				_ = st.Tenant(t.Context(), someone, core.NewTenantID(), func(*store.TenantTx) error {
					warm.Done()
					warm.Wait()
					return nil
				})
			})
		}
		done.Wait()
		killed := db.List(t, `SELECT pg_terminate_backend(pid, 5000)::text FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		require.GreaterOrEqual(t, len(killed), 8)
		for door, err := range doors(t.Context(), st) {
			require.NoError(t, err, door)
		}
	})
}

// A host that died answers nothing, not even a goodbye; the places of its
// connections in the pool must not be held by waiting for it.
func TestDeadHostDoesNotKeepThePoolBusy(t *testing.T) {
	t.Parallel()
	st, wires := openThrough(t, storetest.New(t), 300*time.Millisecond)
	for _, w := range wires {
		w.FallSilent()
		require.NoError(t, w.TakeNoMore())
	}
	unavailable(t, st, 300*time.Millisecond)
	began := time.Now()
	st.Close() // waits for every place
	require.Less(t, time.Since(began), 5*time.Second)
}

func TestTransactionUnderWayEndsWhenPostgresIsAway(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	t.Run("cut off", func(t *testing.T) {
		t.Parallel()
		st, wires := openThrough(t, db, time.Second)
		err := st.Tenant(t.Context(), someone, core.NewTenantID(), func(tx *store.TenantTx) error {
			wires[0].Cut()
			_, err := tx.GetTenant(t.Context())
			require.Equal(t, fault.StoreUnavailable, codeOf(err), "%v", err)
			return err
		})
		require.Equal(t, fault.StoreUnavailable, codeOf(err), "%v", err)
	})
	t.Run("cut off at the commit", func(t *testing.T) {
		t.Parallel()
		st, wires := openThrough(t, db, time.Second)
		err := st.Tenant(t.Context(), someone, core.NewTenantID(), func(tx *store.TenantTx) error { wires[0].Cut(); return nil })
		require.Equal(t, fault.StoreUnavailable, codeOf(err), "%v", err)
	})
	t.Run("silent, by the caller's deadline", func(t *testing.T) {
		t.Parallel()
		st, wires := openThrough(t, db, time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		err := st.Tenant(ctx, someone, core.NewTenantID(), func(tx *store.TenantTx) error {
			wires[0].FallSilent()
			_, err := tx.GetTenant(ctx)
			return err
		})
		require.Equal(t, fault.StoreUnavailable, codeOf(err), "%v", err)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestStoreOnAServerThatStoppedSaysSo(t *testing.T) {
	t.Parallel()
	cluster := storetest.New(t).Cluster
	server, err := devdb.Start(t.Context(), devdb.Config{Programs: cluster.Programs, Throwaway: true})
	require.NoError(t, err)
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			require.NoError(t, server.Destroy(context.Background()))
		}
	})
	password := core.NewSecret("password-of-a-test")
	cfg := store.MigrateConfig{OwnerURL: server.SuperuserURL("postgres"), Tenant: store.LoginRole{Name: "a", Password: password}, System: store.LoginRole{Name: "s", Password: password}}
	require.NoError(t, store.MigrateUp(t.Context(), cfg))
	st, err := store.Open(t.Context(), store.Config{TenantURL: server.URL("a", password, "postgres"), SystemURL: server.URL("s", password, "postgres")})
	require.NoError(t, err)
	t.Cleanup(st.Close)
	err = st.Tenant(t.Context(), someone, core.NewTenantID(), func(tx *store.TenantTx) error {
		stopped = true
		require.NoError(t, server.Destroy(context.Background()))
		_, err := tx.GetTenant(t.Context())
		return err
	})
	require.Equal(t, fault.StoreUnavailable, codeOf(err), "%v", err)
	unavailable(t, st, time.Second)
}
