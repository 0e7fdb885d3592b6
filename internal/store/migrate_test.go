package store_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

// newest is the version that this binary knows.
const newest = 24

// lockWait is how long a migration waits for a table.
const lockWait = 3 * time.Second

func eachEmpty(t *testing.T, test func(*testing.T, storetest.DB)) {
	t.Helper()
	t.Parallel()
	storetest.EachEmpty(t, test)
}

func TestMigratingUpDownAndUpGivesTheSameSchema(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db storetest.DB) {
		cfg, conn := db.Migration(t), connect(t, db.SuperuserURL())
		require.NoError(t, store.MigrateUp(t.Context(), cfg))
		first, firstDump := schemaOf(t, conn), dump(t, db)
		require.Contains(t, first, "policy signet_keys.tenant_keys tenant_wall")

		require.NoError(t, store.MigrateDown(t.Context(), cfg))
		require.Empty(t, schemaOf(t, conn))
		require.Empty(t, db.List(t, `
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND c.relname NOT LIKE 'schema\_migrations%'
UNION ALL SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('public', 'information_schema')
UNION ALL SELECT version::text FROM schema_migrations`), "something is left")

		require.NoError(t, store.MigrateUp(t.Context(), cfg))
		require.Equal(t, first, schemaOf(t, conn))
		require.Equal(t, firstDump, dump(t, db))
	})
}

// dump gives the schema as pg_dump sees it, "" where there is no pg_dump of the
// server's version.
func dump(t *testing.T, db storetest.DB) string {
	t.Helper()
	version := db.List(t, `SELECT current_setting('server_version_num')::int / 10000 || ''`)[0]
	places, _ := filepath.Glob("/usr/lib/postgresql/" + version + "/bin/pg_dump")
	if onPath, err := exec.LookPath("pg_dump"); err == nil {
		places = append(places, onPath)
	}
	for _, program := range places {
		if said, err := exec.CommandContext(t.Context(), program, "--version").Output(); err != nil || !strings.Contains(string(said), "(PostgreSQL) "+version+".") {
			continue
		}
		cmd := exec.CommandContext(t.Context(), program, "--schema-only", "--dbname", db.SuperuserURL())
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		text, err := cmd.Output()
		require.NoError(t, err)
		return regexp.MustCompile(`(?m)^\\(un)?restrict .*$`).ReplaceAllString(string(text), "") // a word drawn for each run
	}
	t.Logf("no pg_dump of Postgres %s: compared by the catalogue alone", version)
	return ""
}

func TestEachMigrationFileGoesUpAndDownAlone(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db storetest.DB) {
		cfg, conn := db.Migration(t), connect(t, db.SuperuserURL())
		status, err := store.ReadMigrationStatus(t.Context(), cfg)
		require.NoError(t, err)
		require.Zero(t, status.Version)
		before := []string{schemaOf(t, conn)}
		for version := int64(1); version <= status.Newest; version++ {
			require.NoError(t, store.MigrateTo(t.Context(), cfg, version))
			now, err := store.ReadMigrationStatus(t.Context(), cfg)
			require.NoError(t, err)
			require.Equal(t, store.MigrationStatus{Version: version, Newest: status.Newest}, now)
			before = append(before, schemaOf(t, conn))
			require.NotEqual(t, before[version-1], before[version])
		}
		for version := status.Newest - 1; version >= 1; version-- {
			require.NoError(t, store.MigrateTo(t.Context(), cfg, version))
			require.Equal(t, before[version], schemaOf(t, conn), "after going down to %d", version)
		}
		require.NoError(t, store.MigrateDown(t.Context(), cfg))
		require.Equal(t, before[0], schemaOf(t, conn))
	})
}

// What trials had fetched was sealed without its time once, and would not open: it
// is dropped by the owner, whom row security binds as well.
func TestTrialsThatAreNotBoundToTheirTimeAreDropped(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		const boundToTheirTime = 17
		st := db.Open(t)
		makeTenant(t, st, "alpha")
		require.NoError(t, store.MigrateTo(t.Context(), db.Migration(t), boundToTheirTime-1))
		db.Exec(t, `INSERT INTO signet.trial_grants (tenant_id, app_id, version, kind, sealed, key_version, fetched_at)
			SELECT tenant_id, app_id, version, 'access_token', 's', 1, now() FROM signet.app_secrets`)
		count := `SELECT count(*)::text FROM signet.trial_grants`
		require.Equal(t, []string{"1"}, db.List(t, count))
		require.NoError(t, store.MigrateUp(t.Context(), db.Migration(t)))
		require.Equal(t, []string{"0"}, db.List(t, count))
	})
}

