package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

func scanDomain(row pgx.CollectableRow) (core.TrustedDomain, error) {
	var d core.TrustedDomain
	err := row.Scan(&d.ID, &d.AppID, &d.Host, &d.CreatedAt)
	return d, err
}

const insertDomain = `
INSERT INTO signet.trusted_domains (tenant_id, domain_id, app_id, host)
VALUES ($1, $2, $3, $4)
RETURNING domain_id, app_id, host, created_at`

// CreateDomain adds a trusted domain to an app. It fails with
// fault.DomainExists if the app has it already, with fault.AppUnknown if the
// tenant has no such app.
func (tx *TenantTx) CreateDomain(ctx context.Context, d core.TrustedDomain) (core.TrustedDomain, error) {
	return one(ctx, tx.tx, fault.InternalError, scanDomain, insertDomain, tx.tenantID, d.ID, d.AppID, d.Host)
}

const listDomains = `
SELECT domain_id, app_id, host, created_at
FROM signet.trusted_domains
WHERE tenant_id = $1 AND app_id = $2 AND (created_at, domain_id) < ($3, $4)
ORDER BY created_at DESC, domain_id DESC
LIMIT $5`

// ListDomains gives the trusted domains of an app, newest first.
func (tx *TenantTx) ListDomains(ctx context.Context, app core.AppID, p core.Page) (core.List[core.TrustedDomain], error) {
	after, err := parseMark(domainList, p.Cursor, checkID)
	if err != nil {
		return core.List[core.TrustedDomain]{}, err
	}
	items, err := all(ctx, tx.tx, scanDomain, listDomains, tx.tenantID, app, after.at, after.id, p.Limit+1)
	return page(domainList, items, p.Limit, func(d core.TrustedDomain) mark { return mark{d.CreatedAt, d.ID.String()} }), err
}

const countDomains = `
SELECT count(*)
FROM signet.trusted_domains
WHERE tenant_id = $1 AND app_id = $2`

// CountDomains tells how many trusted domains an app has.
func (tx *TenantTx) CountDomains(ctx context.Context, app core.AppID) (int, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[int], countDomains, tx.tenantID, app)
}

const deleteDomain = `
DELETE FROM signet.trusted_domains
WHERE tenant_id = $1 AND app_id = $2 AND domain_id = $3
RETURNING domain_id, app_id, host, created_at`

// DeleteDomain takes a trusted domain from an app and gives what it was, or
// fault.DomainUnknown.
func (tx *TenantTx) DeleteDomain(ctx context.Context, app core.AppID, domain core.DomainID) (core.TrustedDomain, error) {
	return one(ctx, tx.tx, fault.DomainUnknown, scanDomain, deleteDomain, tx.tenantID, app, domain)
}
