package ticket_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/ticket"
)

// wakeUps are so many that looking by oneself takes far longer: the time tells
// which of the two it was, on a busy machine as well.
const wakeUps = 20

// longTurn is for turns of another node that do not end by themselves between two
// wake-ups. One twice as long as any would count as over.
const longTurn = ticket.LeaseTime * 3 / 2

// awaitsTurn lets the node wait for a turn that is another's. It has looked once when
// this returns.
func (n node) awaitsTurn(t *testing.T) (anothers *store.Turn, signed <-chan error) {
	t.Helper()
	anothers = &store.Turn{}
	n.inTenant(t, func(tx *store.TenantTx) error { return takeTurn(t, tx, anothers) })
	ended := make(chan error, 1)
	go func() { _, err := n.signConfig(t.Context(), n.app); ended <- err }()
	n.awaitLook(t)
	return anothers, ended
}

func takeTurn(t *testing.T, tx *store.TenantTx, into *store.Turn) error {
	t.Helper()
	turn, _, ok, err := tx.TakeTurn(t.Context(), core.CorpTicket, store.TicketSubject{CorpID: corp}, uuid.New(), longTurn)
	require.True(t, ok || err != nil)
	*into = turn
	return err
}

func (n node) inTenant(t *testing.T, work func(*store.TenantTx) error) {
	t.Helper()
	require.NoError(t, n.Store.Tenant(t.Context(), core.System("test"), n.tenant.ID, work))
}

func (n node) endTurn(t *testing.T, turn *store.Turn) {
	t.Helper()
	n.inTenant(t, func(tx *store.TenantTx) error { _, err := tx.EndTurn(t.Context(), *turn); return err })
}

// awaitLook waits until somebody has seen that the turn is another's.
func (n node) awaitLook(t *testing.T) {
	t.Helper()
	n.awaitRows(t, "true", `SELECT awaited::text FROM signet.ticket_leases WHERE kind = 'corp_ticket'`)
}

// requireWoken holds that each wake-up lets the waiting node look at once.
func (n node) requireWoken(t *testing.T, wake func()) {
	t.Helper()
	alone := ticket.LooksTake(wakeUps)
	begun := time.Now()
	for range wakeUps {
		wake()
		n.awaitLook(t)
	}
	took := time.Since(begun)
	t.Logf("%d looks in %v; by itself it would have been %v", wakeUps, took.Round(time.Millisecond), alone)
	require.Less(t, took, alone/2)
}

// A node that waits is woken when the holder's turn ends: each time the holder ends
// its turn, and begins another, the node looks.
func TestTheEndOfATurnWakesWhoWaits(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	waits := n.cluster(t, 2)[1]
	anothers, signed := waits.awaitsTurn(t)
	n.requireWoken(t, func() {
		n.inTenant(t, func(tx *store.TenantTx) error {
			if _, err := tx.EndTurn(t.Context(), *anothers); err != nil {
				return err
			}
			return takeTurn(t, tx, anothers)
		})
	})
	n.endTurn(t, anothers)
	require.NoError(t, <-signed)
}

// Who may have missed the end of a turn looks again.
func TestAReloadWakesWhoWaits(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	anothers, signed := n.awaitsTurn(t)
	n.requireWoken(t, func() {
		n.inTenant(t, func(tx *store.TenantTx) error {
			_, err := tx.RenewTurn(t.Context(), *anothers, longTurn)
			return err
		})
		n.DB.Exec(t, `UPDATE signet.ticket_leases SET awaited = false`)
		_, err := n.Signer.Reload(t.Context())
		require.NoError(t, err)
	})
	n.endTurn(t, anothers)
	require.NoError(t, <-signed)
}
