package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

func put(ctx context.Context, st *store.Store, r tenantRows, kind core.TicketKind, whose store.TicketSubject, row store.TicketRow) (written bool, err error) {
	err = st.Tenant(ctx, someone, r.ID, func(tx *store.TenantTx) (err error) {
		written, err = tx.PutTicket(ctx, kind, whose, row)
		return err
	})
	return written, err
}

func held(t *testing.T, st *store.Store, r tenantRows, kind core.TicketKind, whose store.TicketSubject) (row store.TicketRow, found bool) {
	t.Helper()
	onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) (err error) {
		row, found, err = tx.FindTicket(ctx, kind, whose)
		return err
	})
	return row, found
}

func TestOfTwoWritersOfOneGenerationOneWins(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		for generation := int64(1); generation <= 4; generation++ { // of the agent ticket there is none yet
			var won atomic.Int64
			var winner atomic.Value
			var group errgroup.Group
			for writer := range 8 {
				group.Go(func() error {
					value := fmt.Sprintf("value %d of writer %d", generation, writer)
					written, err := put(t.Context(), st, r, core.AgentTicket, r.appSubject(), r.ticket(generation, value))
					if written {
						won.Add(1)
						winner.Store(value)
					}
					return err
				})
			}
			require.NoError(t, group.Wait())
			require.EqualValues(t, 1, won.Load())
			row, found := held(t, st, r, core.AgentTicket, r.appSubject())
			require.True(t, found)
			require.Equal(t, winner.Load(), string(row.Sealed))
			require.Equal(t, generation, row.Generation)
		}
		// One who slept, and one who is ahead of what is there.
		for _, generation := range []int64{1, 2, 4, 6} {
			written, err := put(t.Context(), st, r, core.AgentTicket, r.appSubject(), r.ticket(generation, "late"))
			require.NoError(t, err)
			require.False(t, written)
		}
	})
}

func TestTicketIsForgottenByItsGeneration(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		forget := func(generation int64) {
			onTenant(t, st, r.ID, func(ctx context.Context, tx *store.TenantTx) error {
				return tx.DeleteTicket(ctx, core.AccessToken, r.appSubject(), generation)
			})
		}
		written, err := put(t.Context(), st, r, core.AccessToken, r.appSubject(), r.ticket(2, "second"))
		require.NoError(t, err)
		require.True(t, written)
		forget(1)
		row, found := held(t, st, r, core.AccessToken, r.appSubject())
		require.True(t, found, "a newer one was forgotten with it")
		require.Equal(t, "second", string(row.Sealed))
		forget(3)
		_, found = held(t, st, r, core.AccessToken, r.appSubject())
		require.True(t, found, "an older one was forgotten with it")
		for generation := int64(1); generation <= 2; generation++ {
			_, err = put(t.Context(), st, r, core.AgentTicket, r.appSubject(), r.ticket(generation, "of another kind"))
			require.NoError(t, err)
		}
		forget(2)
		_, found = held(t, st, r, core.AccessToken, r.appSubject())
		require.False(t, found)
		forget(2) // twice is no error
		_, found = held(t, st, r, core.CorpTicket, r.corpSubject())
		require.True(t, found)
		_, found = held(t, st, r, core.AgentTicket, r.appSubject())
		require.True(t, found)
	})
}

func TestTicketIsReadAsItWasWritten(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		sent := r.ticket(2, "second")
		sent.Repeated, sent.SecretVersion, sent.KeyVersion = true, 7, 3
		written, err := put(t.Context(), st, r, core.CorpTicket, r.corpSubject(), sent)
		require.NoError(t, err)
		require.True(t, written)
		got, _ := held(t, st, r, core.CorpTicket, r.corpSubject())
		require.WithinDuration(t, sent.FetchedAt, got.FetchedAt, 1000)
		require.WithinDuration(t, sent.ExpiresAt, got.ExpiresAt, 1000)
		got.FetchedAt, got.ExpiresAt = sent.FetchedAt, sent.ExpiresAt
		require.Equal(t, sent, got)
	})
}

func TestTicketOfAnAppOrCorpThatIsGoneIsNotStored(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		_, err := put(t.Context(), st, r, core.AgentTicket, store.TicketSubject{AppID: core.NewAppID()}, r.ticket(1, "x"))
		require.Equal(t, fault.AppUnknown, codeOf(err))
		_, err = put(t.Context(), st, r, core.CorpTicket, store.TicketSubject{CorpID: "ww_unknown_corp"}, r.ticket(1, "x"))
		require.Equal(t, fault.CorpUnknown, codeOf(err))
		// And no kind is stored under a subject of the other sort.
		_, err = put(t.Context(), st, r, core.CorpTicket, r.appSubject(), r.ticket(1, "x"))
		require.ErrorContains(t, err, "tickets_subject")
		_, err = put(t.Context(), st, r, core.AgentTicket, r.corpSubject(), r.ticket(1, "x"))
		require.ErrorContains(t, err, "tickets_subject")
	})
}

