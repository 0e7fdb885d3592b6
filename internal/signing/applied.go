package signing

import (
	"sync/atomic"

	"signet/internal/store"
)

// applied counts changes that are in force on this node.
type applied struct{ tenants, apps, secrets, legacyHosts, tickets, apiKeys atomic.Int64 }

func (a *applied) of(kind store.ChangeKind) *atomic.Int64 {
	switch kind {
	case store.TenantChanged:
		return &a.tenants
	case store.AppChanged:
		return &a.apps
	case store.SecretChanged:
		return &a.secrets
	case store.LegacyHostChanged:
		return &a.legacyHosts
	case store.TicketChanged:
		return &a.tickets
	case store.APIKeyChanged:
		return &a.apiKeys
	}
	return nil
}

func (a *applied) add(changes []store.Change) {
	for _, c := range changes {
		if count := a.of(c.Kind); count != nil {
			count.Add(1)
		}
	}
}

// Applied tells how many changes of a kind the change feed has brought into
// force here.
func (s *Signer) Applied(kind store.ChangeKind) int64 {
	if count := s.applied.of(kind); count != nil {
		return count.Load()
	}
	return 0
}
