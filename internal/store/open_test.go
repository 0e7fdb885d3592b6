package store_test

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// Everything that makes a start unsafe is refused at once, for either pool, in
// one line, and nothing but reading has happened.
func TestOpenRefusesWhatRowSecurityWouldNotHold(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		password := core.NewSecret("password-of-a-test")
		role := func(name string) string { return name + "_" + db.Name }
		for _, attributes := range []string{"super SUPERUSER", "bypass BYPASSRLS", "maker CREATEROLE", "heir ", "grandchild ", "superheir ", "runner ", "stranger ", "tableowner "} {
			name, attribute, _ := strings.Cut(attributes, " ")
			db.Exec(t, fmt.Sprintf(`CREATE ROLE %s LOGIN %s PASSWORD 'password-of-a-test'`, role(name), attribute))
		}
		db.Exec(t, fmt.Sprintf(`GRANT signet_owner TO %s; GRANT %[1]s TO %s; GRANT %s TO %s; GRANT pg_execute_server_program TO %s`,
			role("heir"), role("grandchild"), role("super"), role("superheir"), role("runner")))
		db.Exec(t, fmt.Sprintf(`CREATE TABLE public.of_another_program (); ALTER TABLE public.of_another_program OWNER TO %s`, role("tableowner")))

		for _, row := range []struct{ role, says string }{
			{"super", "is a superuser (or can become one)"},
			{"superheir", "is a superuser (or can become one)"},
			{"runner", "is a superuser (or can become one)"},
			{"bypass", "has BYPASSRLS (or can have it)"},
			{"maker", "may make roles and so become the owner of tables"},
			{"heir", "owns tables (or is member of their owner)"},
			{"grandchild", "owns tables (or is member of their owner)"},
			{"tableowner", "owns tables (or is member of their owner)"},
			{"stranger", "has no rights on Signet's schema"},
		} {
			address := db.Cluster.Server.URL(role(row.role), password, db.Name)
			t.Run("tenants as "+row.role, func(t *testing.T) {
				refused(t, store.Config{TenantURL: address, SystemURL: db.SystemURL}, "SIGNET_DATABASE_URL: role "+role(row.role)+" "+row.says)
			})
			t.Run("system as "+row.role, func(t *testing.T) {
				refused(t, store.Config{TenantURL: db.TenantURL, SystemURL: address}, "SIGNET_SYSTEM_DATABASE_URL: role "+role(row.role)+" "+row.says)
			})
		}
		t.Run("tenants as the owner", func(t *testing.T) {
			refused(t, store.Config{TenantURL: db.OwnerURL, SystemURL: db.SystemURL}, "SIGNET_DATABASE_URL: role signet_owner owns tables")
		})
		t.Run("a superuser who acts as another", func(t *testing.T) {
			acting := db.SuperuserURL() + "&options=" + "-c%20role%3Dsignet_app"
			refused(t, store.Config{TenantURL: acting, SystemURL: db.SystemURL}, "SIGNET_DATABASE_URL: role postgres (acting as signet_app) is a superuser")
		})
	})
}

