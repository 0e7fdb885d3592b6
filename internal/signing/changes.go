package signing

import (
	"context"

	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/ticket"
)

// Apply makes changes known to this node: apps, domains, bound hosts and API keys that
// they name are read again, and tokens and tickets that are nobody's any more
// are forgotten. It fails with fault.StoreUnavailable, and then the same changes
// must come again; applying one twice does no harm. What is read through tx must be
// newer than the changes. Only one may run at a time.
func (s *Signer) Apply(ctx context.Context, tx *store.SystemTx, changes []store.Change) error {
	gone, err := s.directory.apply(ctx, tx, changes)
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
		case store.TenantChanged, store.AppChanged, store.LegacyHostChanged, store.APIKeyChanged:
		}
	}
	s.applied.add(changes)
	return nil
}

// Reload reads everything anew, for who may have missed changes, and gives the
// place in the feed from which to go on. Nobody knows which changes those were: so
// every access token is forgotten, whose secret may have been rotated, and so is
// everything of apps and corps that are gone. Tickets stay, which depend on no
// secret. It fails with fault.StoreUnavailable, and then everything stays.
func (s *Signer) Reload(ctx context.Context) (store.FeedPosition, error) {
	from, err := s.directory.Load(ctx)
	if err != nil {
		return from, err
	}
	apps, corps := s.directory.served()
	s.tickets.ForgetMissed(apps, corps)
	s.ahead.warmAgain()
	return from, nil
}

// forgetCorps forgets the corps of gone apps of which their tenant has none left.
func (s *Signer) forgetCorps(gone []ticket.App) {
	corps := map[ticket.CorpOf]bool{}
	for _, app := range gone {
		corps[ticket.CorpOf{Tenant: app.TenantID, Corp: app.CorpID}] = true
	}
	s.directory.dropServed(corps)
	for c := range corps {
		s.tickets.ForgetCorp(c.Tenant, c.Corp)
	}
}

// ForgetTimes drops what may be held for too long because this node's clock was
// wrong and has just been set back. Tickets are read again from their rows.
func (s *Signer) ForgetTimes() {
	s.tickets.ForgetTimes()
	s.directory.forgetTickets()
	s.ahead.forgetRests()
	s.ahead.warmAgain()
}
