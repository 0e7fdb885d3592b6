package ticket_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/app/apptest"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/ticket"
)

// throwing is an observer that panics while it is told of loads from WeCom.
type throwing struct{ ticket.Observer }

func (o throwing) Loaded(kind core.TicketKind, from ticket.Source) {
	if from == ticket.FromWeCom {
		panic(&url.Error{Op: "Get", URL: "https://wecom.test.example/?corpsecret=" + apptest.Secret("first"), Err: errors.New("refused")})
	}
	o.Observer.Loaded(kind, from)
}

// A panic on the way of a ticket is the failure of who asked: the process, and the
// other tenants in it, go on, and the value is shown nowhere.
func TestAPanicInAFlightFailsThatFlightAlone(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	whole := n.Tickets.Observer
	n.Tickets.Observer = throwing{whole}
	_, err := n.Sign(t.Context(), n.app, page)
	require.True(t, fault.Has(err, fault.InternalError), "%v", err)
	require.Equal(t, 1, n.logged(`"panic":"a *url.Error"`), n.log.String())
	require.Contains(t, n.log.String(), "ticket_test.throwing.Loaded")
	require.NotContains(t, n.log.String()+err.Error(), apptest.Secret("first"))

	n.Tickets.Observer = whole
	n.mustSign(t)
}
