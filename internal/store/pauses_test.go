package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

func TestAPauseSaysWhatItWasTold(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		ofCorp := store.PauseKey{CorpID: r.Corp, API: "gettoken"}
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			failures, err := tx.CountFailure(ctx, r.pause(), "refused", 1, fault.New(fault.WeComUnavailable, nil).WithReason(fault.ReasonAppDisabled).WithErrcode(50003))
			require.NoError(t, err)
			require.Equal(t, 2, failures, "one stood there already")
			found, err := tx.FindPauses(ctx, r.pause())
			require.NoError(t, err)
			require.Len(t, found, 1)
			require.False(t, found[0].Holds, "until somebody says for how long")
			require.NoError(t, tx.HoldPause(ctx, r.pause(), time.Hour))
			failures, err = tx.CountFailure(ctx, ofCorp, "quota", 1, fault.New(fault.WeComQuota, nil).WithErrcode(45009))
			require.NoError(t, err)
			require.Equal(t, 1, failures)
			require.NoError(t, tx.HoldPause(ctx, ofCorp, time.Minute))

			found, err = tx.FindPauses(ctx, r.pause())
			require.NoError(t, err)
			require.Len(t, found, 2, "the corp's and the app's")
			for _, p := range found {
				require.True(t, p.Holds)
				if p.AppID == r.App.ID {
					require.Equal(t, fault.WeComUnavailable, p.Told.Code)
					require.Equal(t, fault.ReasonAppDisabled, p.Told.Reason)
					require.Equal(t, 50003, p.Told.Errcode)
					require.InDelta(t, time.Hour, p.Left, float64(time.Second))
				}
			}
			another := r.pause()
			another.AppID = core.NewAppID()
			found, err = tx.FindPauses(ctx, another)
			require.Len(t, found, 1, "the corp's alone")
			list, listErr := tx.ListPauses(ctx)
			require.Len(t, list, 2)
			require.NoError(t, tx.LiftAppPauses(ctx, r.App.ID))
			left, _ := tx.ListPauses(ctx)
			require.Len(t, left, 1)
			require.Equal(t, core.AppID{}, left[0].AppID)
			return steps(func() error { return err }, func() error { return listErr })
		})
	})
}

func TestFailuresInARowAreCountedByTheirKind(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			require.NoError(t, tx.LiftPause(ctx, r.pause()))
			for i, step := range []struct {
				kind          string
				atLeast, want int
			}{
				{"unanswered", 1, 1}, {"unanswered", 1, 2}, {"unanswered", 1, 3},
				{"unanswered", 7, 7}, // counted by a node while Postgres was away
				{"unanswered", 2, 8}, {"refused", 1, 1}, {"unanswered", 1, 1},
			} {
				failures, err := tx.CountFailure(ctx, r.pause(), step.kind, step.atLeast, r.told("x"))
				require.NoError(t, err)
				require.Equal(t, step.want, failures, "step %d", i)
			}
			return nil
		})
	})
}

// Of all nodes one finds out whether a pause was long enough.
func TestOneNodeClaimsTheProbe(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		claims := func() int {
			won := make(chan bool, 8)
			var group errgroup.Group
			for range cap(won) {
				group.Go(func() error {
					return st.Tenant(t.Context(), someone, r.ID, func(tx *store.TenantTx) error {
						claimed, err := tx.ClaimProbe(t.Context(), r.pause(), time.Minute)
						won <- claimed
						return err
					})
				})
			}
			require.NoError(t, group.Wait())
			close(won)
			n := 0
			for claimed := range won {
				if claimed {
					n++
				}
			}
			return n
		}
		require.Zero(t, claims(), "it holds")
		db.Exec(t, `UPDATE signet.call_pauses SET until = now() - interval '1 second'`)
		require.Equal(t, 1, claims())
		require.Zero(t, claims(), "until the probe's own time is over")
		db.Exec(t, `UPDATE signet.call_pauses SET until = NULL`)
		require.Zero(t, claims(), "where nothing holds there is nothing to find out")
	})
}

