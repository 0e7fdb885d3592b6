package admin

import (
	"context"

	"signet/internal/core"
	"signet/internal/store"
)

// ListAudit gives a tenant's audit, newest first.
func (a *Actions) ListAudit(ctx context.Context, actor core.Actor, tenant core.TenantID, p core.Page) (core.List[core.AuditRow], error) {
	return read(ctx, a, actor, tenant, core.AuditRead, func(tx *store.TenantTx) (core.List[core.AuditRow], error) {
		return tx.ListAudit(ctx, p)
	})
}
