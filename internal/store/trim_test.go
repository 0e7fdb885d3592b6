package store_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

// trimAll lets a day go by and deletes what is old then. clerk is a superuser:
// nobody else can change when a row was written.
func trimAll(st *store.Store, clerk *pgx.Conn) (int64, error) {
	if _, err := clerk.Exec(context.Background(), `UPDATE signet.change_log SET at = at - interval '25 hours'`); err != nil {
		return 0, err
	}
	return st.Trim(context.Background())
}

// requireTrimmed lets a day go by and deletes what is old then, until so many rows
// are gone: a transaction of another test on the same server may hold it back.
func requireTrimmed(t *testing.T, st *store.Store, db storetest.DB, want int) {
	t.Helper()
	clerk := connect(t, db.SuperuserURL())
	gone := 0
	require.Eventually(t, func() bool {
		rows, err := trimAll(st, clerk)
		gone += int(rows)
		return err == nil && gone >= want
	}, patience, poll)
	require.Equal(t, want, gone)
}

// settle waits until no transaction is open that is older than a change: one of
// another test on the same server would hold trimming back, and its end would make
// a reader who looked before load everything.
func settle(t *testing.T, db storetest.DB, host string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return db.List(t, `SELECT (xid < pg_snapshot_xmin(pg_current_snapshot()))::text FROM signet.change_log WHERE host = $1`, host)[0] == "true"
	}, patience, poll)
}

func TestOnlyWhatIsADayOldIsTrimmed(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		old, young := makeTenant(t, st, "alpha"), makeTenant(t, st, "bravo")
		for age, r := range map[string]tenantRows{"24 hours 1 minute": old, "23 hours 59 minutes": young} {
			db.Exec(t, fmt.Sprintf(`UPDATE signet.change_log SET at = now() - interval '%s' WHERE tenant_id = '%s'`, age, r.ID))
			db.Exec(t, fmt.Sprintf(`UPDATE signet.sessions SET expires_at = now() - interval '%s' WHERE session_id = '%s'`, age, r.Session))
		}
		gone := int64(0)
		require.Eventually(t, func() bool {
			rows, err := st.Trim(t.Context())
			gone += rows
			return err == nil && gone >= 2
		}, patience, poll)
		require.EqualValues(t, 2, gone)
		require.Equal(t, []string{young.ID.String()}, db.List(t, `SELECT tenant_id::text FROM signet.change_log`))
		for _, table := range []string{"sessions", "refresh_tokens"} {
			require.Equal(t, []string{young.Session.String()}, db.List(t, `SELECT session_id::text FROM signet.`+table), table)
		}
		rows, err := st.Trim(t.Context())
		require.NoError(t, err)
		require.Zero(t, rows)
	})
}

func TestMoreThanABatchIsTrimmedAtOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(t, `INSERT INTO signet.change_log (tenant_id, kind, host) SELECT gen_random_uuid(), 'legacy_host', 'bulk' FROM generate_series(1, 12000)`)
	settle(t, db, "bulk")
	rows, err := trimAll(db.Open(t), connect(t, db.SuperuserURL()))
	require.NoError(t, err)
	require.EqualValues(t, 12000, rows)
	require.Equal(t, []string{"0"}, db.List(t, `SELECT count(*)::text FROM signet.change_log`))
}

func TestWhileOneNodeTrimsAnotherHasNothingToDo(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		makeTenant(t, st, "alpha")
		other, err := connect(t, db.TenantURL).Begin(t.Context())
		require.NoError(t, err)
		_, err = other.Exec(t.Context(), store.TrimLock)
		require.NoError(t, err)
		requireTrimmed(t, st, db, 0)
		require.NoError(t, other.Rollback(t.Context()))
		requireTrimmed(t, st, db, 1)
	})
}