func TestOpenRefusesAddressesThatAreMixedUp(t *testing.T) {
	t.Parallel()
	db, other, empty := storetest.New(t), storetest.New(t), storetest.NewEmpty(t)
	closed := closedPort(t)
	secret := "password-not-to-be-repeated"
	for _, row := range []struct{ name, tenants, system, says string }{
		{"one role for both", db.TenantURL, db.TenantURL, "SIGNET_DATABASE_URL and SIGNET_SYSTEM_DATABASE_URL both log in as signet_app; the two need different roles"},
		{"the roles changed over", db.SystemURL, db.TenantURL, "SIGNET_DATABASE_URL logs in as signet_system and SIGNET_SYSTEM_DATABASE_URL as signet_app, but the schema was made for them the other way round or for others"},
		{"two databases", db.TenantURL, other.SystemURL, "SIGNET_DATABASE_URL and SIGNET_SYSTEM_DATABASE_URL lead to two databases"},
		{"a database without a schema", empty.TenantURL, empty.SystemURL, "SIGNET_DATABASE_URL: database " + empty.Name + " holds no Signet schema; check its name, or run `signet migrate up`"},
		{"a database that does not exist", strings.Replace(db.TenantURL, db.Name, "absent", 1), db.SystemURL, "has no such database; check its name in the address"},
		{"a wrong password", strings.Replace(db.TenantURL, "signet_app_of_a_test", secret, 1), db.SystemURL, "refuses the role or its password; check both, or run `signet migrate up`"},
		{"a wrong password of the system", db.TenantURL, strings.Replace(db.SystemURL, "signet_system_of_a_test", secret, 1), "SIGNET_SYSTEM_DATABASE_URL: Postgres at 127.0.0.1:"},
		{"nobody there", "postgres://signet_app:" + secret + "@" + closed + "/signet", db.SystemURL, "SIGNET_DATABASE_URL: Postgres at " + closed + " does not answer; check host and port and whether it runs"},
		{"no TLS there", strings.Replace(db.TenantURL, "sslmode=disable", "sslmode=require", 1), db.SystemURL, "speaks no TLS, and the address asks for it"},
		{"no address", "postgres://signet_app:" + secret + "@[::1/signet", db.SystemURL, "SIGNET_DATABASE_URL: not a Postgres address; it should look like postgres://"},
		{"a port that is none", "postgres://signet_app:" + secret + "@localhost:port/signet", db.SystemURL, "SIGNET_DATABASE_URL: not a Postgres address"},
		{"words with a quote left open", "user=signet_app password='" + secret, db.SystemURL, "SIGNET_DATABASE_URL: not a Postgres address"},
		{"an unknown mode", "postgres://signet_app:" + secret + "@localhost/signet?sslmode=perhaps", db.SystemURL, "SIGNET_DATABASE_URL: not a Postgres address"},
		{"another kind of address", "mysql://signet_app:" + secret + "@localhost/signet", db.SystemURL, "SIGNET_DATABASE_URL: not a Postgres address"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := refused(t, store.Config{TenantURL: row.tenants, SystemURL: row.system}, row.says)
			require.NotContains(t, err.Error(), secret)
			for _, address := range []string{row.tenants, row.system} {
				cfg := store.MigrateConfig{OwnerURL: address}
				if _, err := store.RoleOf(address); err != nil {
					require.NotContains(t, err.Error(), secret)
					require.ErrorContains(t, store.MigrateUp(t.Context(), cfg), "SIGNET_MIGRATE_DATABASE_URL: not a Postgres address")
				}
				if strings.Contains(address, secret) {
					require.NotContains(t, store.MigrateUp(t.Context(), cfg).Error(), secret)
					_, err := store.ReadMigrationStatus(t.Context(), cfg)
					require.NotContains(t, err.Error(), secret)
				}
			}
		})
	}
}

func TestOpenRefusesASchemaOfAnotherVersion(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	cfg := store.Config{TenantURL: db.TenantURL, SystemURL: db.SystemURL}
	db.Exec(t, `INSERT INTO signet.migration_marks (version) VALUES (1000)`)
	refused(t, cfg, fmt.Sprintf("SIGNET_DATABASE_URL: the schema is at version 1000 and this binary knows %d; use a newer binary", newest))
	db.Exec(t, `DELETE FROM signet.migration_marks WHERE version = 1000`)
	db.Exec(t, `DELETE FROM signet.migration_marks WHERE version = $1`, newest)
	refused(t, cfg, fmt.Sprintf("SIGNET_DATABASE_URL: the schema is at version %d and this binary needs %d; run `signet migrate up`", newest-1, newest))
	db.Exec(t, `INSERT INTO signet.migration_marks (version) VALUES ($1)`, newest)
	for version := int64(newest - 1); version >= 1; version-- {
		require.NoError(t, store.MigrateTo(t.Context(), db.Migration(t), version))
		err := refused(t, cfg, "SIGNET_DATABASE_URL: the schema is")
		require.ErrorContains(t, err, "this binary needs")
		require.ErrorContains(t, err, "run `signet migrate up`")
	}
}

// refused opens a Store that must not open: within a second, with one line that
// begins or goes on as given, after reading alone.
func refused(t *testing.T, cfg store.Config, says string) error {
	t.Helper()
	var wires []*storetest.Wire
	for _, address := range []*string{&cfg.TenantURL, &cfg.SystemURL} {
		if parsed, err := url.Parse(*address); err == nil && strings.HasPrefix(parsed.Host, "127.0.0.1:") && !strings.Contains(says, "does not answer") {
			w := storetest.NewWire(t, *address, nil)
			*address = w.URL(*address)
			wires = append(wires, w)
		}
	}
	began := time.Now()
	st, err := store.Open(t.Context(), cfg)
	if err == nil {
		st.Close()
	}
	require.ErrorContains(t, err, says)
	require.Less(t, time.Since(began), time.Second)
	require.NotContains(t, err.Error(), "\n")
	for _, w := range wires {
		for _, statement := range w.Statements() {
			statement = strings.TrimSpace(statement)
			require.True(t, strings.HasPrefix(statement, "SELECT") || strings.HasPrefix(statement, "WITH"), statement)
		}
	}
	return err
}

// closedPort gives an address where nobody listens.
func closedPort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return listener.Addr().String()
}
