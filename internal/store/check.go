package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// minServerVersion is Postgres 15 in the server's own counting.
const minServerVersion = 150000

// check looks, in one round trip for each pool, at what would make a running
// server unsafe: a role that walks through row security, another database,
// another schema, the two roles mixed up.
func (s *Store) check(ctx context.Context) error {
	newest, err := newestMigration()
	if err != nil {
		return err
	}
	tenants, err := checkPool(ctx, s.tenants, tenantKey, newest)
	if err != nil {
		return err
	}
	system, err := checkPool(ctx, s.system, systemKey, newest)
	if err != nil {
		return err
	}
	return checkPair(tenants, system)
}

// The keys under which the addresses are configured, for messages.
const (
	tenantKey  = "SIGNET_DATABASE_URL"
	systemKey  = "SIGNET_SYSTEM_DATABASE_URL"
	migrateKey = "SIGNET_MIGRATE_DATABASE_URL"
)

// The powers that make row security void, for the session's role and the
// current one, held or inherited through membership at any depth. A role that
// may SET ROLE to an owner is as good as the owner, one with CREATEROLE can
// make itself such a member, and one that runs programs or writes files on the
// server can make itself a superuser. What has no right on the schema is found
// in the catalogue, which refuses nobody.
const selectRole = `
WITH RECURSIVE reach AS (
    SELECT r.oid, r.rolname, r.rolsuper, r.rolbypassrls, r.rolcreaterole
    FROM pg_catalog.pg_roles r
    WHERE r.rolname IN (session_user, current_user)
    UNION
    SELECT r.oid, r.rolname, r.rolsuper, r.rolbypassrls, r.rolcreaterole
    FROM reach
    JOIN pg_catalog.pg_auth_members m ON m.member = reach.oid
    JOIN pg_catalog.pg_roles r ON r.oid = m.roleid
)
SELECT current_setting('server_version_num')::int,
       session_user::text, current_user::text,
       current_database()::text, (SELECT system_identifier::text FROM pg_catalog.pg_control_system()),
       EXISTS (SELECT FROM reach WHERE rolsuper OR rolname IN ('pg_execute_server_program', 'pg_write_server_files')),
       EXISTS (SELECT FROM reach WHERE rolbypassrls),
       EXISTS (SELECT FROM reach WHERE rolcreaterole),
       EXISTS (SELECT FROM reach JOIN pg_catalog.pg_class c ON c.relowner = reach.oid
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema')
       OR EXISTS (SELECT FROM reach JOIN pg_catalog.pg_namespace n ON n.nspowner = reach.oid
               WHERE n.nspname IN ('signet', 'signet_keys')),
       EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'signet' AND c.relname = 'migration_marks'),
       EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'signet_keys' AND c.relname = 'tenant_keys')`

type roleFacts struct {
	server                             int
	sessionUser, currentUser           string
	database, cluster                  string
	super, bypass, makesRoles, isOwner bool
	hasSchema, hasKeys                 bool
	writes, followsFeed                bool // what the tenant role alone may, and the system role alone
}

func (f roleFacts) role() string {
	if f.currentUser != f.sessionUser {
		return f.sessionUser + " (acting as " + f.currentUser + ")"
	}
	return f.sessionUser
}

func checkPool(ctx context.Context, pool *pgxpool.Pool, key string, newest int64) (roleFacts, error) {
	var f roleFacts
	err := pool.QueryRow(ctx, selectRole).Scan(&f.server, &f.sessionUser, &f.currentUser, &f.database, &f.cluster,
		&f.super, &f.bypass, &f.makesRoles, &f.isOwner, &f.hasSchema, &f.hasKeys)
	if err != nil {
		return f, connectProblem(key, err)
	}
	const mend = "so row security would not hold; use the login role that `signet migrate up` makes"
	switch {
	case f.server < minServerVersion:
		return f, fmt.Errorf("%s: Postgres %d is too old; use version 15 or newer", key, f.server/10000)
	case f.super:
		return f, fmt.Errorf("%s: role %s is a superuser (or can become one), %s", key, f.role(), mend)
	case f.bypass:
		return f, fmt.Errorf("%s: role %s has BYPASSRLS (or can have it), %s", key, f.role(), mend)
	case f.isOwner:
		return f, fmt.Errorf("%s: role %s owns tables (or is member of their owner), %s, and the owner only in %s", key, f.role(), mend, migrateKey)
	case f.makesRoles:
		return f, fmt.Errorf("%s: role %s may make roles and so become the owner of tables, %s", key, f.role(), mend)
	case !f.hasSchema:
		return f, fmt.Errorf("%s: database %s holds no Signet schema; check its name, or run `signet migrate up`", key, f.database)
	}
	if err := checkSchema(ctx, pool, key, newest, &f); err != nil {
		return f, err
	}
	if !f.hasKeys {
		return f, fmt.Errorf("%s: database %s holds Signet's data without its keys: restore the schema signet_keys from its backup (docs/operations/backup.md)", key, f.database)
	}
	return f, nil
}