func TestTroublesComeWorstFirst(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		// makeTenant leaves one refused call and one pause.
		quiet, paused, refused, dead := makeTenant(t, st, "quiet"), makeTenant(t, st, "paused"), makeTenant(t, st, "refused"), makeTenant(t, st, "dead")
		db.Exec(t, `DELETE FROM signet.refused_calls WHERE tenant_id <> $1`, refused.ID.String())
		db.Exec(t, `DELETE FROM signet.call_pauses WHERE tenant_id <> $1`, paused.ID.String())
		onTenant(t, st, dead.ID, func(ctx context.Context, tx *store.TenantTx) error {
			return tx.UpdateSecretOutcome(ctx, dead.App.ID, 1, fault.SecretRejected)
		})
		list := func(limit int) (names []string) {
			onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
				troubles, err := tx.ListTroubles(ctx, limit)
				for _, trouble := range troubles {
					names = append(names, trouble.Name)
					if trouble.TenantID == paused.ID {
						require.Equal(t, map[fault.Code]int64{fault.IPRefused: 1}, trouble.Pauses)
					}
				}
				return err
			})
			return names
		}
		require.Equal(t, []string{"refused", "dead", "paused"}, list(10), "and %s is not among them", quiet.App.Name)
		require.Equal(t, []string{"refused"}, list(1))
		db.Exec(t, `UPDATE signet.call_pauses SET until = now() - interval '1 second'`)
		db.Exec(t, `UPDATE signet.refused_calls SET minute = minute - interval '62 minutes'`)
		require.Equal(t, []string{"dead"}, list(10))
	})
}

// A failure of another kind begins a row of its own, and any failure ends the
// hold: how long the next one is, its count decides.
func TestAFailureOfAnotherKindBeginsAnew(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha") // "refused", and it holds
		fail := func(kind string, told *fault.Error) (p store.Pause) {
			t.Helper()
			onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
				_, err := tx.CountFailure(ctx, r.pause(), kind, 1, told)
				require.NoError(t, err)
				found, err := tx.FindPauses(ctx, r.pause())
				require.Len(t, found, 1)
				p = found[0]
				return err
			})
			return p
		}
		db.Exec(t, `UPDATE signet.call_pauses SET since = now() - interval '10 minutes'`)
		same := fail("refused", fault.New(fault.WeComUnavailable, nil).WithReason(fault.ReasonAppDisabled).WithErrcode(50003))
		require.WithinDuration(t, time.Now().Add(-10*time.Minute), same.Since, time.Minute, "the first of the row")
		require.Equal(t, 2, same.Failures)
		require.False(t, same.Holds)
		other := fail("unanswered", fault.New(fault.IPRefused, fault.Args{"ip": "192.0.2.1"}).WithErrcode(60020))
		require.WithinDuration(t, time.Now(), other.Since, time.Minute)
		require.Equal(t, 1, other.Failures)
		require.Equal(t, "unanswered", other.Kind)
		require.Equal(t, fault.IPRefused, other.Told.Code)
		require.Empty(t, other.Told.Reason)
		require.Equal(t, fault.Args{"ip": "192.0.2.1"}, other.Told.Args)
		require.Equal(t, 60020, other.Told.Errcode)
	})
}

// A key names an app at an API, or a corp at an API. What happens to the pause of
// one key happens to no other.
func TestWhatIsDoneToAPauseIsDoneToNoOther(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		mine := r.pause()
		others := []store.PauseKey{
			{CorpID: mine.CorpID, AppID: mine.AppID, API: "ticket/get"}, {CorpID: mine.CorpID, API: mine.API},
			{CorpID: mine.CorpID, AppID: core.NewAppID(), API: mine.API}, {CorpID: "ww_another_corp", AppID: mine.AppID, API: mine.API},
		}
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			for _, k := range others {
				if _, err := tx.CountFailure(ctx, k, "refused", 1, r.told("x")); err != nil {
					return err
				}
			}
			return nil
		})
		db.Exec(t, `UPDATE signet.call_pauses SET until = now() - interval '1 minute'`)
		rows := func() []string {
			return db.List(t, `SELECT p::text FROM signet.call_pauses p WHERE (corp_id, subject, api) <> ($1, $2, $3) ORDER BY p::text`,
				string(mine.CorpID), mine.AppID.String(), mine.API)
		}
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			list, err := tx.ListPauses(ctx)
			require.Empty(t, list, "they are over")
			return err
		})
		before := rows()
		require.Len(t, before, len(others))
		for _, step := range []struct {
			what string
			do   func(ctx context.Context, tx *store.TenantTx) error
		}{
			{"claimed", func(ctx context.Context, tx *store.TenantTx) error {
				_, err := tx.ClaimProbe(ctx, mine, time.Minute)
				return err
			}},
			{"counted", func(ctx context.Context, tx *store.TenantTx) error {
				_, err := tx.CountFailure(ctx, mine, "quota", 1, r.told("y"))
				return err
			}},
			{"held", func(ctx context.Context, tx *store.TenantTx) error { return tx.HoldPause(ctx, mine, time.Hour) }},
			{"lifted", func(ctx context.Context, tx *store.TenantTx) error { return tx.LiftPause(ctx, mine) }},
		} {
			onTenant(t, st, r.ID, step.do)
			require.Equal(t, before, rows(), step.what)
		}
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			found, err := tx.FindPauses(ctx, mine)
			require.Len(t, found, 1, "the corp's at that API")
			require.Equal(t, others[1], found[0].PauseKey)
			return err
		})
	})
}

