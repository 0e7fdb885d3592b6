package store_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"signet/internal/store"
)

// What is not a tenant's, and why. Every table that is not named here is held
// to the rules of tenant tables.
var platformTables = map[string]string{
	"signet.migration_marks":     "which files have run; nobody but they write it",
	"signet.legacy_hosts":        "a host is bound once on the whole platform, by an operator",
	"signet.deletions":           "whose tenants are gone; the list that is kept beside the backups",
	"signet.members":             "a person may belong to several tenants",
	"signet.sessions":            "of a person",
	"signet.refresh_tokens":      "of a person's session",
	"signet.session_keys":        "the platform's own",
	"signet.factors":             "of a person",
	"signet.recovery_codes":      "of a person",
	"signet.ceremonies":          "of whoever is about to come in",
	"signet.devices":             "of a person",
	"signet.tries":               "of whoever wants to come in",
	"signet.audit_keys":          "the platform's own",
	"signet.platform_answers":    "to calls that are about no tenant yet",
	"signet.platform_audit":      "the platform's own chain",
	"signet.platform_audit_head": "the platform's own chain",
	"signet_keys.root_keys":      "the platform's own",
	"signet_keys.root_key_wraps": "the platform's own",
	"signet_keys.platform_keys":  "the platform's own",
	feedTable:                    "the feed of all changes, written through both doors",
	"signet.change_log_trimmed":  "how far that feed was deleted",

	"signet.platform_invitations": "of the platform's people",
	"signet.resets":               "of a person",
	"signet.oidc_identities":      "of a person",
}

// ageBounds are what rows may be deleted for their age only: the rest of the
// table's policy, so that nothing younger goes by any statement.
var ageBounds = map[string]string{
	feedTable:           `(at < (now() - '24:00:00'::interval))`,
	"signet.sessions":   `(expires_at < (now() - '24:00:00'::interval))`,
	"signet.ceremonies": `(expires_at < (now() - '01:00:00'::interval))`,
	"signet.tries":      `(full_at < (now() - '01:00:00'::interval))`,
	"signet.devices":    `(used_at < (now() - '180 days'::interval))`,
	linksTable:          endedLinks,
	keysTable:           endedKeys,
	answersTable:        dayOldCalls,

	"signet.platform_answers": dayOldCalls,

	"signet.invitations":          endedLinks,
	"signet.platform_invitations": endedLinks,
	"signet.resets":               `(COALESCE(used_at, revoked_at, expires_at) < (now() - '7 days'::interval))`,
}

// keysBound are the tables of which rows are deleted behind the door of the keys
// alone: the rest of their policy.
var keysBound = []string{"signet_keys.root_keys", "signet_keys.root_key_wraps", "signet_keys.platform_keys"}

// turnedTable is what that door opens besides the platform's tables: the tenants'
// keys, to be read and wrapped anew.
const turnedTable = "signet_keys.tenant_keys"

const (
	feedTable  = "signet.change_log"
	linksTable = "signet.intake_links"
	keysTable  = "signet.api_keys"
	endedKeys  = `(LEAST(revoked_at, overlap_until, expires_at) < (now() - '90 days'::interval))`

	answersTable = "signet.idempotent_answers"
	dayOldCalls  = `(begun_at < (now() - '24:00:00'::interval))`

	endedLinks = `(COALESCE(used_at, revoked_at, expires_at) < (now() - '90 days'::interval))`
)

// withoutRowSecurity holds the one table that says the same to everyone.
var withoutRowSecurity = []string{"signet.migration_marks"}

// globalUnique holds the unique keys of tenant tables that do not begin with
// the tenant, and why they betray nothing.
var globalUnique = map[string]string{"apps_app_key": "128 random bits: nobody meets another's"}

// foreignToPlatform holds the foreign keys that lead from tenant tables to
// what is no tenant's.
var foreignToPlatform = map[string]string{
	"memberships_member": "members are the platform's, their ids random",
	"tenant_keys_root":   "root keys are the platform's, their epochs public",
}

