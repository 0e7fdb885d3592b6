package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

func scanLegacyHost(row pgx.CollectableRow) (core.LegacyHost, error) {
	var h core.LegacyHost
	err := row.Scan(&h.Host, &h.TenantID, &h.AppID, &h.CreatedAt)
	return h, err
}

const insertLegacyHost = `
INSERT INTO signet.legacy_hosts (host, tenant_id, app_id)
VALUES ($1, $2, $3)
ON CONFLICT (host) DO NOTHING
RETURNING host, tenant_id, app_id, created_at`

const selectLegacyHost = `
SELECT host, tenant_id, app_id, created_at
FROM signet.legacy_hosts
WHERE host = $1`

// BindLegacyHost binds a host to an app. Binding it again to the same app
// changes nothing; it fails with fault.LegacyHostTaken where another app has
// it, with fault.AppUnknown where the tenant has no such app.
func (tx *PlatformTx) BindLegacyHost(ctx context.Context, h core.LegacyHost) (bound core.LegacyHost, made bool, err error) {
	bound, made, err = find(ctx, tx.tx, scanLegacyHost, insertLegacyHost, h.Host, h.TenantID, h.AppID)
	if err != nil || made {
		return bound, made, err
	}
	bound, found, err := find(ctx, tx.tx, scanLegacyHost, selectLegacyHost, h.Host)
	if err != nil {
		return core.LegacyHost{}, false, err
	}
	if !found || bound.TenantID != h.TenantID || bound.AppID != h.AppID { // not found: unbound this instant
		return core.LegacyHost{}, false, fault.New(fault.LegacyHostTaken, nil)
	}
	return bound, false, nil
}

const deleteLegacyHost = `
DELETE FROM signet.legacy_hosts
WHERE host = $1
RETURNING host, tenant_id, app_id, created_at`

// UnbindLegacyHost takes a binding away and gives what it was, or
// fault.LegacyHostUnknown.
func (tx *PlatformTx) UnbindLegacyHost(ctx context.Context, host core.Host) (core.LegacyHost, error) {
	return one(ctx, tx.tx, fault.LegacyHostUnknown, scanLegacyHost, deleteLegacyHost, host)
}

const listLegacyHosts = `
SELECT host, tenant_id, app_id, created_at
FROM signet.legacy_hosts
WHERE (created_at, host) < ($1, $2)
ORDER BY created_at DESC, host DESC
LIMIT $3`

// afterEveryHost sorts behind any host.
const afterEveryHost = "~"

// ListLegacyHosts gives the bound hosts, newest first.
func (tx *PlatformTx) ListLegacyHosts(ctx context.Context, p core.Page) (core.List[core.LegacyHost], error) {
	after := mark{at: farFuture.at, id: afterEveryHost}
	if p.Cursor != "" {
		var err error
		after, err = parseMark(legacyHostList, p.Cursor, checkHost)
		if err != nil {
			return core.List[core.LegacyHost]{}, err
		}
	}
	items, err := all(ctx, tx.tx, scanLegacyHost, listLegacyHosts, after.at, after.id, p.Limit+1)
	return page(legacyHostList, items, p.Limit, func(h core.LegacyHost) mark { return mark{h.CreatedAt, string(h.Host)} }), err
}

func checkHost(text string) error {
	_, err := core.ParseHost("?cursor", text)
	return err
}
