package ticket_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/fault"
	"signet/internal/wecom"
	"signet/internal/wecom/wecomtest"
)

// A node that ends lets its flights land as long as there is time, whoever waits
// for them, and then none sets out.
func TestCloseWaitsForFlights(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.WeCom.Inject(wecomtest.Fault{API: wecom.GetToken, Behaviour: wecomtest.Hang, Times: 1})
	signed := make(chan error, 1)
	go func() { _, err := n.signConfig(t.Context(), n.app); signed <- err }()
	n.awaitHanging(t, 1)
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
	require.Zero(t, n.since(func() {
		_, err := n.signAgentConfig(t.Context(), n.app)
		require.Error(t, err)
	}))
	require.Equal(t, []string{"0"}, n.DB.List(t, `SELECT count(*)::text FROM signet.ticket_leases WHERE kind = 'agent_ticket'`))
}

// Nor where nothing was under way: it would take a turn that nobody gives back.
func TestNothingSetsOutAfterClose(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.Tickets.Close(t.Context())
	require.Zero(t, n.since(func() { n.mustRefuse(t, fault.StoreUnavailable) }))
	require.Equal(t, []string{"0"}, n.DB.List(t, `SELECT count(*)::text FROM signet.ticket_leases`))
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