// A renewal may be told of an older use than the row knows, or of none: the row
// keeps the latest.
func TestTheLatestUseStaysWithTheTicket(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		r := makeTenant(t, st, "alpha")
		fresh := r.ticket(1, "value")
		_, err := put(t.Context(), st, r, core.AccessToken, r.appSubject(), fresh)
		require.NoError(t, err)
		require.Equal(t, []string{"true"}, db.List(t, `SELECT (used_at IS NULL)::text FROM signet.tickets WHERE kind = 'access_token'`), "not known")
		noon := time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)
		for i, step := range []struct{ told, want time.Time }{
			{noon, noon}, {noon.Add(time.Hour), noon.Add(time.Hour)}, {noon, noon.Add(time.Hour)}, {time.Time{}, noon.Add(time.Hour)},
		} {
			row := r.ticket(int64(i+1), "value")
			row.UsedAt = step.told
			written, err := put(t.Context(), st, r, core.AgentTicket, r.appSubject(), row)
			require.NoError(t, err)
			require.True(t, written)
			used := db.List(t, `SELECT to_char(used_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SSZ') FROM signet.tickets WHERE kind = 'agent_ticket'`)
			require.Equal(t, []string{step.want.Format(time.RFC3339)}, used, "step %d", i)
		}
	})
}

func TestAppsInUseAreThoseOfWhichATicketLivesThatWasUsed(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		st := db.Open(t)
		now := time.Now().Truncate(time.Microsecond)
		since := now.Add(-24 * time.Hour)
		want := map[core.AppKey]time.Time{}
		for name, c := range map[string]struct {
			kinds       []core.TicketKind
			used, ends  []time.Duration // from now
			inUse       bool
			asItIsNoted time.Duration
		}{
			"one ticket":          {[]core.TicketKind{core.AgentTicket}, []time.Duration{-time.Hour}, []time.Duration{time.Hour}, true, -time.Hour},
			"the later counts":    {[]core.TicketKind{core.AgentTicket, core.CorpTicket}, []time.Duration{-2 * time.Hour, -time.Hour}, []time.Duration{time.Hour, time.Hour}, true, -time.Hour},
			"at the very bounds":  {[]core.TicketKind{core.AgentTicket}, []time.Duration{-24 * time.Hour}, []time.Duration{time.Microsecond}, true, -24 * time.Hour},
			"used too long ago":   {[]core.TicketKind{core.AgentTicket}, []time.Duration{-24*time.Hour - time.Second}, []time.Duration{time.Hour}, false, 0},
			"ended":               {[]core.TicketKind{core.AgentTicket}, []time.Duration{-time.Hour}, []time.Duration{0}, false, 0},
			"a token":             {[]core.TicketKind{core.AccessToken}, []time.Duration{-time.Hour}, []time.Duration{time.Hour}, false, 0},
			"one used, one alive": {[]core.TicketKind{core.AgentTicket, core.CorpTicket}, []time.Duration{-time.Hour, -25 * time.Hour}, []time.Duration{-time.Hour, time.Hour}, false, 0},
		} {
			r := makeTenant(t, st, strings.NewReplacer(" ", "-", ",", "").Replace(name))
			db.Exec(t, `DELETE FROM signet.tickets WHERE tenant_id = $1`, r.ID.String())
			for i, kind := range c.kinds {
				whose := r.appSubject()
				if kind == core.CorpTicket {
					whose = r.corpSubject()
				}
				row := r.ticket(1, name)
				row.UsedAt, row.ExpiresAt = now.Add(c.used[i]), now.Add(c.ends[i])
				written, err := put(t.Context(), st, r, kind, whose, row)
				require.NoError(t, err)
				require.True(t, written)
			}
			if c.inUse {
				want[r.App.Key] = now.Add(c.asItIsNoted).UTC()
			}
		}
		onSystem(t, st, func(ctx context.Context, tx *store.SystemTx) error {
			list, err := tx.ListAppsInUse(ctx, since, now)
			got := map[core.AppKey]time.Time{}
			for _, a := range list {
				require.NotContains(t, got, a.Key, "twice")
				got[a.Key] = a.UsedAt.UTC()
			}
			require.Equal(t, want, got)
			return err
		})
	})
}