func TestWhoHasNotReadWhatWasTrimmedIsTold(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		conn := connect(t, db.TenantURL)
		fresh, behind, newborn := reading{st: st}, reading{st: st}, reading{st: st}
		for _, r := range []*reading{&fresh, &behind} {
			r.load(t)
		}
		require.NoError(t, writer(t, conn, "old").Commit(t.Context()))
		settle(t, db, "old")
		require.Equal(t, []string{"old"}, fresh.next(t))
		requireTrimmed(t, st, db, 1)
		require.NoError(t, writer(t, conn, "new").Commit(t.Context()))

		require.Equal(t, []string{"new"}, fresh.next(t), "who has read it misses nothing")
		for name, r := range map[string]reading{"behind": behind, "before everything": newborn} {
			before := r.at
			hosts, err := r.try()
			require.ErrorIs(t, err, store.ErrFeedTrimmed, name)
			require.ErrorIs(t, err, store.ErrFeedBroken, name)
			require.Empty(t, hosts, name)
			require.Equal(t, before, r.at, name)
			require.ErrorIs(t, st.FollowChanges(t.Context(), r.at, nil, func(error) {}), store.ErrFeedTrimmed, name)
		}
		behind.load(t)
		require.Empty(t, behind.next(t))
	})
}

// The mark never lies below anything that is gone, in whichever order it went:
// who has read the first of two and not the second is told.
func TestTheMarkIsTheHighestThatWasTrimmed(t *testing.T) {
	for name, rounds := range map[string][]string{"at once": {"first second"}, "the second before the first": {"second", "first"}} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, db storetest.DB) {
				st := db.Open(t)
				conn := connect(t, db.TenantURL)
				reader := reading{st: st}
				reader.load(t)
				for i, host := range []string{"first", "second"} {
					require.NoError(t, writer(t, conn, host).Commit(t.Context()))
					settle(t, db, host)
					if i == 0 {
						require.Equal(t, []string{host}, reader.next(t))
					}
				}
				for _, hosts := range rounds {
					db.Exec(t, `UPDATE signet.change_log SET at = now() - interval '25 hours' WHERE host = ANY (string_to_array($1, ' '))`, hosts)
					gone, want := int64(0), int64(len(strings.Fields(hosts)))
					require.Eventually(t, func() bool {
						rows, err := st.Trim(t.Context())
						gone += rows
						return err == nil && gone >= want
					}, patience, poll)
					require.Equal(t, want, gone)
				}
				_, err := reader.try()
				require.ErrorIs(t, err, store.ErrFeedTrimmed)
			})
		})
	}
}

// A stranger's transaction that stays open for days holds trimming back, and makes
// nobody who follows the feed load everything again and again.
func TestAnOpenTransactionHoldsTrimmingBack(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		conn := connect(t, db.TenantURL)
		feed := reading{st: st}
		feed.load(t)
		require.NoError(t, writer(t, conn, "before").Commit(t.Context()))
		stranger := writer(t, connect(t, db.TenantURL), "stranger")
		require.NoError(t, writer(t, conn, "after").Commit(t.Context()))
		settle(t, db, "before")
		requireTrimmed(t, st, db, 1)
		require.Equal(t, []string{"after"}, db.List(t, `SELECT host FROM signet.change_log`))
		_, err := feed.try()
		require.ErrorIs(t, err, store.ErrFeedTrimmed)
		feed.load(t)
		for range 3 {
			require.Empty(t, feed.next(t))
			requireTrimmed(t, st, db, 0)
		}
		require.NoError(t, stranger.Commit(t.Context()))
		require.Equal(t, []string{"stranger"}, feed.next(t))
		settle(t, db, "after")
		require.Empty(t, feed.next(t))
		requireTrimmed(t, st, db, 2)
		require.Empty(t, feed.next(t))
	})
}