// unnamedConstraints holds the unique and foreign keys that nobody outside can
// break, so that they have no code in faults.go.
var unnamedConstraints = map[string]string{
	"migration_marks_pkey":     "written by migrations",
	"tenants_pkey":             "ids are drawn at random",
	"apps_pkey":                "ids are drawn at random",
	"apps_app_key":             "keys are drawn at random",
	"trusted_domains_pkey":     "ids are drawn at random",
	"members_pkey":             "ids are drawn at random",
	"sessions_pkey":            "ids are drawn at random",
	"refresh_tokens_pkey":      "tokens are drawn at random",
	"session_keys_pkey":        "made under a lock",
	"factors_pkey":             "ids are drawn at random",
	"factors_member":           "a factor is added by its member",
	"recovery_codes_pkey":      "codes are drawn at random",
	"recovery_codes_member":    "codes are made with their member in hand",
	"ceremonies_pkey":          "tokens are drawn at random",
	"ceremonies_member":        "a ceremony begins with the member in hand",
	"devices_pkey":             "ON CONFLICT DO UPDATE",
	"devices_member":           "a device is known by who has just come in",
	"tries_pkey":               "ON CONFLICT DO UPDATE",
	"audit_keys_pkey":          "ids are drawn at random",
	"corps_pkey":               "a tenant is made with one corp, and none is added",
	"app_secrets_pkey":         "numbers are given under the app's lock",
	"app_secrets_one_pending":  "moves are made under the app's lock",
	"app_secrets_one_current":  "moves are made under the app's lock",
	"app_secrets_one_previous": "moves are made under the app's lock",
	"tickets_pkey":             "ON CONFLICT DO NOTHING",
	"intake_links_pkey":        "ids are drawn at random",
	"api_keys_pkey":            "ids are drawn at random",
	"idempotent_answers_pkey":  "ON CONFLICT DO UPDATE",
	"platform_answers_pkey":    "ON CONFLICT DO UPDATE",
	"wecom_people_corp":        "a person is bound through an app of the corp",
	"trial_grants_pkey":        "written under the app's lock, after those before were deleted",
	"trial_grants_secret":      "written under the app's lock, for a version that is there",
	"refused_calls_pkey":       "ON CONFLICT DO UPDATE",
	"ticket_leases_pkey":       "ON CONFLICT DO UPDATE",
	"calls_pkey":               "ON CONFLICT DO UPDATE",
	"call_pauses_pkey":         "ON CONFLICT DO UPDATE",
	"memberships_member":       "memberships are made with their member",
	"invitations_pkey":         "ids are drawn at random",
	"resets_pkey":              "ids are drawn at random",
	"resets_member":            "a reset is made with the member in hand",

	"platform_invitations_pkey": "ids are drawn at random",
	"oidc_identities_pkey":      "ids are drawn at random",
	"oidc_identities_subject":   "ON CONFLICT DO NOTHING",
	"oidc_identities_one_each":  "ON CONFLICT DO NOTHING",
	"oidc_identities_member":    "a member is bound while at hand",

	"sessions_member":          "a session begins with the member in hand",
	"refresh_tokens_session":   "a token is made with its session in hand",
	"root_keys_pkey":           "ON CONFLICT DO NOTHING",
	"root_key_wraps_pkey":      "ON CONFLICT DO NOTHING",
	"root_key_wraps_epoch":     "selected from the epochs there are",
	"tenant_keys_pkey":         "version 1 of a new tenant",
	"tenant_keys_root":         "CreateTenantKey and DeleteRootKeys name it by errors of their own",
	"platform_keys_pkey":       "ON CONFLICT DO NOTHING",
	"platform_keys_root":       "as tenant_keys_root, PutPlatformKey; the first platform key is made with the root key in hand",
	"audit_pkey":               "numbers are given under the head's lock",
	"audit_heads_pkey":         "ON CONFLICT DO NOTHING",
	"platform_audit_pkey":      "numbers are given under the head's lock",
	"platform_audit_head_pkey": "ON CONFLICT DO NOTHING",
	"deletions_pkey":           "ON CONFLICT DO UPDATE",
	"change_log_pkey":          "an identity column",
	"change_log_trimmed_pkey":  "ON CONFLICT DO UPDATE",
}