// The migrations run as an owner whom row security binds too: what they write into
// rows of tenants is there afterwards.
func TestWhenAnOlderSecretBecameCurrentIsKnownAfterTheMigration(t *testing.T) {
	each(t, func(t *testing.T, db storetest.DB) {
		const secretLife = 12
		require.NoError(t, store.MigrateTo(t.Context(), db.Migration(t), secretLife-1))
		db.Exec(t, `
SET session_replication_role = replica; -- the row alone, without the tenant and the app that it hangs on
INSERT INTO signet.app_secrets (tenant_id, app_id, version, state, fingerprint, sealed, key_version, activation, created_at)
VALUES (gen_random_uuid(), gen_random_uuid(), 1, 'current', 'f', 's', 1, 1, '2026-01-02');
RESET session_replication_role`)
		require.NoError(t, store.MigrateTo(t.Context(), db.Migration(t), secretLife))
		require.Equal(t, []string{"t"}, db.List(t, `SELECT (activated_at = created_at AND moved_at = created_at)::text::char FROM signet.app_secrets`))
	})
}

func TestMigratingToAVersionThatDoesNotExistIsRefused(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for _, version := range []int64{-1, 0, 1000} {
		require.ErrorContains(t, store.MigrateTo(t.Context(), db.Migration(t), version), "there is no version")
	}
}

func TestMigratingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	conn := connect(t, db.SuperuserURL())
	before := schemaOf(t, conn)
	require.NoError(t, store.MigrateUp(t.Context(), db.Migration(t)))
	require.Equal(t, before, schemaOf(t, conn))
	require.NoError(t, store.MigrateDown(t.Context(), db.Migration(t)))
	require.NoError(t, store.MigrateDown(t.Context(), db.Migration(t)))
}

func TestSeveralMigrationsAtOnceAllEndWell(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db storetest.DB) {
		cfg := db.Migration(t)
		cfg.Tenant.Name, cfg.System.Name = "at once app "+db.Name, "at once system "+db.Name
		var group errgroup.Group
		for range 6 {
			group.Go(func() error { return store.MigrateUp(t.Context(), cfg) })
		}
		require.NoError(t, group.Wait())
		status, err := store.ReadMigrationStatus(t.Context(), cfg)
		require.NoError(t, err)
		require.Equal(t, status.Newest, status.Version)
		require.Len(t, db.List(t, `SELECT version::text FROM signet.migration_marks`), int(status.Newest))
	})
}

// A table is waited for no longer than three seconds, another migration as
// long as it takes.
func TestMigrationWaitsForAnotherOneBeyondTheLockTimeout(t *testing.T) {
	t.Parallel()
	db := storetest.NewEmpty(t)
	other := connect(t, db.OwnerURL)
	_, err := other.Exec(t.Context(), `SELECT pg_advisory_lock(hashtextextended('signet migrate', 0))`)
	require.NoError(t, err)
	var group errgroup.Group
	group.Go(func() error { return store.MigrateUp(t.Context(), db.Migration(t)) })
	group.Go(func() error {
		_, err := other.Exec(t.Context(), `SELECT pg_sleep(3.5), pg_advisory_unlock(hashtextextended('signet migrate', 0))`)
		return err
	})
	require.NoError(t, group.Wait())
}

// Whoever wants a table that a waiting migration wants stands behind it.
func TestMigrationGivesUpOnATableThatOthersHold(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	held, err := connect(t, db.OwnerURL).Begin(t.Context())
	require.NoError(t, err)
	_, err = held.Exec(t.Context(), `LOCK TABLE signet.refused_calls IN ACCESS SHARE MODE`)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- store.MigrateDown(t.Context(), db.Migration(t)) }()
	select {
	case err = <-done:
	case <-time.After(3 * lockWait):
		require.NoError(t, held.Rollback(t.Context()))
		<-done
		t.Fatal("it waits for the table as long as it takes")
	}
	require.Error(t, err)
	require.Regexp(t, `^migrate from version \d down: somebody else held a table for longer than 3s; this step has changed nothing, try again once they are done: `, err.Error())
	require.NoError(t, held.Rollback(t.Context()))
	require.NoError(t, store.MigrateDown(t.Context(), db.Migration(t)), "and goes on when they are done")
}

