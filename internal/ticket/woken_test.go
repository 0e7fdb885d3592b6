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

// awaitsTurn lets the node wait for a turn that is another's, which the test gives
// back with end. It has looked once when this returns.
func (n node) awaitsTurn(t *testing.T) (end func(*store.TenantTx) error, signed <-chan error) {
	t.Helper()
	whose := store.TicketSubject{CorpID: corp}
	var held store.Turn
	take := func(tx *store.TenantTx) error {
		turn, _, ok, err := tx.TakeTurn(t.Context(), core.CorpTicket, whose, uuid.New(), time.Hour)
		require.True(t, ok || err != nil)
		held = turn
		return err
	}
	n.inTenant(t, take)
	ended := make(chan error, 1)
	go func() { _, err := n.signConfig(t.Context(), n.app); ended <- err }()
	n.awaitLook(t)
	return func(tx *store.TenantTx) error {
		_, err := tx.EndTurn(t.Context(), held)
		if err != nil {
			return err
		}
		return take(tx)
	}, ended
}

func (n node) inTenant(t *testing.T, work func(*store.TenantTx) error) {
	t.Helper()
	require.NoError(t, n.Store.Tenant(t.Context(), core.System("test"), n.tenant.ID, work))
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
	end, signed := waits.awaitsTurn(t)
	n.requireWoken(t, func() { n.inTenant(t, end) })
	n.DB.Exec(t, `UPDATE signet.ticket_leases SET ends_at = now() WHERE kind = 'corp_ticket'`)
	require.NoError(t, <-signed)
}

// Who may have missed the end of a turn looks again.
func TestAReloadWakesWhoWaits(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	_, signed := n.awaitsTurn(t)
	n.requireWoken(t, func() {
		n.DB.Exec(t, `UPDATE signet.ticket_leases SET awaited = false`)
		_, err := n.Signer.Reload(t.Context())
		require.NoError(t, err)
	})
	n.DB.Exec(t, `UPDATE signet.ticket_leases SET ends_at = now() WHERE kind = 'corp_ticket'`)
	require.NoError(t, <-signed)
}
