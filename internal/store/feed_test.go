package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// reading follows the feed by hand.
type reading struct {
	st *store.Store
	at store.FeedPosition
}

// next gives the hosts of the changes that are new, which tell them apart.
func (r *reading) next(t require.TestingT) []string {
	hosts, err := r.try()
	require.NoError(t, err)
	return hosts
}

func (r *reading) try() (hosts []string, err error) {
	err = r.st.System(context.Background(), func(tx *store.SystemTx) error {
		changes, at, err := tx.ReadChanges(context.Background(), r.at)
		for _, c := range changes {
			hosts = append(hosts, string(c.Host))
		}
		r.at = at
		return err
	})
	return hosts, err
}

// load goes to where the feed stands, as who reads everything anew.
func (r *reading) load(t require.TestingT) {
	require.NoError(t, r.st.System(context.Background(), func(tx *store.SystemTx) (err error) {
		r.at, err = tx.Horizon(context.Background())
		return err
	}))
}

// writer opens a transaction that writes one change and stays open.
func writer(t require.TestingT, conn *pgx.Conn, host string) pgx.Tx {
	tx, err := conn.Begin(context.Background())
	require.NoError(t, err)
	_, err = tx.Exec(context.Background(), `SELECT set_config('signet.platform', 'on', true)`)
	require.NoError(t, err)
	_, err = tx.Exec(context.Background(), `INSERT INTO signet.change_log (tenant_id, kind, host) VALUES (gen_random_uuid(), 'legacy_host', $1)`, host)
	require.NoError(t, err)
	return tx
}

func TestChangeOfAnElderTransactionThatCommitsLaterIsNotLost(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		feed := reading{st: db.Open(t)}
		one, two := connect(t, db.TenantURL), connect(t, db.TenantURL)
		elder := writer(t, one, "elder")
		var loaded reading // another node, which loads everything meanwhile
		loaded.st = feed.st
		loaded.load(t)
		younger := writer(t, two, "younger")
		require.Empty(t, feed.next(t))
		require.NoError(t, younger.Commit(t.Context()))
		require.Equal(t, []string{"younger"}, feed.next(t))
		require.Empty(t, feed.next(t))
		require.NoError(t, elder.Commit(t.Context()))
		require.Equal(t, []string{"elder"}, feed.next(t))
		require.Empty(t, feed.next(t))
		require.Equal(t, []string{"elder", "younger"}, loaded.next(t))
	})
}

// Transactions begin, commit and roll back in any order; readers look at any
// moment, and so does who deletes old changes. In the end each reader has got what
// was committed, each once, but for what it was told to load anew.
func TestEveryCommittedChangeIsReadOnceInAnyOrderOfCommits(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		var conns []*pgx.Conn
		for range 4 {
			conns = append(conns, connect(t, db.TenantURL))
		}
		clerk := connect(t, db.SuperuserURL())
		round, reloads, trimmed := 0, 0, int64(0)
		rapid.Check(t, func(t *rapid.T) {
			round++
			open := make([]pgx.Tx, len(conns))
			names := make([]string, len(conns))
			var committed []string
			readers := []*reading{{st: st}, {st: st}}
			got := make([][]string, len(readers))
			for i := range readers { // begin behind what earlier rounds left
				readers[i].load(t)
			}
			look := func(i int) {
				hosts, err := readers[i].try()
				if errors.Is(err, store.ErrFeedTrimmed) {
					reloads++
					readers[i].load(t)
					got[i] = slices.Clone(committed)
					return
				}
				require.NoError(t, err)
				got[i] = append(got[i], hosts...)
			}
			end := func(i int, commit bool) {
				if commit {
					committed = append(committed, names[i])
					require.NoError(t, open[i].Commit(context.Background()))
				} else {
					require.NoError(t, open[i].Rollback(context.Background()))
				}
				open[i] = nil
			}
			for step := range rapid.IntRange(1, 30).Draw(t, "steps") {
				i := rapid.IntRange(-len(readers)-1, len(conns)-1).Draw(t, "who")
				switch {
				case i < -len(readers):
					rows, err := trimAll(st, clerk)
					require.NoError(t, err)
					trimmed += rows
				case i < 0:
					look(-i - 1)
				case open[i] == nil:
					names[i] = fmt.Sprintf("round%d.step%d", round, step)
					open[i] = writer(t, conns[i], names[i])
				default:
					end(i, rapid.Bool().Draw(t, "commits"))
				}
			}
			for i := range open {
				if open[i] != nil {
					end(i, true)
				}
			}
			for i := range readers {
				look(i)
				require.ElementsMatch(t, committed, got[i])
			}
		})
		require.Positive(t, trimmed)
		require.Positive(t, reloads)
	})
}

