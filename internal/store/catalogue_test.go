package store_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"signet/internal/store/storetest"
)

func TestCatalogueIsAsTheDesignWantsIt(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		require.Empty(t, lint(t, connect(t, db.SuperuserURL())))
	})
}

func TestListsOfTheCatalogueNameOnlyWhatIsThere(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		there := db.List(t, `SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('signet', 'signet_keys')`)
		require.Subset(t, there, slices.Collect(maps.Keys(platformTables)))
		require.Subset(t, there, withoutRowSecurity)
		constraints := db.List(t, `SELECT conname::text FROM pg_constraint`)
		require.Subset(t, constraints, slices.Collect(maps.Keys(globalUnique)))
		require.Subset(t, constraints, slices.Collect(maps.Keys(foreignToPlatform)))
	})
}

// A linter that finds nothing might look at nothing: each of these must make
// it speak, of that and of nothing else.
var catalogueMutants = []struct {
	name, statement string
	says            []string
}{
	{"row security is not forced", `ALTER TABLE signet.tickets NO FORCE ROW LEVEL SECURITY`,
		[]string{"signet.tickets has no row security forced"}},
	{"row security is disabled", `ALTER TABLE signet.apps DISABLE ROW LEVEL SECURITY`,
		[]string{"signet.apps has no row security enabled"}},
	{"row security is disabled on a platform table", `ALTER TABLE signet.members DISABLE ROW LEVEL SECURITY`,
		[]string{"signet.members has no row security enabled"}},
	{"a new table without anything", `CREATE TABLE signet.notes (tenant_id uuid, text text)`,
		[]string{"signet.notes has no primary key", "signet.notes has no row security enabled", "signet.notes has no row security forced",
			"signet.notes has no tenant_id uuid NOT NULL", "signet.notes has no wall for signet_app"}},
	{"the wall is gone", `DROP POLICY tenant_wall ON signet.app_secrets`,
		[]string{"signet.app_secrets has no wall for signet_app"}},
	{"a second policy lets everyone in", `CREATE POLICY open ON signet.corps TO signet_app USING (true)`,
		[]string{"signet.corps: policy open is not the one wall"}},
	{"the wall is open", `ALTER POLICY tenant_wall ON signet.corps USING (true)`,
		[]string{"signet.corps: policy tenant_wall is not the one wall"}},
	{"the wall is for everybody", `ALTER POLICY tenant_wall ON signet.corps TO PUBLIC`,
		[]string{"signet.corps: policy tenant_wall is not the one wall"}},
	{"the wall is on another setting", `ALTER POLICY tenant_wall ON signet.corps USING (tenant_id = current_setting('other.tenant')::uuid)`,
		[]string{"signet.corps: policy tenant_wall is not the one wall"}},
	{"the wall has a door for writing", `ALTER POLICY tenant_wall ON signet.corps WITH CHECK (true)`,
		[]string{"signet.corps: policy tenant_wall is not the one wall"}},
	{"the platform deletes what is not old", `ALTER POLICY platform_trims ON signet.calls USING ((SELECT current_setting('signet.platform', true)) = 'on')`,
		[]string{"signet.calls: policy platform_trims is not the one wall"}},
	{"a tenant deletes what is old of others", `ALTER POLICY platform_trims ON signet.call_pauses USING (coalesce(until, since) < now() - interval '2 hours')`,
		[]string{"signet.call_pauses: policy platform_trims is not the one wall"}},
	{"the platform changes what is old", `CREATE POLICY platform_mends ON signet.calls FOR UPDATE TO signet_app USING ((SELECT current_setting('signet.platform', true)) = 'on' AND minute < now() - interval '2 hours')`,
		[]string{"signet.calls: policy platform_mends is not the one wall"}},
	{"a platform table opens to tenants", `ALTER POLICY platform_wall ON signet.session_keys USING (true)`,
		[]string{"signet.session_keys: policy platform_wall is not the one wall"}},
	{"the age bound is gone", `DROP POLICY age_bound ON signet.change_log`,
		[]string{"signet.change_log has no age bound"}},
	{"the age bound is nearer", `ALTER POLICY age_bound ON signet.sessions USING (expires_at < now())`,
		[]string{"signet.sessions: policy age_bound is not the one wall"}},
	{"an age bound that opens instead of closing", `
DROP POLICY age_bound ON signet.sessions;
CREATE POLICY age_bound ON signet.sessions FOR DELETE TO signet_app USING (expires_at < now() - interval '24 hours')`,
		[]string{"signet.sessions: policy age_bound is not the one wall"}},
	{"root keys are deleted through any door", `DROP POLICY keys_bound ON signet_keys.root_keys`,
		[]string{"signet_keys.root_keys has no keys bound"}},
	{"wraps are deleted through the platform's door", `ALTER POLICY keys_bound ON signet_keys.root_key_wraps USING ((SELECT current_setting('signet.platform', true)) = 'on')`,
		[]string{"signet_keys.root_key_wraps: policy keys_bound is not the one wall"}},
	{"the platform's own key is deleted through any door", `DROP POLICY keys_bound ON signet_keys.platform_keys`,
		[]string{"signet_keys.platform_keys has no keys bound"}},
	{"the door of the keys opens to everyone", `ALTER POLICY keys_read ON signet_keys.tenant_keys USING (true)`,
		[]string{"signet_keys.tenant_keys: policy keys_read is not the one wall"}},
	{"the door of the keys opens another table", `CREATE POLICY keys_read ON signet.app_secrets FOR SELECT TO signet_app USING ((SELECT current_setting('signet.keys', true)) = 'on')`,
		[]string{"signet.app_secrets: policy keys_read is not the one wall"}},
	{"the door of the keys destroys keys", `CREATE POLICY keys_delete ON signet_keys.tenant_keys FOR DELETE TO signet_app USING ((SELECT current_setting('signet.keys', true)) = 'on')`,
		[]string{"signet_keys.tenant_keys: policy keys_delete is not the one wall"}},
	{"the app deletes members", `GRANT DELETE ON signet.members TO signet_app`,
		[]string{"signet.members: signet_app has DELETE"}},
	{"the system may write by policy", `CREATE POLICY system_writes ON signet.apps FOR UPDATE TO signet_system USING (true)`,
		[]string{"signet.apps: policy system_writes is not the one wall"}},
	{"a foreign key without the tenant", `
ALTER TABLE signet.apps ADD CONSTRAINT apps_id UNIQUE (tenant_id, app_id, corp_id);
ALTER TABLE signet.refused_calls ADD app_id uuid;
CREATE UNIQUE INDEX ids ON signet.apps (app_id);
ALTER TABLE signet.refused_calls ADD CONSTRAINT refused_calls_app FOREIGN KEY (app_id) REFERENCES signet.apps (app_id)`,
		[]string{"constraint apps_id: has a code in faults.go: false, is listed as unbreakable: false",
			"constraint ids: has a code in faults.go: false, is listed as unbreakable: false",
			"constraint refused_calls_app: has a code in faults.go: false, is listed as unbreakable: false",
			"signet.apps: unique key ids begins with app_id",
			"signet.refused_calls: foreign key refused_calls_app to signet.apps leaves the tenant out"}},
	{"a foreign key into the other schema", `
ALTER TABLE signet_keys.tenant_keys ADD CONSTRAINT tenant_keys_tenant FOREIGN KEY (tenant_id) REFERENCES signet.tenants (tenant_id)`,
		[]string{"constraint tenant_keys_tenant: has a code in faults.go: false, is listed as unbreakable: false",
			"signet_keys.tenant_keys: foreign key tenant_keys_tenant crosses from one schema to the other"}},
	{"a foreign key to a table of the platform", `
ALTER TABLE signet.apps ADD owner_id uuid, ADD CONSTRAINT apps_owner FOREIGN KEY (owner_id) REFERENCES signet.members (member_id)`,
		[]string{"constraint apps_owner: has a code in faults.go: false, is listed as unbreakable: false",
			"signet.apps: foreign key apps_owner leads to signet.members"}},
	{"a unique index over all tenants", `CREATE UNIQUE INDEX trusted_domains_host_once ON signet.trusted_domains (host)`,
		[]string{"constraint trusted_domains_host_once: has a code in faults.go: false, is listed as unbreakable: false",
			"signet.trusted_domains: unique key trusted_domains_host_once begins with host"}},
	{"a unique index on an expression", `CREATE UNIQUE INDEX tenants_name_once ON signet.tenants (lower(name))`,
		[]string{"constraint tenants_name_once: has a code in faults.go: false, is listed as unbreakable: false",
			"signet.tenants: unique key tenants_name_once begins with an expression"}},
	{"a grant to PUBLIC", `GRANT SELECT ON signet.tenants TO PUBLIC`,
		[]string{"signet.tenants: SELECT is granted to PUBLIC"}},
	{"a grant of a column to PUBLIC", `GRANT SELECT (name) ON signet.tenants TO PUBLIC`,
		[]string{"signet.tenants.name: SELECT is granted to PUBLIC"}},
	{"a schema open to PUBLIC", `GRANT USAGE ON SCHEMA signet_keys TO PUBLIC`,
		[]string{"schema signet_keys: USAGE is granted to PUBLIC"}},
	{"a schema that the app may fill", `GRANT CREATE ON SCHEMA signet TO signet_app`,
		[]string{"schema signet: CREATE is granted to signet_app"}},
	{"default privileges", `ALTER DEFAULT PRIVILEGES IN SCHEMA signet GRANT SELECT ON TABLES TO signet_system`,
		[]string{"default privileges grant SELECT"}},
	{"a role with BYPASSRLS", `ALTER ROLE signet_system BYPASSRLS`,
		[]string{"signet_system has a power of its own"}},
	{"a role that makes roles", `ALTER ROLE signet_app CREATEROLE`,
		[]string{"signet_app has a power of its own"}},
	{"a role that is the owner's member", `CREATE ROLE other_owner; GRANT other_owner TO signet_app`,
		[]string{"signet_app is member of other_owner"}},
	{"a role with the setting built in", `ALTER ROLE signet_app SET signet.platform = 'on'`,
		[]string{"signet_app has a setting of its own"}},
	{"a table of the app's own", `ALTER TABLE signet.corps OWNER TO signet_app`,
		[]string{"signet.corps is owned by signet_app"}},
	{"the system sees a sealed column", `GRANT SELECT (sealed) ON signet.app_secrets TO signet_system`,
		[]string{"signet.app_secrets.sealed: signet_system has SELECT"}},
	{"the system sees a whole table", `GRANT SELECT ON signet.tickets TO signet_system`,
		[]string{"signet.tickets: signet_system has SELECT"}},
	{"the system writes", `GRANT INSERT (tenant_id) ON signet.refused_calls TO signet_system`,
		[]string{"signet.refused_calls.tenant_id: signet_system has INSERT"}},
	{"the app truncates", `GRANT TRUNCATE ON signet.change_log TO signet_app`,
		[]string{"signet.change_log: signet_app has TRUNCATE"}},
	{"the app moves a row to another tenant", `GRANT UPDATE (tenant_id) ON signet.corps TO signet_app`,
		[]string{"signet.corps.tenant_id: signet_app has UPDATE on a key"}},
	{"the app rewrites its audit", `GRANT UPDATE (detail) ON signet.audit TO signet_app`,
		[]string{"signet.audit: signet_app has UPDATE"}},
	{"the app marks migrations", `GRANT INSERT ON signet.migration_marks TO signet_app`,
		[]string{"signet.migration_marks: signet_app has INSERT"}},
	{"a security definer function", `CREATE FUNCTION signet.peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM signet.apps'`,
		[]string{"function peek is SECURITY DEFINER"}},
	{"a view with its owner's eyes", `CREATE VIEW signet.every_app AS SELECT * FROM signet.apps`,
		[]string{"signet.every_app is a view without security_invoker"}},
	{"a materialised view", `CREATE MATERIALIZED VIEW signet.every_app AS SELECT * FROM signet.apps`,
		[]string{"signet.every_app is of a kind that row security does not hold for"}},
	{"a sequence that is granted", `GRANT USAGE ON SEQUENCE signet.change_log_seq_seq TO signet_system`,
		[]string{"signet.change_log_seq_seq is granted", "signet.change_log_seq_seq: signet_system has USAGE"}},
	{"a tenant that may be null", `
ALTER TABLE signet.refused_calls DROP CONSTRAINT refused_calls_pkey;
ALTER TABLE signet.refused_calls ALTER tenant_id DROP NOT NULL;
ALTER TABLE signet.refused_calls ADD CONSTRAINT refused_calls_pkey PRIMARY KEY (minute, api, errcode)`,
		[]string{"signet.refused_calls has no tenant_id uuid NOT NULL", "signet.refused_calls: unique key refused_calls_pkey begins with minute"}},
	{"a primary key that the tenant does not lead", `
ALTER TABLE signet.trusted_domains DROP CONSTRAINT trusted_domains_pkey;
ALTER TABLE signet.trusted_domains ADD CONSTRAINT trusted_domains_pkey PRIMARY KEY (domain_id, tenant_id)`,
		[]string{"signet.trusted_domains: unique key trusted_domains_pkey begins with domain_id"}},
	{"a constraint without a name of ours", `ALTER TABLE signet.tenants ADD CHECK (version > 0)`,
		[]string{"signet.tenants: constraint tenants_version_check has the name that Postgres gives"}},
	{"a constraint that was renamed", `ALTER TABLE signet.apps RENAME CONSTRAINT apps_agent TO apps_agents`,
		[]string{"constraint apps_agent does not exist", "constraint apps_agents: has a code in faults.go: false, is listed as unbreakable: false"}},
	{"a constraint that is not checked", `ALTER TABLE signet.tenants ADD CONSTRAINT tenants_old CHECK (version > 0) NOT VALID`,
		[]string{"signet.tenants: constraint tenants_old is not validated"}},
	{"a table that inherits", `CREATE TABLE signet.old_corps (PRIMARY KEY (tenant_id, corp_id)) INHERITS (signet.corps)`,
		[]string{"constraint old_corps_pkey: has a code in faults.go: false, is listed as unbreakable: false",
			"signet.corps inherits", "signet.old_corps has no row security enabled", "signet.old_corps has no row security forced",
			"signet.old_corps has no wall for signet_app", "signet.old_corps inherits"}},
}

