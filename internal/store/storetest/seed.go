package storetest

import (
	"context"
	"crypto/md5"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"signet/internal/core"
)

// SeededApp is the one app of a tenant that Seed has made.
type SeededApp struct {
	TenantID core.TenantID
	CorpID   core.CorpID
	AppID    core.AppID
	AgentID  core.AgentID
	Key      core.AppKey
	Hosts    []core.Host
}

// Seeded gives the app number i, from 1. It is the same in every database.
func Seeded(i int) SeededApp {
	return SeededApp{
		TenantID: core.TenantID{UUID: hashed("tenant", i)},
		CorpID:   core.CorpID(fmt.Sprintf("ww%08d", i)),
		AppID:    core.AppID{UUID: hashed("app", i)},
		AgentID:  "1000002",
		Key:      core.AppKey(hashed("key", i)),
		Hosts:    []core.Host{core.Host(fmt.Sprintf("crm%d.example.com", i)), core.Host(fmt.Sprintf("pages%d.example.com", i))},
	}
}

// hashed is how seedStatements draw ids out of numbers.
func hashed(noun string, i int) uuid.UUID { return md5.Sum(fmt.Appendf(nil, "%s %d", noun, i)) }

// Foreign keys would be checked row by row; what is made here keeps them.
var seedStatements = []string{
	`INSERT INTO signet.tenants (tenant_id, name)
	 SELECT md5('tenant ' || i)::uuid, 'Tenant ' || i FROM generate_series($1::int, $2::int) i`,
	`INSERT INTO signet.corps (tenant_id, corp_id)
	 SELECT md5('tenant ' || i)::uuid, 'ww' || lpad(i::text, 8, '0') FROM generate_series($1::int, $2::int) i`,
	`INSERT INTO signet.apps (tenant_id, app_id, corp_id, agent_id, app_key, name, kind, activation)
	 SELECT md5('tenant ' || i)::uuid, md5('app ' || i)::uuid, 'ww' || lpad(i::text, 8, '0'), '1000002',
	        decode(md5('key ' || i), 'hex'), 'App ' || i, 'self_built', 1
	 FROM generate_series($1::int, $2::int) i`,
	`INSERT INTO signet.app_secrets (tenant_id, app_id, version, state, activation, fingerprint, sealed, key_version)
	 SELECT md5('tenant ' || i)::uuid, md5('app ' || i)::uuid, 1, 'current', 1, md5('fingerprint ' || i),
	        decode(repeat(md5('sealed ' || i), 3), 'hex'), 1
	 FROM generate_series($1::int, $2::int) i`,
	`INSERT INTO signet.trusted_domains (tenant_id, domain_id, app_id, host)
	 SELECT md5('tenant ' || i)::uuid, md5(name || ' ' || i)::uuid, md5('app ' || i)::uuid, name || i || '.example.com'
	 FROM generate_series($1::int, $2::int) i, unnest(ARRAY['crm', 'pages']) name`,
}

// seedBatch is how many are made in one transaction.
const seedBatch = 100_000

// Seed fills an empty database with n tenants in one go: each has a corp, an
// app with a current secret (which opens with no key) and two trusted domains.
// 100,000 of them take some seconds.
func Seed(t testing.TB, db DB, n int) {
	t.Helper()
	for first := 1; first <= n; first += seedBatch {
		last := min(n, first+seedBatch-1)
		db.asSuperuser(t, func(ctx context.Context, conn *pgx.Conn) error {
			return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
				if _, err := tx.Exec(ctx, "SET LOCAL session_replication_role = replica"); err != nil {
					return err
				}
				for _, statement := range seedStatements {
					if _, err := tx.Exec(ctx, statement, first, last); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	db.asSuperuser(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "VACUUM ANALYZE") // or the first reader pays for it
		return err
	})
}
