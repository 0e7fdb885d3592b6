package ticket_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/fault"
)

// A node that ends lets its flights land as long as there is time, whoever waits
// for them.
func TestCloseWaitsForFlights(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	signed := n.signHeldUp(t)
	closed := make(chan struct{})
	go func() { n.Tickets.Close(t.Context()); close(closed) }()
	select {
	case <-closed:
		t.Fatal("it did not wait")
	case <-time.After(50 * time.Millisecond):
	}
	n.WeCom.Release()
	require.NoError(t, <-signed)
	<-closed
}

// What is left then ends, and its turn is over for the other nodes at once.
func TestCloseGivesTurnsBack(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	other := n.restart(t)
	signed := n.signHeldUp(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n.Tickets.Close(ctx)
	require.Equal(t, []string{"0"}, n.DB.List(t, `SELECT count(*)::text FROM signet.ticket_leases WHERE ends_at > clock_timestamp()`))
	require.True(t, fault.Has(<-signed, fault.WeComUnavailable))
	n.mustRefuse(t, fault.StoreUnavailable) // nothing sets out any more
	n.WeCom.Release()
	other.mustSign(t)
	n.Tickets.Close(ctx) // once more does no harm
}