func TestMigrationThatWaitsEndsWithItsContext(t *testing.T) {
	t.Parallel()
	db := storetest.NewEmpty(t)
	other := connect(t, db.OwnerURL)
	_, err := other.Exec(t.Context(), `SELECT pg_advisory_lock(hashtextextended('signet migrate', 0))`)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- store.MigrateUp(ctx, db.Migration(t)) }()
	waiting := `SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`
	require.Eventually(t, func() bool { return len(db.List(t, waiting)) == 1 }, patience, poll)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Empty(t, db.List(t, `SELECT nspname::text FROM pg_namespace WHERE nspname = 'signet'`))
}

func TestSchemaNewerThanTheBinaryIsNotMigrated(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(t, `INSERT INTO signet.migration_marks (version) VALUES (1000)`)
	conn := connect(t, db.SuperuserURL())
	before := schemaOf(t, conn)
	for _, migrate := range []func(context.Context, store.MigrateConfig) error{store.MigrateUp, store.MigrateDown} {
		require.EqualError(t, migrate(t.Context(), db.Migration(t)),
			fmt.Sprintf("SIGNET_MIGRATE_DATABASE_URL: the schema is at version 1000 and this binary knows %d; use a newer binary", newest))
	}
	require.Equal(t, before, schemaOf(t, conn))
}

// A backup of the two schemas leaves golang-migrate's table out.
func TestMarkThatWasNotRestoredIsMended(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	db.Exec(t, `DROP TABLE public.schema_migrations`)
	require.NoError(t, store.MigrateUp(t.Context(), db.Migration(t)))
	require.Equal(t, []string{fmt.Sprintf("%d false", newest)}, db.List(t, `SELECT version || ' ' || dirty FROM schema_migrations`))
	require.NoError(t, store.MigrateDown(t.Context(), db.Migration(t)))
}

func TestMarkOfAnotherProgramIsLeftAlone(t *testing.T) {
	t.Parallel()
	db := storetest.NewEmpty(t)
	for _, mark := range []string{"37, false", "37, true", "1, false"} {
		db.Exec(t, `DROP TABLE IF EXISTS schema_migrations; CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);
ALTER TABLE schema_migrations OWNER TO signet_owner; INSERT INTO schema_migrations VALUES (`+mark+`)`)
		before := db.List(t, `SELECT version || ' ' || dirty FROM schema_migrations`)
		require.ErrorContains(t, store.MigrateUp(t.Context(), db.Migration(t)), "give Signet a database of its own")
		require.ErrorContains(t, store.MigrateDown(t.Context(), db.Migration(t)), "give Signet a database of its own")
		require.Equal(t, before, db.List(t, `SELECT version || ' ' || dirty FROM schema_migrations`))
	}
}

func TestFailedMigrationSaysInOneLineWhatPostgresSays(t *testing.T) {
	t.Parallel()
	db := storetest.NewEmpty(t)
	db.Exec(t, `CREATE SCHEMA signet_keys`)
	err := store.MigrateUp(t.Context(), db.Migration(t))
	require.EqualError(t, err, `migrate from version 1 up: ERROR: schema "signet_keys" already exists (SQLSTATE 42P06)`)
	db.Exec(t, `DROP SCHEMA signet_keys`)
	require.NoError(t, store.MigrateUp(t.Context(), db.Migration(t)))
}

func TestOwnerWhoMayMakeNoTableIsToldSo(t *testing.T) {
	t.Parallel()
	db := storetest.NewEmpty(t)
	cfg := db.Migration(t)
	cfg.OwnerURL = db.SystemURL // any role that owns nothing
	cfg.Tenant.Name, cfg.System.Name = "postgres", "signet_app"
	err := store.MigrateUp(t.Context(), cfg)
	require.EqualError(t, err, "SIGNET_MIGRATE_DATABASE_URL: make the table schema_migrations: ERROR: permission denied for schema public (SQLSTATE 42501)")
}

func TestTheOwnersAddressIsToldFromTheOthers(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	cfg := db.Migration(t)
	cfg.OwnerURL = db.TenantURL
	_, err := store.ReadMigrationStatus(t.Context(), cfg)
	require.ErrorContains(t, err, "SIGNET_MIGRATE_DATABASE_URL: the role may not read the schema's version; use the role that owns the schema: ")
	cfg.OwnerURL = strings.Replace(db.TenantURL, "signet_app_of_a_test", "another", 1)
	_, err = store.ReadMigrationStatus(t.Context(), cfg)
	require.ErrorContains(t, err, "refuses the owner's role or its password; check both")
	require.NotContains(t, err.Error(), "migrate up", "which is what was just tried")
}
