package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/fault"
)

const countRefusedCall = `
INSERT INTO signet.refused_calls (tenant_id, hour, api, errcode, calls)
VALUES ($1, date_trunc('hour', now()), $2, $3, 1)
ON CONFLICT (tenant_id, hour, api, errcode) DO UPDATE SET calls = refused_calls.calls + 1`

// CountRefusedCall notes that WeCom refused a call made for the tenant.
func (tx *TenantTx) CountRefusedCall(ctx context.Context, api string, errcode int) error {
	_, err := tx.tx.Exec(ctx, countRefusedCall, tx.tenantID, api, errcode)
	return translate(err)
}

const sumRefusedCallsOfTenant = `
SELECT coalesce(sum(calls), 0)::bigint
FROM signet.refused_calls
WHERE tenant_id = $1 AND hour = date_trunc('hour', now())`

// RefusedCallsThisHour tells how many calls WeCom has refused the tenant since
// the hour began (database time).
func (tx *TenantTx) RefusedCallsThisHour(ctx context.Context) (int64, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[int64], sumRefusedCallsOfTenant, tx.tenantID)
}

const sumRefusedCalls = `
SELECT coalesce(sum(calls), 0)::bigint
FROM signet.refused_calls
WHERE hour = date_trunc('hour', now())`

// RefusedCallsThisHour tells how many calls WeCom has refused the whole
// platform since the hour began (database time).
func (tx *SystemTx) RefusedCallsThisHour(ctx context.Context) (int64, error) {
	return one(ctx, tx.tx, fault.InternalError, pgx.RowTo[int64], sumRefusedCalls)
}

const selectLeftOfHour = `
SELECT extract(epoch FROM date_trunc('hour', now()) + interval '1 hour' - now())::float8`

// LeftOfHour tells how long the hour of the ledger still lasts, by the clock
// that the ledger counts by: more than 0, at most an hour.
func (tx *TenantTx) LeftOfHour(ctx context.Context) (time.Duration, error) {
	seconds, err := one(ctx, tx.tx, fault.InternalError, pgx.RowTo[float64], selectLeftOfHour)
	return time.Duration(seconds * float64(time.Second)), err
}