func TestLinterFindsEveryMutant(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		conn := connect(t, db.SuperuserURL())
		for _, mutant := range catalogueMutants {
			t.Run(mutant.name, func(t *testing.T) {
				tx, err := conn.Begin(t.Context())
				require.NoError(t, err)
				defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
				_, err = tx.Exec(t.Context(), mutant.statement, pgx.QueryExecModeSimpleProtocol)
				require.NoError(t, err)
				require.Equal(t, mutant.says, lint(t, tx))
			})
		}
	})
}

func TestEveryRuleOfTheLinterHasAMutant(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		conn := connect(t, db.SuperuserURL())
		spoke := map[string]bool{}
		for _, mutant := range catalogueMutants {
			tx, err := conn.Begin(t.Context())
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), mutant.statement, pgx.QueryExecModeSimpleProtocol)
			require.NoError(t, err)
			for name, rule := range catalogueRules {
				if len(ruleSays(t, tx, rule)) > 0 {
					spoke[name] = true
				}
			}
			require.NoError(t, tx.Rollback(t.Context()))
		}
		require.ElementsMatch(t, slices.Collect(maps.Keys(catalogueRules)), slices.Collect(maps.Keys(spoke)))
	})
}

// There is no account that was there before somebody made it.
func TestANewDatabaseHasNobodyInIt(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, table := range []string{"members", "memberships", "sessions", "api_keys", "invitations", "tenants"} {
		require.Equal(t, []string{"0"}, db.List(t, "SELECT count(*)::text FROM signet."+table), table)
	}
}
