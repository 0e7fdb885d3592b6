package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// SigningApp is what signing needs to know of an app. Nothing in it is secret.
type SigningApp struct {
	TenantID        core.TenantID
	AppID           core.AppID
	Key             core.AppKey
	CorpID          core.CorpID
	AgentID         core.AgentID
	AllowHTTP       bool
	Strict          bool
	ServerOnly      bool
	TenantSuspended bool
	AppSuspended    bool
	SecretVersion   int32 // current; 0: none
	Hosts           []core.Host
}

// One row for each app with its hosts, in one pass over the three tables.
const selectSigningApps = `
SELECT a.tenant_id, a.app_id, a.app_key, a.corp_id, a.agent_id, a.allow_http, a.strict, a.server_only,
       t.status = 'suspended', a.status = 'suspended', coalesce(s.version, 0), d.hosts
FROM signet.apps a
JOIN signet.tenants t ON t.tenant_id = a.tenant_id
LEFT JOIN signet.app_secrets s ON s.tenant_id = a.tenant_id AND s.app_id = a.app_id AND s.state = 'current'
LEFT JOIN `

const (
	hostsOfEveryApp = `(
    SELECT tenant_id, app_id, array_agg(host ORDER BY host) AS hosts
    FROM signet.trusted_domains
    GROUP BY tenant_id, app_id
) d ON d.tenant_id = a.tenant_id AND d.app_id = a.app_id`

	hostsOfOneApp = `LATERAL (
    SELECT array_agg(d.host ORDER BY d.host) AS hosts
    FROM signet.trusted_domains d
    WHERE d.tenant_id = a.tenant_id AND d.app_id = a.app_id
) d ON true`

	selectEverySigningApp  = selectSigningApps + hostsOfEveryApp
	selectSigningAppsNamed = selectSigningApps + hostsOfOneApp + `
WHERE a.app_key = ANY ($1::bytea[]) OR a.tenant_id = ANY ($2::uuid[])`
)

// A million apps take longer than any other statement may.
const patienceForEveryApp = `SELECT set_config('statement_timeout', '10min', true)`

// EachSigningApp hands every app of the platform to visit, in no order. The
// value handed over is reused: visit copies what it keeps.
func (tx *SystemTx) EachSigningApp(ctx context.Context, visit func(*SigningApp)) error {
	if _, err := one(ctx, tx.tx, fault.InternalError, pgx.RowTo[string], patienceForEveryApp); err != nil {
		return err
	}
	return eachSigningApp(ctx, tx.tx, visit, selectEverySigningApp)
}

// EachSigningAppNamed does so for the named apps and for all apps of the named
// tenants. Those that are gone are not visited.
func (tx *SystemTx) EachSigningAppNamed(ctx context.Context, keys []core.AppKey, tenants []core.TenantID, visit func(*SigningApp)) error {
	rawKeys := make([][]byte, len(keys))
	for i := range keys {
		rawKeys[i] = keys[i][:]
	}
	ids := make([]string, len(tenants))
	for i, id := range tenants {
		ids[i] = id.String()
	}
	return eachSigningApp(ctx, tx.tx, visit, selectSigningAppsNamed, rawKeys, ids)
}

func eachSigningApp(ctx context.Context, tx querier, visit func(*SigningApp), sql string, args ...any) error {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return translate(err)
	}
	var a SigningApp
	var tenantID, appID [16]byte
	var key []byte
	// ForEachRow scans into the same variables for every row, which is what
	// keeps loading a hundred thousand of them close to the bare select.
	_, err = pgx.ForEachRow(rows, []any{&tenantID, &appID, &key, &a.CorpID, &a.AgentID, &a.AllowHTTP, &a.Strict, &a.ServerOnly,
		&a.TenantSuspended, &a.AppSuspended, &a.SecretVersion, &a.Hosts}, func() error {
		a.TenantID.UUID, a.AppID.UUID = tenantID, appID
		copy(a.Key[:], key)
		visit(&a)
		return nil
	})
	return translate(err)
}

const selectLegacyHosts = `
SELECT l.host, a.app_key
FROM signet.legacy_hosts l
JOIN signet.apps a ON a.tenant_id = l.tenant_id AND a.app_id = l.app_id`

// EachLegacyHost hands every bound host and the key of its app to visit.
func (tx *SystemTx) EachLegacyHost(ctx context.Context, visit func(core.Host, core.AppKey)) error {
	rows, err := tx.tx.Query(ctx, selectLegacyHosts)
	if err != nil {
		return translate(err)
	}
	var host core.Host
	var raw []byte
	_, err = pgx.ForEachRow(rows, []any{&host, &raw}, func() error {
		var key core.AppKey
		copy(key[:], raw)
		visit(host, key)
		return nil
	})
	return translate(err)
}

const selectLegacyHostApp = `
SELECT a.app_key
FROM signet.legacy_hosts l
JOIN signet.apps a ON a.tenant_id = l.tenant_id AND a.app_id = l.app_id
WHERE l.host = $1`

// FindLegacyHostApp gives the key of the app that a host is bound to.
func (tx *SystemTx) FindLegacyHostApp(ctx context.Context, host core.Host) (key core.AppKey, found bool, err error) {
	raw, found, err := find(ctx, tx.tx, pgx.RowTo[[]byte], selectLegacyHostApp, host)
	copy(key[:], raw)
	return key, found, err
}