const (
	tenantWall   = `(tenant_id = ( SELECT (NULLIF(current_setting('signet.tenant'::text, true), ''::text))::uuid AS "nullif"))`
	platformWall = `(( SELECT current_setting('signet.platform'::text, true) AS current_setting) = 'on'::text)`
	keysWall     = `(( SELECT current_setting('signet.keys'::text, true) AS current_setting) = 'on'::text)`
	feedWall     = `(` + tenantWall + ` OR ` + platformWall + `)`
)

// trimmed holds the tenant tables whose old rows the platform's door deletes, and
// by what it knows them.
var trimmed = map[string]string{
	"signet.calls":         `(minute < (now() - '02:00:00'::interval))`,
	"signet.refused_calls": `(minute < (now() - '02:00:00'::interval))`,
	"signet.call_pauses":   `(COALESCE(until, since) < (now() - '02:00:00'::interval))`,
	"signet.trial_grants":  `(fetched_at < (now() - '00:10:00'::interval))`,
	linksTable:             endedLinks,
	keysTable:              endedKeys,
	answersTable:           dayOldCalls,
	"signet.invitations":   endedLinks,
}

// oldRows gives the one condition of each of them.
func oldRows() []string {
	var list []string
	for table, old := range trimmed {
		list = append(list, table+" ("+platformWall+" AND "+old+")")
	}
	return list
}

// withTables names what the rules speak of. $1: tables that are no tenant's,
// $2: the feed, $3: tables without row security, $4: global unique keys,
// $5: foreign keys to the platform's tables, $6: the walls of the tenant, the
// platform and the feed, $7: tables that are trimmed and what is old in them,
// $8 and $9: tables with an age bound, and the bounds, $10: those that the keys'
// door bounds, $11: the one of the tenants' that it opens, $12: its wall.
const withTables = `
WITH given AS (SELECT $1::text[] AS platform, $2::text AS feed, $3::text[] AS bare, $4::text[] AS uniques, $5::text[] AS listed, $6::text[] AS walls, $7::text[] AS olds,
               $10::text[] AS bound_by_keys, $11::text AS turned, $12::text AS keys_wall),
bounds AS (SELECT * FROM unnest($8::text[], $9::text[]) AS b (name, bound)),
ours AS (
    SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relname, c.relkind, c.relowner, c.relacl, c.reloptions,
           c.relrowsecurity, c.relforcerowsecurity,
           NOT (n.nspname || '.' || c.relname = ANY (platform)) AS tenants
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, given
    WHERE n.nspname IN ('signet', 'signet_keys')
),
tables AS (SELECT * FROM ours WHERE relkind IN ('r', 'p')),
logins AS (SELECT oid, rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname IN ('signet_app', 'signet_system')),
keys AS (
    SELECT t.name, t.tenants, i.indisprimary, x.relname AS index,
           (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = i.indkey[0]) AS leads
    FROM tables t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid
    WHERE i.indisunique
),
walls AS (
    SELECT t.name, t.tenants, p.polname, p.polcmd, p.polpermissive, pg_get_expr(p.polqual, t.oid) AS qual, pg_get_expr(p.polwithcheck, t.oid) AS checks,
           ARRAY(SELECT coalesce(r.rolname, 'PUBLIC') FROM unnest(p.polroles) o LEFT JOIN pg_roles r ON r.oid = o)::text[] AS roles,
           CASE WHEN t.name = feed THEN given.walls[3] WHEN t.tenants THEN given.walls[1] ELSE given.walls[2] END AS due,
           CASE WHEN t.tenants OR t.name = feed THEN 'tenant_wall' ELSE 'platform_wall' END AS due_name
    FROM tables t JOIN pg_policy p ON p.polrelid = t.oid, given
),
grants AS (
    SELECT o.name, o.relkind, NULL AS col, a.grantee, a.privilege_type, o.relowner FROM ours o, aclexplode(o.relacl) a WHERE a.grantee <> o.relowner
    UNION ALL
    SELECT o.name, o.relkind, c.attname, a.grantee, a.privilege_type, o.relowner
    FROM ours o JOIN pg_attribute c ON c.attrelid = o.oid, aclexplode(c.attacl) a
)`

