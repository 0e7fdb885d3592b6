package store_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

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
		forget(2)
		_, found = held(t, st, r, core.AccessToken, r.appSubject())
		require.False(t, found)
		forget(2) // twice is no error
		_, found = held(t, st, r, core.CorpTicket, r.corpSubject())
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