// A bulk of changes in one transaction, and a stranger's transaction that stays
// open behind it, which holds back everything that goes by the lowest open id.
func TestNoNumberOfChangesIsTooMany(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		const bulk = 25_000
		feed := reading{st: db.Open(t)}
		stranger := writer(t, connect(t, db.TenantURL), "stranger")
		many := `INSERT INTO signet.change_log (tenant_id, kind, host) SELECT gen_random_uuid(), 'legacy_host', 'bulk' || i FROM generate_series(1, 25000) i`
		db.Exec(t, many)
		first := feed.next(t)
		require.Len(t, first, bulk)
		require.Equal(t, "bulk1", first[0])
		require.Equal(t, "bulk25000", first[bulk-1])
		db.Exec(t, many)
		require.Len(t, feed.next(t), bulk)
		db.Exec(t, `INSERT INTO signet.change_log (tenant_id, kind, host) VALUES (gen_random_uuid(), 'legacy_host', 'last')`)
		require.Equal(t, []string{"last"}, feed.next(t))
		require.NoError(t, stranger.Commit(t.Context()))
		require.Equal(t, []string{"stranger"}, feed.next(t))
	})
}

// A dump carries the transaction ids of the cluster that it was made on.
func TestRowsOfARestoredDumpDoNotComeAgainAndAgain(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		restored := `INSERT INTO signet.change_log (tenant_id, kind, host, xid) SELECT gen_random_uuid(), 'legacy_host', 'restored', x::text::xid8 FROM unnest(ARRAY[3, 1000000000000]::bigint[]) x`
		db.Exec(t, restored)
		feed := reading{st: db.Open(t)}
		feed.load(t)
		require.Empty(t, feed.next(t))
		require.NoError(t, writer(t, connect(t, db.TenantURL), "new").Commit(t.Context()))
		require.Equal(t, []string{"new"}, feed.next(t))
		require.Empty(t, feed.next(t))
	})
}

func TestPositionOfAnotherDatabaseIsRefused(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		var here store.FeedPosition
		onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) (err error) {
			here, err = tx.Horizon(ctx)
			return err
		})
		for name, position := range map[string]store.FeedPosition{
			"another cluster":                      store.PositionAt(store.SnapshotOf(here), "1/1"),
			"another timeline":                     store.PositionAt(store.SnapshotOf(here), store.HistoryOf(here)+"1"),
			"the same put back to an earlier hour": store.PositionAt("900000000000:900000000001:", store.HistoryOf(here)),
		} {
			err := st.System(t.Context(), func(tx *store.SystemTx) error {
				changes, at, err := tx.ReadChanges(t.Context(), position)
				require.Empty(t, changes)
				require.Equal(t, position, at)
				return err
			})
			require.ErrorIs(t, err, store.ErrOtherDatabase, name)
			var reported error
			err = st.FollowChanges(t.Context(), position, nil, func(err error) { reported = err })
			require.ErrorIs(t, err, store.ErrFeedBroken, name)
			require.ErrorIs(t, reported, store.ErrOtherDatabase, name)
		}
	})
}

func TestChangeCarriesWhatANodeNeeds(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		tenant, app, key := core.NewTenantID(), core.NewAppID(), core.NewAppKey()
		sent := []store.Change{
			{TenantID: tenant, Kind: store.TenantChanged},
			{TenantID: tenant, Kind: store.AppChanged, AppID: app, AppKey: key},
			{TenantID: tenant, Kind: store.SecretChanged, AppID: app, AppKey: key},
		}
		onTenant(t, st, tenant, func(ctx context.Context, tx *store.TenantTx) error {
			for _, c := range sent {
				c.TenantID = core.NewTenantID() // counts for nothing: the door says whose it is
				if err := tx.Announce(ctx, c); err != nil {
					return err
				}
			}
			return nil
		})
		host := store.Change{TenantID: tenant, Kind: store.LegacyHostChanged, Host: "old.example.com"}
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error { return tx.Announce(ctx, host) })
		onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
			got, _, err := tx.ReadChanges(ctx, store.FeedPosition{})
			require.Equal(t, append(sent, host), got)
			return err
		})
	})
}