// A dump carries the mark of the cluster that it was made on.
func TestAMarkOfARestoredDumpMisleadsNobody(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		conn := connect(t, db.TenantURL)
		db.Exec(t, `INSERT INTO signet.change_log_trimmed (xid) VALUES ('1000000000000')`)
		feed, behind := reading{st: st}, reading{st: st}
		feed.load(t)
		behind.load(t)
		require.NoError(t, writer(t, conn, "first").Commit(t.Context()))
		settle(t, db, "first")
		require.Equal(t, []string{"first"}, feed.next(t))
		requireTrimmed(t, st, db, 1)
		require.Empty(t, feed.next(t))
		_, err := behind.try()
		require.ErrorIs(t, err, store.ErrFeedTrimmed, "the mark lies here again")
	})
}

// One transaction deletes a batch of each sort and no more, so that no lock is
// held for long.
func TestABatchBoundsOneTransaction(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		const batch, rows = 5000, 5003
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		for _, fill := range []string{
			`INSERT INTO signet.change_log (tenant_id, kind, host, at) SELECT $2, 'legacy_host', 'bulk', now() - interval '25 hours' FROM generate_series(1, $3)`,
			`INSERT INTO signet.sessions (session_id, member_id, expires_at) SELECT gen_random_uuid(), $1, now() - interval '25 hours' FROM generate_series(1, $3), (SELECT $2::uuid) t`,
			`INSERT INTO signet.calls (tenant_id, corp_id, app_id, api, minute, calls, accepted)
				SELECT $2, 'bulk', gen_random_uuid(), 'gettoken', now() - interval '3 hours', 1, 0 FROM generate_series(1, $3)`,
			`INSERT INTO signet.refused_calls (tenant_id, minute, api, errcode, calls)
				SELECT $2, now() - interval '3 hours', 'gettoken', n, 1 FROM generate_series(1, $3) n`,
			`INSERT INTO signet.call_pauses (tenant_id, corp_id, subject, api, kind, failures, code, reason, args, errcode, since)
				SELECT $2, 'bulk', gen_random_uuid()::text, 'gettoken', 'refused', 1, 'x', '', '{}', 0, now() - interval '3 hours' FROM generate_series(1, $3)`,
			`INSERT INTO signet.intake_links (tenant_id, link_id, app_id, token_hash, made_by, expires_at)
				SELECT $2, gen_random_uuid(), $4, '\x` + strings.Repeat("0", 64) + `', 'bulk', now() - interval '91 days' FROM generate_series(1, $3)`,
		} {
			fill = strings.NewReplacer("$1", "'"+r.Member.String()+"'", "$2", "'"+r.ID.String()+"'", "$3", strconv.Itoa(rows), "$4", "'"+r.App.ID.String()+"'").Replace(fill)
			db.Exec(t, fill)
		}
		settle(t, db, "bulk")
		for name, c := range map[string]struct {
			trim  func(*store.PlatformTx, context.Context) (int64, error)
			sorts int64
		}{
			"changes": {(*store.PlatformTx).TrimChanges, 1}, "sessions": {(*store.PlatformTx).TrimSessions, 1}, "calls": {(*store.PlatformTx).TrimCalls, 3},
			"links": {(*store.PlatformTx).TrimIntakeLinks, 1},
		} {
			for i, want := range []int64{batch, rows - batch, 0} {
				onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
					gone, err := c.trim(tx, ctx)
					require.Equal(t, want*c.sorts, gone, "%s, batch %d", name, i)
					return err
				})
			}
		}
	})
}

// All sorts of rows go in one call, however many batches of each there are.
func TestTrimLeavesNothingThatIsOld(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		db.Exec(t, `UPDATE signet.sessions SET expires_at = now() - interval '25 hours'`)
		for _, table := range []string{"calls", "refused_calls"} {
			db.Exec(t, `UPDATE signet.`+table+` SET minute = now() - interval '121 minutes'`)
		}
		db.Exec(t, `UPDATE signet.call_pauses SET since = now() - interval '121 minutes', until = now() - interval '121 minutes'`)
		db.Exec(t, `INSERT INTO signet.sessions (session_id, member_id, expires_at) SELECT gen_random_uuid(), '`+r.Member.String()+`', now() - interval '25 hours' FROM generate_series(1, 10000)`)
		rows, err := st.Trim(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 10004, rows)
		rows, err = st.Trim(t.Context())
		require.NoError(t, err)
		require.Zero(t, rows)
	})
}

