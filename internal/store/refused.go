package store

import (
	"context"
	"time"
)

const countRefusedCalls = `
INSERT INTO signet.refused_calls (tenant_id, minute, api, errcode, calls)
VALUES ($1, date_trunc('minute', now() - $2::interval), $3, $4, $5)
ON CONFLICT (tenant_id, minute, api, errcode) DO UPDATE SET calls = refused_calls.calls + EXCLUDED.calls`

// CountRefusedCalls notes that WeCom refused calls made for the tenant, that
// long ago.
func (tx *TenantTx) CountRefusedCalls(ctx context.Context, api string, errcode int, calls int64, ago time.Duration) error {
	_, err := tx.tx.Exec(ctx, countRefusedCalls, tx.tenantID, ago, api, errcode, calls)
	return translate(err)
}

// A minute counts until its last second is an hour old.
const (
	refusedCallsOfTenant = `
SELECT sum(calls)::bigint, extract(epoch FROM minute + interval '61 minutes' - now())::float8
FROM signet.refused_calls
WHERE tenant_id = $1 AND minute > now() - interval '61 minutes'
GROUP BY minute`

	refusedCallsOfAll = `
SELECT sum(calls)::bigint, extract(epoch FROM minute + interval '61 minutes' - now())::float8
FROM signet.refused_calls
WHERE minute > now() - interval '61 minutes'
GROUP BY minute`
)

// ListRefusedCalls gives the calls that WeCom has refused the tenant in the
// last hour, by minute and in no order. Minutes are the database's.
func (tx *TenantTx) ListRefusedCalls(ctx context.Context) ([]CallMinute, error) {
	return all(ctx, tx.tx, scanCallMinute, refusedCallsOfTenant, tx.tenantID)
}

// ListRefusedCalls gives those of the whole platform.
func (tx *SystemTx) ListRefusedCalls(ctx context.Context) ([]CallMinute, error) {
	return all(ctx, tx.tx, scanCallMinute, refusedCallsOfAll)
}