// What stands against a corp goes with the last app that the tenant has of it,
// and what another tenant holds against the same corp stays.
func TestThePausesOfACorpGoWithItsLastApp(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r, neighbour := makeTenant(t, st, "alpha"), makeTenant(t, st, "bravo")
		const otherCorp core.CorpID = "ww_the_other_corp"
		second := core.App{ID: core.NewAppID(), CorpID: commonCorp, AgentID: "1000003", Key: core.NewAppKey(), Name: "second", Kind: core.SelfBuilt}
		foreign := core.App{ID: core.NewAppID(), CorpID: otherCorp, AgentID: "1000002", Key: core.NewAppKey(), Name: "foreign", Kind: core.SelfBuilt}
		onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
			if err := tx.CreateCorp(ctx, otherCorp); err != nil {
				return err
			}
			for _, app := range []core.App{second, foreign} {
				if _, err := tx.CreateApp(ctx, app); err != nil {
					return err
				}
			}
			return nil
		})
		names := strings.NewReplacer(r.ID.String(), "mine", neighbour.ID.String(), "neighbour", r.App.ID.String(), "first", neighbour.App.ID.String(), "theirs",
			second.ID.String(), "second", foreign.ID.String(), "foreign", string(commonCorp), "common", string(otherCorp), "other")
		for tenant, keys := range map[core.TenantID][]store.PauseKey{
			r.ID: {{CorpID: commonCorp, API: "gettoken"}, {CorpID: commonCorp, API: "ticket/get"}, {CorpID: commonCorp, AppID: second.ID, API: "gettoken"},
				{CorpID: otherCorp, API: "gettoken"}, {CorpID: otherCorp, AppID: foreign.ID, API: "gettoken"}},
			neighbour.ID: {{CorpID: commonCorp, API: "gettoken"}},
		} {
			onTenant(t, st, tenant, func(ctx context.Context, tx *store.TenantTx) error {
				for _, k := range keys {
					if _, err := tx.CountFailure(ctx, k, "quota", 1, r.told("x")); err != nil {
						return err
					}
				}
				return nil
			})
		}
		left := func(tenant core.TenantID) (list []string) {
			for _, line := range db.List(t, `SELECT corp_id || ' ' || subject FROM signet.call_pauses WHERE tenant_id = $1`, tenant.String()) {
				list = append(list, names.Replace(line))
			}
			slices.Sort(list)
			return list
		}
		remove := func(app core.AppID) {
			onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error { return tx.DeleteApp(ctx, app) })
		}
		theirs := left(neighbour.ID)
		require.Equal(t, []string{"common ", "common theirs"}, theirs)
		require.Equal(t, []string{"common ", "common ", "common first", "common second", "other ", "other foreign"}, left(r.ID))
		remove(r.App.ID)
		require.Equal(t, []string{"common ", "common ", "common second", "other ", "other foreign"}, left(r.ID), "the corp has an app yet")
		remove(second.ID)
		require.Equal(t, []string{"other ", "other foreign"}, left(r.ID))
		remove(foreign.ID)
		require.Empty(t, left(r.ID))
		require.Equal(t, theirs, left(neighbour.ID))
		onTenant(t, st, neighbour.ID, func(ctx context.Context, tx *store.TenantTx) error { return tx.DeleteTenant(ctx) })
		require.Empty(t, left(neighbour.ID), "and all of them with the tenant")
	})
}