// catalogueRules give one sentence for each thing that is wrong.
var catalogueRules = map[string]string{
	"a tenant table has a tenant_id that is never null": `
SELECT name || ' has no tenant_id uuid NOT NULL' FROM tables t
WHERE tenants AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'tenant_id' AND a.attnotnull AND a.atttypid = 'uuid'::regtype)`,
	"every table has a primary key": `
SELECT name || ' has no primary key' FROM tables t
WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary)`,
	"the tenant leads every unique key of a tenant table": `
SELECT name || ': unique key ' || index || ' begins with ' || coalesce(leads, 'an expression') FROM keys, given
WHERE tenants AND leads IS DISTINCT FROM 'tenant_id' AND NOT (index::text = ANY (uniques))`,
	"a foreign key to a tenant table includes the tenant": `
SELECT t.name || ': foreign key ' || k.conname || ' to ' || o.name || ' leaves the tenant out'
FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f' JOIN tables o ON o.oid = k.confrelid
WHERE o.tenants AND NOT EXISTS (
    SELECT FROM unnest(k.conkey, k.confkey) AS pair(mine, theirs)
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = mine JOIN pg_attribute b ON b.attrelid = o.oid AND b.attnum = theirs
    WHERE a.attname = 'tenant_id' AND b.attname = 'tenant_id')`,
	"a foreign key from a tenant table to the platform is listed": `
SELECT t.name || ': foreign key ' || k.conname || ' leads to ' || o.name
FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f' JOIN tables o ON o.oid = k.confrelid, given
WHERE t.tenants AND NOT o.tenants AND NOT (k.conname::text = ANY (listed))`,
	"the two schemas do not lead into each other": `
SELECT t.name || ': foreign key ' || k.conname || ' crosses from one schema to the other'
FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f' JOIN tables o ON o.oid = k.confrelid
WHERE split_part(t.name, '.', 1) <> split_part(o.name, '.', 1)`,
	"row security is enabled and forced": `
SELECT name || ' has no row security enabled' FROM tables, given WHERE NOT relrowsecurity AND NOT (name = ANY (bare))
UNION ALL
SELECT name || ' has no row security forced' FROM tables, given WHERE NOT relforcerowsecurity AND NOT (name = ANY (bare))`,
	"every table has its wall": `
SELECT t.name || ' has no wall for signet_app' FROM tables t, given
WHERE NOT (t.name = ANY (bare)) AND NOT EXISTS (SELECT FROM walls w WHERE w.name = t.name AND w.polname = w.due_name)`,
	"a policy is the wall, the system's reading, the trimming of what is old, the door of the keys or a bound, and nothing else": `
SELECT w.name || ': policy ' || polname || ' is not the one wall' FROM given, walls w LEFT JOIN bounds b ON b.name = w.name
WHERE NOT coalesce(polname = due_name AND polcmd = '*' AND polpermissive AND roles = '{signet_app}' AND qual = due AND checks IS NULL, false)
  AND NOT coalesce((polname, polcmd) IN (('platform_finds_old', 'r'), ('platform_trims', 'd')) AND polpermissive AND roles = '{signet_app}'
      AND w.name || ' ' || qual = ANY (olds) AND checks IS NULL, false)
  AND NOT coalesce(polname = 'system_reads' AND polcmd = 'r' AND polpermissive AND roles = '{signet_system}' AND qual = 'true' AND checks IS NULL, false)
  AND NOT coalesce((polname, polcmd) IN (('keys_read', 'r'), ('keys_rewrap', 'w')) AND polpermissive AND roles = '{signet_app}'
      AND w.name = turned AND qual = keys_wall AND checks IS NULL, false)
  AND NOT coalesce(polname = 'keys_bound' AND polcmd = 'd' AND NOT polpermissive AND roles = '{signet_app}'
      AND w.name = ANY (bound_by_keys) AND qual = keys_wall AND checks IS NULL, false)
  AND NOT coalesce(polname = 'age_bound' AND polcmd = 'd' AND NOT polpermissive AND roles = '{signet_app}' AND qual = b.bound AND checks IS NULL, false)`,
	"what goes for its age is bounded by it": `
SELECT b.name || ' has no age bound' FROM bounds b
WHERE NOT EXISTS (SELECT FROM walls w WHERE w.name = b.name AND w.polname = 'age_bound')`,
	"the platform's keys are deleted behind the door of the keys alone": `
SELECT b.name || ' has no keys bound' FROM given, unnest(bound_by_keys) AS b (name)
WHERE NOT EXISTS (SELECT FROM walls w WHERE w.name = b.name AND w.polname = 'keys_bound')`,
	"nothing of the platform's is deleted at any age, but for bound hosts": `
SELECT g.name || ': signet_app has DELETE' FROM grants g, given
WHERE g.grantee = 'signet_app'::regrole AND g.privilege_type = 'DELETE' AND g.name = ANY (platform)
  AND g.name <> 'signet.legacy_hosts' AND g.name NOT IN (SELECT name FROM bounds) AND NOT (g.name = ANY (bound_by_keys))`,
	"the login roles own nothing": `
SELECT o.name || ' is owned by ' || l.rolname FROM ours o JOIN logins l ON l.oid = o.relowner WHERE o.relkind <> 'i'
UNION ALL
SELECT 'schema ' || n.nspname || ' is owned by ' || l.rolname FROM pg_namespace n JOIN logins l ON l.oid = n.nspowner
UNION ALL
SELECT 'the database is owned by ' || l.rolname FROM pg_database d JOIN logins l ON l.oid = d.datdba WHERE d.datname = current_database()`,
	"there are two login roles, and they have no power": `
SELECT 'there are not two login roles' WHERE (SELECT count(*) FROM logins) <> 2
UNION ALL
SELECT rolname || ' has a power of its own' FROM logins WHERE rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication
UNION ALL
SELECT l.rolname || ' is member of ' || r.rolname FROM pg_auth_members m JOIN logins l ON l.oid = m.member JOIN pg_roles r ON r.oid = m.roleid
UNION ALL
SELECT l.rolname || ' has a setting of its own' FROM pg_db_role_setting s JOIN logins l ON l.oid = s.setrole`,
	"nothing is granted to PUBLIC or to a stranger": `
SELECT g.name || coalesce('.' || g.col, '') || ': ' || g.privilege_type || ' is granted to ' || coalesce(r.rolname, 'PUBLIC')
FROM grants g LEFT JOIN pg_roles r ON r.oid = g.grantee
WHERE g.grantee NOT IN (SELECT oid FROM logins)
UNION ALL
SELECT 'schema ' || n.nspname || ': ' || a.privilege_type || ' is granted to ' || coalesce(r.rolname, 'PUBLIC')
FROM pg_namespace n, aclexplode(n.nspacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE n.nspname IN ('signet', 'signet_keys') AND a.grantee <> n.nspowner
  AND NOT (a.grantee IN (SELECT oid FROM logins) AND a.privilege_type = 'USAGE' AND NOT a.is_grantable)
UNION ALL
SELECT 'default privileges grant ' || a.privilege_type FROM pg_default_acl d, aclexplode(d.defaclacl) a WHERE a.grantee <> d.defaclrole`,
	"signet_system reads, and nothing secret": `
SELECT name || coalesce('.' || col, '') || ': signet_system has ' || privilege_type FROM grants, given
WHERE grantee = 'signet_system'::regrole
  AND (privilege_type <> 'SELECT' OR col IS NULL AND NOT (name = ANY (bare))
       OR col IN ('sealed', 'wrapped', 'mac', 'password_hash', 'token_hash', 'fingerprint')
       OR col = 'hash' AND name NOT IN ('signet.audit_heads', 'signet.platform_audit_head'))`,
	"signet_app has rows and nothing else": `
SELECT name || coalesce('.' || col, '') || ': signet_app has ' || privilege_type FROM grants
WHERE grantee = 'signet_app'::regrole AND privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
UNION ALL
SELECT name || ': signet_app has UPDATE on the whole of it' FROM grants WHERE grantee = 'signet_app'::regrole AND privilege_type = 'UPDATE' AND col IS NULL
UNION ALL
SELECT name || '.' || col || ': signet_app has UPDATE on a key' FROM grants
WHERE grantee = 'signet_app'::regrole AND privilege_type = 'UPDATE' AND col IN ('tenant_id', 'app_id', 'corp_id', 'domain_id', 'member_id', 'session_id', 'app_key')
UNION ALL
SELECT name || ': signet_app has ' || privilege_type FROM grants, given
WHERE grantee = 'signet_app'::regrole AND name = ANY (bare) AND privilege_type <> 'SELECT'`,
	"audit is read and appended to": `
SELECT name || ': signet_app has ' || privilege_type FROM grants
WHERE grantee = 'signet_app'::regrole AND name IN ('signet.audit', 'signet.platform_audit') AND privilege_type NOT IN ('SELECT', 'INSERT')`,
	"sequences are granted to nobody": `
SELECT name || ' is granted' FROM grants WHERE relkind = 'S'`,
	"views look with the eyes of who asks": `
SELECT name || ' is a view without security_invoker' FROM ours WHERE relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)
UNION ALL
SELECT name || ' is of a kind that row security does not hold for' FROM ours WHERE relkind IN ('m', 'f')
UNION ALL
SELECT name || ' inherits' FROM tables t JOIN pg_inherits i ON t.oid IN (i.inhrelid, i.inhparent)`,
	"there are no functions, triggers and rules of ours": `
SELECT 'function ' || p.proname || CASE WHEN p.prosecdef THEN ' is SECURITY DEFINER' ELSE ' is not listed' END
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
UNION ALL
SELECT t.name || ' has trigger ' || g.tgname FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid WHERE NOT g.tgisinternal
UNION ALL
SELECT t.name || ' has rule ' || r.rulename FROM tables t JOIN pg_rewrite r ON r.ev_class = t.oid`,
	"constraints have names that were chosen": `
SELECT t.name || ': constraint ' || k.conname || ' has the name that Postgres gives' FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid
WHERE k.contype NOT IN ('n', 'p') AND k.conname ~ '_(key|fkey|check|excl)[0-9]*$' AND k.conname <> 'apps_app_key'`,
	"constraints hold for every row": `
SELECT t.name || ': constraint ' || k.conname || ' is not validated' FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid WHERE NOT k.convalidated`,
}

