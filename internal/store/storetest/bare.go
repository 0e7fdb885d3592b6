package storetest

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// The rows that a node reads when it starts, as plainly as they can be asked
// for.
const bareSelect = `
SELECT a.tenant_id, a.app_id, a.app_key, a.corp_id, a.agent_id, a.allow_http, a.strict,
       t.status, a.status, s.version, d.hosts
FROM signet.apps a
JOIN signet.tenants t ON t.tenant_id = a.tenant_id
LEFT JOIN signet.app_secrets s ON s.tenant_id = a.tenant_id AND s.app_id = a.app_id AND s.state = 'current'
LEFT JOIN (
    SELECT tenant_id, app_id, array_agg(host) AS hosts
    FROM signet.trusted_domains
    GROUP BY tenant_id, app_id
) d ON d.tenant_id = a.tenant_id AND d.app_id = a.app_id`

// BareSelect reads what a node reads when it starts, decodes nothing and keeps
// nothing, and gives the number of rows. Benchmarks compare with it.
func BareSelect(ctx context.Context, db DB) (int, error) {
	conn, err := pgx.Connect(ctx, db.SystemURL)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, err := conn.Query(ctx, bareSelect)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}