const selectSchema = `
SELECT coalesce(max(version), 0),
       has_table_privilege('signet.tenants', 'INSERT'),
       has_column_privilege('signet.change_log', 'xid', 'SELECT')
FROM signet.migration_marks`

func checkSchema(ctx context.Context, pool *pgxpool.Pool, key string, newest int64, f *roleFacts) error {
	var have int64
	err := pool.QueryRow(ctx, selectSchema).Scan(&have, &f.writes, &f.followsFeed)
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == insufficientPrivilege:
		return fmt.Errorf("%s: role %s has no rights on Signet's schema, which was made for roles of other names; use those, see docs/deploy/README.md", key, f.role())
	case errors.As(err, &pg) && pg.Code == undefinedTable:
		// A schema from before the tables asked about, which the marks still name.
		return fmt.Errorf("%s: the schema is not whole and this binary needs version %d; run `signet migrate up`", key, newest)
	case err != nil:
		return connectProblem(key, err)
	case have > newest:
		return fmt.Errorf("%s: the schema is at version %d and this binary knows %d; use a newer binary", key, have, newest)
	case have < newest:
		return fmt.Errorf("%s: the schema is at version %d and this binary needs %d; run `signet migrate up`", key, have, newest)
	}
	return nil
}

// checkPair finds two addresses that are right one by one and wrong together.
// Left alone they would not fail but show nothing: row security is silent.
func checkPair(tenants, system roleFacts) error {
	switch {
	case tenants.cluster != system.cluster || tenants.database != system.database:
		return fmt.Errorf("%s and %s lead to two databases; they need the same one with different roles", tenantKey, systemKey)
	case tenants.sessionUser == system.sessionUser:
		return fmt.Errorf("%s and %s both log in as %s; the two need different roles", tenantKey, systemKey, tenants.sessionUser)
	case !tenants.writes || !system.followsFeed:
		return fmt.Errorf("%s logs in as %s and %s as %s, but the schema was made for them the other way round or for others; change the two, see docs/deploy/README.md",
			tenantKey, tenants.role(), systemKey, system.role())
	}
	return nil
}

// connectProblem says why there is no connection, without the address's
// password and without the driver's list of attempts.
func connectProblem(key string, err error) error {
	where := "Postgres"
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) && connect.Config != nil {
		where = fmt.Sprintf("Postgres at %s:%d", connect.Config.Host, connect.Config.Port)
	}
	var pg *pgconn.PgError
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &pg) && (pg.Code == "28P01" || pg.Code == "28000"):
		if key == migrateKey {
			return fmt.Errorf("%s: %s refuses the owner's role or its password; check both", key, where)
		}
		return fmt.Errorf("%s: %s refuses the role or its password; check both, or run `signet migrate up`, which makes the role", key, where)
	case errors.As(err, &pg) && pg.Code == "3D000":
		return fmt.Errorf("%s: %s has no such database; check its name in the address", key, where)
	case errors.As(err, &pg) && pg.Code == cannotConnectNow:
		return noAnswer(fmt.Sprintf("%s: %s is starting or stopping; wait for it, or look at its log", key, where))
	case errors.As(err, &pg):
		return fmt.Errorf("%s: %s answers %s (%s)", key, where, pg.Message, pg.Code)
	case errors.As(err, &untrusted):
		return fmt.Errorf("%s: the certificate of %s is not trusted; check sslrootcert and the host's name in the address", key, where)
	case strings.Contains(err.Error(), "server refused TLS connection"): // the driver has no value for it
		return fmt.Errorf("%s: %s speaks no TLS, and the address asks for it; switch TLS on there, or set sslmode", key, where)
	}
	return noAnswer(fmt.Sprintf("%s: %s does not answer; check host and port and whether it runs", key, where))
}

// ErrNoAnswer says that Postgres is not there, or not yet: nothing is known to be
// wrong with its address.
var ErrNoAnswer = errors.New("no answer from Postgres")

type noAnswer string

func (e noAnswer) Error() string        { return string(e) }
func (e noAnswer) Is(target error) bool { return target == ErrNoAnswer }