// A link goes 90 days after its end, whichever that was, and what a trial has
// fetched ten minutes after that. What is younger can be deleted by nobody, or is at
// least not seen.
func TestLinksAndTrialsAreTrimmedWhenTheyAreOver(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		a, b := makeTenant(t, st, "alpha"), makeTenant(t, st, "bravo")
		const day90, minute = `interval '90 days'`, `interval '1 minute'`
		link := func(r tenantRows, name string, columns, values string) {
			db.Exec(t, `INSERT INTO signet.intake_links (tenant_id, link_id, app_id, token_hash, made_by, expires_at`+columns+`)
				SELECT $1, gen_random_uuid(), $2, '\x`+strings.Repeat("0", 64)+`', $3, now() - `+day90+values, r.ID.String(), r.App.ID.String(), name)
		}
		db.Exec(t, `DELETE FROM signet.intake_links`)
		for _, r := range []tenantRows{a, b} {
			link(r, "open", ``, ` + interval '91 days'`)
			link(r, "expired lately", ``, ` + `+minute)
			link(r, "expired", ``, ` - `+minute)
			link(r, "used lately", `, used_at`, ` - `+minute+`, now() - `+day90+` + `+minute)
			link(r, "used", `, used_at`, ` + `+minute+`, now() - `+day90+` - `+minute)
			link(r, "revoked lately", `, revoked_at`, ` - `+minute+`, now() - `+day90+` + `+minute)
			link(r, "revoked", `, revoked_at`, ` + `+minute+`, now() - `+day90+` - `+minute)
		}
		db.Exec(t, `UPDATE signet.trial_grants SET fetched_at = now() - CASE tenant_id WHEN $1 THEN interval '10 minutes 1 second' ELSE interval '9 minutes' END`, a.ID.String())

		// The tenant's own door deletes no link that is younger, by whatever statement.
		conn := connect(t, db.TenantURL)
		naked := func(open, statement string) {
			tx, err := conn.Begin(t.Context())
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), `SELECT set_config($1, $2, true)`, open, map[string]string{"signet.tenant": b.ID.String(), "signet.platform": "on"}[open])
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), statement)
			require.NoError(t, err)
			require.NoError(t, tx.Commit(t.Context()))
		}
		naked("signet.tenant", `DELETE FROM signet.intake_links`)
		left := func() []string {
			return db.List(t, `SELECT made_by FROM signet.intake_links ORDER BY tenant_id = $1 DESC, made_by`, a.ID.String())
		}
		young := []string{"expired lately", "open", "revoked lately", "used lately"}
		require.Equal(t, append([]string{"expired", "expired lately", "open", "revoked", "revoked lately", "used", "used lately"}, young...), left())
		naked("signet.platform", `DELETE FROM signet.trial_grants`)
		grants := `SELECT tenant_id::text FROM signet.trial_grants`
		require.Equal(t, []string{b.ID.String()}, db.List(t, grants), "the platform's door deletes what is old")
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
			return store.ExecIn(ctx, tx, `DO 'BEGIN ASSERT (SELECT count(*) FROM signet.trial_grants) = 0; END'`)
		})

		db.Exec(t, `UPDATE signet.trial_grants SET fetched_at = now() - interval '10 minutes 1 second'`)
		onPlatform(t, st, func(ctx context.Context, tx *store.PlatformTx) error {
			return store.ExecIn(ctx, tx, `DO 'BEGIN ASSERT (SELECT count(*) FROM signet.trial_grants) = 0; END'`)
		})
		rows, err := st.Trim(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 3+1, rows)
		require.Equal(t, append(append([]string{}, young...), young...), left())
		require.Empty(t, db.List(t, grants))
		rows, err = st.Trim(t.Context())
		require.NoError(t, err)
		require.Zero(t, rows)
	})
}