// What counts as trouble, and which of two is worse.
func TestTroublesAreCountedAndOrdered(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		byID := map[core.TenantID]string{}
		tenant := func(name string, refusedAgo time.Duration, refused int64, secrets int, pauses map[fault.Code]int) core.TenantID {
			r := makeTenant(t, st, name)
			byID[r.ID] = name
			db.Exec(t, `DELETE FROM signet.refused_calls WHERE tenant_id = $1`, r.ID.String())
			db.Exec(t, `DELETE FROM signet.call_pauses WHERE tenant_id = $1`, r.ID.String())
			onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
				for i := range refused {
					if err := tx.CountRefusedCalls(ctx, "gettoken", 40001+int(i%2), 1, refusedAgo); err != nil {
						return err
					}
				}
				for i := range secrets {
					app := core.App{ID: core.NewAppID(), CorpID: commonCorp, AgentID: core.AgentID(fmt.Sprint(2000 + i)), Key: core.NewAppKey(), Name: name, Kind: core.SelfBuilt}
					if _, err := tx.CreateApp(ctx, app); err != nil {
						return err
					}
					if _, err := tx.CreateSecret(ctx, secretOf(app.ID, 1, name)); err != nil {
						return err
					}
					if err := tx.UpdateSecretOutcome(ctx, app.ID, 1, fault.SecretRejected); err != nil {
						return err
					}
				}
				for code, times := range pauses {
					for range times {
						k := store.PauseKey{CorpID: commonCorp, AppID: core.NewAppID(), API: "gettoken"}
						if _, err := tx.CountFailure(ctx, k, "refused", 1, fault.New(code, nil)); err != nil {
							return err
						}
						if err := tx.HoldPause(ctx, k, time.Minute); err != nil {
							return err
						}
					}
				}
				return nil
			})
			return r.ID
		}
		none := map[fault.Code]int{}
		tenant("nothing", 0, 0, 0, none)
		tenant("long ago", 62*time.Minute, 9, 0, none)
		tenant("one pause", 0, 0, 0, map[fault.Code]int{fault.IPRefused: 1})
		tenant("two pauses", 0, 0, 0, map[fault.Code]int{fault.IPRefused: 2})
		tenant("five pauses", 0, 0, 0, map[fault.Code]int{fault.IPRefused: 5})
		tenant("four pauses", 0, 0, 0, map[fault.Code]int{fault.IPRefused: 4})
		all := tenant("three pauses", 0, 0, 0, map[fault.Code]int{fault.IPRefused: 2, fault.WeComQuota: 1})
		tenant("one secret", 0, 0, 1, map[fault.Code]int{fault.IPRefused: 9})
		tenant("two secrets", 0, 0, 2, none)
		refused := tenant("one refused", 59*time.Minute, 1, 3, none)
		db.Exec(t, `UPDATE signet.refused_calls SET minute = now() - interval '60 minutes 30 seconds' WHERE tenant_id = $1`, refused.String())
		tenant("three refused", 0, 3, 0, none)
		former := tenant("a former secret", 0, 0, 1, none)
		db.Exec(t, `UPDATE signet.app_secrets SET state = 'previous', problem = 'secret.rejected' WHERE tenant_id = $1`, former.String())
		counted := tenant("only counted", 0, 0, 0, map[fault.Code]int{fault.IPRefused: 1})
		db.Exec(t, `UPDATE signet.call_pauses SET until = NULL WHERE tenant_id = $1`, counted.String())

		var troubles []store.Trouble
		onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) (err error) {
			troubles, err = tx.ListTroubles(ctx, 100)
			return err
		})
		var told []string
		for _, trouble := range troubles {
			require.Equal(t, byID[trouble.TenantID], trouble.Name)
			times := int64(0)
			for _, n := range trouble.Pauses {
				times += n
			}
			told = append(told, fmt.Sprintf("%s %d %d %d", trouble.Name, trouble.Refused, trouble.Secrets, times))
			if trouble.TenantID == all {
				require.Equal(t, map[fault.Code]int64{fault.IPRefused: 2, fault.WeComQuota: 1}, trouble.Pauses)
			}
		}
		require.Equal(t, []string{"three refused 3 0 0", "one refused 1 3 0", "two secrets 0 2 0", "one secret 0 1 9",
			"five pauses 0 0 5", "four pauses 0 0 4", "three pauses 0 0 3", "two pauses 0 0 2", "one pause 0 0 1"}, told)
	})
}
