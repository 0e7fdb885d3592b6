package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// Trouble is what is wrong with a tenant's calls to WeCom.
type Trouble struct {
	TenantID core.TenantID
	Name     string
	Refused  int64                // calls that WeCom refused in the last hour
	Secrets  int64                // current secrets with which WeCom has a problem
	Pauses   map[fault.Code]int64 // that hold, by what callers are told
}

const listTroubles = `
WITH refused AS (
    SELECT tenant_id, sum(calls)::bigint AS calls
    FROM signet.refused_calls
    WHERE minute > now() - interval '61 minutes'
    GROUP BY tenant_id
),
pauses AS (
    SELECT tenant_id, sum(times)::bigint AS times, jsonb_object_agg(code, times) AS codes
    FROM (SELECT tenant_id, code, count(*) AS times FROM signet.call_pauses WHERE until > now() GROUP BY tenant_id, code) p
    GROUP BY tenant_id
),
secrets AS (
    SELECT tenant_id, count(*) AS ailing
    FROM signet.app_secrets
    WHERE state = 'current' AND problem <> ''
    GROUP BY tenant_id
)
SELECT t.tenant_id, t.name, coalesce(r.calls, 0), coalesce(s.ailing, 0), coalesce(p.codes, '{}'::jsonb)
FROM refused r FULL JOIN pauses p USING (tenant_id) FULL JOIN secrets s USING (tenant_id) JOIN signet.tenants t USING (tenant_id)
ORDER BY coalesce(r.calls, 0) DESC, coalesce(s.ailing, 0) DESC, coalesce(p.times, 0) DESC, t.tenant_id
LIMIT $1`

// ListTroubles gives the tenants with whom something is wrong, the worst first:
// refused calls endanger everyone, then come secrets, then pauses.
func (tx *SystemTx) ListTroubles(ctx context.Context, limit int) ([]Trouble, error) {
	return all(ctx, tx.tx, func(row pgx.CollectableRow) (Trouble, error) {
		var t Trouble
		err := row.Scan(&t.TenantID, &t.Name, &t.Refused, &t.Secrets, &t.Pauses)
		return t, err
	}, listTroubles, limit)
}
