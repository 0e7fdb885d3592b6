package signing

import (
	"context"

	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/ticket"
)

// Apply makes changes known to this node: apps, domains and bound hosts that
// they name are read again, and tokens and tickets that are nobody's any more
// are forgotten. It fails with fault.StoreUnavailable, and then the same changes
// must come again; applying one twice does no harm. Only one may run at a time.
func (s *Signer) Apply(ctx context.Context, changes []store.Change) error {
	gone, err := s.directory.apply(ctx, changes)
	for _, app := range gone {
		s.tickets.Forget(app.TenantID, app.AppID, core.AccessToken, core.AgentTicket)
	}
	s.forgetCorps(gone)
	if err != nil {
		return err
	}
	for _, c := range changes {
		switch c.Kind {
		case store.SecretChanged:
			s.tickets.Forget(c.TenantID, c.AppID, core.AccessToken)
			s.tickets.Wake(c.TenantID)
		case store.TicketChanged:
			s.tickets.Wake(c.TenantID)
		case store.TenantChanged, store.AppChanged, store.LegacyHostChanged:
		}
	}
	s.applied.add(changes)
	return nil
}

// forgetCorps forgets the corps of gone apps of which their tenant has none left.
func (s *Signer) forgetCorps(gone []ticket.App) {
	corps := map[corpOf]bool{}
	for _, app := range gone {
		corps[corpOf{app.TenantID, app.CorpID}] = true
	}
	s.directory.dropServed(corps)
	for c := range corps {
		s.tickets.ForgetCorp(c.tenant, c.corp)
	}
}