// reader is a connection or a transaction.
type reader interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// lint gives what is wrong with the catalogue, sorted.
func lint(t testing.TB, q reader) []string {
	t.Helper()
	var wrong []string
	for _, rule := range catalogueRules {
		wrong = append(wrong, ruleSays(t, q, rule)...)
	}
	wrong = append(wrong, lintFaults(t, q)...)
	slices.Sort(wrong)
	return wrong
}

func ruleSays(t testing.TB, q reader, rule string) []string {
	t.Helper()
	bounded := slices.Sorted(maps.Keys(ageBounds))
	bounds := make([]string, len(bounded))
	for i, table := range bounded {
		bounds[i] = ageBounds[table]
	}
	rows, err := q.Query(t.Context(), withTables+rule,
		slices.Collect(maps.Keys(platformTables)), feedTable, withoutRowSecurity,
		slices.Collect(maps.Keys(globalUnique)), slices.Collect(maps.Keys(foreignToPlatform)), []string{tenantWall, platformWall, feedWall},
		oldRows(), bounded, bounds, keysBound, turnedTable, keysWall)
	require.NoError(t, err, rule)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err, rule)
	return found
}

// lintFaults holds the unique and foreign keys against the table of faults.go.
func lintFaults(t testing.TB, q reader) (wrong []string) {
	t.Helper()
	rows, err := q.Query(t.Context(), `
SELECT k.conname::text FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
WHERE n.nspname IN ('signet', 'signet_keys') AND k.contype IN ('u', 'p', 'f', 'x')
UNION
SELECT x.relname::text FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace n ON n.oid = x.relnamespace
WHERE n.nspname IN ('signet', 'signet_keys') AND i.indisunique`)
	require.NoError(t, err)
	breakable, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, name := range breakable {
		_, coded := store.ConstraintCodes[name]
		_, listed := unnamedConstraints[name]
		if coded == listed {
			wrong = append(wrong, fmt.Sprintf("constraint %s: has a code in faults.go: %t, is listed as unbreakable: %t", name, coded, listed))
		}
	}
	for _, list := range [][]string{slices.Collect(maps.Keys(store.ConstraintCodes)), slices.Collect(maps.Keys(unnamedConstraints))} {
		for _, name := range list {
			if !slices.Contains(breakable, name) {
				wrong = append(wrong, fmt.Sprintf("constraint %s does not exist", name))
			}
		}
	}
	return wrong
}
