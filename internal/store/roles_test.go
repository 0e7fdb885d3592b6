package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// odd gives a role name that needs quoting everywhere, once for each database.
func odd(name string, db storetest.DB) string {
	return `Odd "` + name + `" -- $1 ; 客户 ` + db.Name
}

func TestLoginRolesOfAnyNameAreMadeAndWorkEndToEnd(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db storetest.DB) {
		cfg := db.Migration(t)
		cfg.Tenant = store.LoginRole{Name: odd("Role-1", db), Password: core.NewSecret(`p'w\ "1%`)}
		cfg.System = store.LoginRole{Name: odd("Role-2", db), Password: core.NewSecret("пароль-客户")}
		require.NoError(t, store.MigrateUp(t.Context(), cfg))
		require.Equal(t, []string{"f f f f f t"}, db.List(t, `
SELECT DISTINCT concat_ws(' ', rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolinherit, rolcanlogin) FROM pg_roles WHERE rolname = ANY ($1)`,
			[]string{cfg.Tenant.Name, cfg.System.Name}))

		server := db.Cluster.Server
		st, err := store.Open(t.Context(), store.Config{
			TenantURL: server.URL(cfg.Tenant.Name, cfg.Tenant.Password, db.Name),
			SystemURL: server.URL(cfg.System.Name, cfg.System.Password, db.Name)})
		require.NoError(t, err)
		t.Cleanup(st.Close)
		a, b := makeTenant(t, st, "alpha"), makeTenant(t, st, "bravo")
		require.Equal(t, []string{"alpha", "bravo"}, []string{a.App.Name, b.App.Name})
		require.NoError(t, store.MigrateDown(t.Context(), cfg))
	})
}

func TestPasswordOfANewRoleIsNotSentToTheServer(t *testing.T) {
	t.Parallel()
	db := storetest.NewEmpty(t)
	w := storetest.NewWire(t, db.OwnerURL, nil)
	w.KeepSent()
	cfg := db.Migration(t)
	cfg.OwnerURL = w.URL(db.OwnerURL)
	cfg.Tenant = store.LoginRole{Name: "quiet app " + db.Name, Password: core.NewSecret("a-password-to-be-found-1")}
	cfg.System = store.LoginRole{Name: "quiet system " + db.Name, Password: core.NewSecret("a-password-to-be-found-2")}
	require.NoError(t, store.MigrateUp(t.Context(), cfg))
	require.Contains(t, w.Sent(), "CREATE ROLE")
	require.NotContains(t, w.Sent(), "a-password-to-be-found")
}

// The example of RFC 7677, section 3, has this salt and these keys.
func TestScramVerifierHasTheFormThatPostgresKeeps(t *testing.T) {
	t.Parallel()
	first, err := store.ScramVerifier(core.NewSecret("pencil"))
	require.NoError(t, err)
	second, err := store.ScramVerifier(core.NewSecret("pencil"))
	require.NoError(t, err)
	require.Regexp(t, `^SCRAM-SHA-256\$4096:[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$`, first)
	require.NotEqual(t, first, second, "the salt is not drawn anew")
}

func TestRoleThatExistsIsLeftAsItIs(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db storetest.DB) {
		name := "kept " + db.Name
		db.Exec(t, fmt.Sprintf(`CREATE ROLE %q LOGIN CONNECTION LIMIT 7 PASSWORD 'first' VALID UNTIL '2099-01-01'`, name))
		look := func() []string {
			return db.List(t, `SELECT to_jsonb(a)::text FROM pg_authid a WHERE rolname = $1`, name)
		}
		before := look()
		require.Len(t, before, 1)
		cfg := db.Migration(t)
		cfg.Tenant = store.LoginRole{Name: name, Password: core.NewSecret("second")}
		require.NoError(t, store.MigrateUp(t.Context(), cfg))
		require.Equal(t, before, look())
		cfg.Tenant.Password = core.NewSecret("") // none is needed for a role that is there
		require.NoError(t, store.MigrateUp(t.Context(), cfg))
		require.NoError(t, store.MigrateDown(t.Context(), cfg))
		require.Equal(t, before, look(), "down dropped or changed the role")
	})
}

func TestRolesThatCannotBeMadeAreRefusedClearly(t *testing.T) {
	t.Parallel()
	db := storetest.NewEmpty(t)
	db.Exec(t, `CREATE ROLE weak_owner LOGIN PASSWORD 'weak'; GRANT CREATE ON SCHEMA public TO weak_owner`)
	secret := core.NewSecret("not-to-be-repeated")
	for _, row := range []struct {
		name   string
		change func(*store.MigrateConfig)
		says   string
	}{
		{"no password", func(c *store.MigrateConfig) { c.Tenant = store.LoginRole{Name: "absent"} },
			"role absent does not exist and SIGNET_DATABASE_URL gives no password to make it with; put the password in that address"},
		{"no password for the system", func(c *store.MigrateConfig) { c.System = store.LoginRole{Name: "absent"} },
			"role absent does not exist and SIGNET_SYSTEM_DATABASE_URL gives no password to make it with; put the password in that address"},
		{"one role twice", func(c *store.MigrateConfig) { c.System = c.Tenant },
			"SIGNET_DATABASE_URL and SIGNET_SYSTEM_DATABASE_URL both log in as signet_app; the two need different roles"},
		{"the owner", func(c *store.MigrateConfig) { c.Tenant = store.LoginRole{Name: "signet_owner", Password: secret} },
			"SIGNET_DATABASE_URL logs in as signet_owner, the owner of the schema; give it a role of its own, `signet migrate up` makes it"},
		{"no name", func(c *store.MigrateConfig) { c.Tenant = store.LoginRole{Password: secret} },
			"SIGNET_DATABASE_URL: the name of its role should be 1 to 63 bytes without control characters"},
		{"a name that ends a comment", func(c *store.MigrateConfig) { c.System.Name = "x\nDROP SCHEMA public" },
			"SIGNET_SYSTEM_DATABASE_URL: the name of its role should be 1 to 63 bytes without control characters"},
		{"a name that Postgres would cut", func(c *store.MigrateConfig) { c.Tenant.Name = strings.Repeat("x", 64) },
			"SIGNET_DATABASE_URL: the name of its role should be 1 to 63 bytes without control characters"},
		{"an owner who may make no roles", func(c *store.MigrateConfig) {
			c.OwnerURL = db.Cluster.Server.URL("weak_owner", core.NewSecret("weak"), db.Name)
			c.Tenant = store.LoginRole{Name: "absent", Password: secret}
		}, "role absent does not exist and the role of SIGNET_MIGRATE_DATABASE_URL may not make it; give that CREATEROLE, or make the role by hand"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := db.Migration(t)
			row.change(&cfg)
			require.EqualError(t, store.MigrateUp(t.Context(), cfg), row.says)
			require.Empty(t, db.List(t, `SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'signet%'`))
			require.Empty(t, db.List(t, `SELECT rolname::text FROM pg_roles WHERE rolname = 'absent'`))
		})
	}
}
