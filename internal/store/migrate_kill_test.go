package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/store"
	"signet/internal/store/storetest"
)

// killer ends the server process of a migration at one of its steps: behind
// each statement that defines something, and behind each mark that
// golang-migrate writes before and after a file. The count is a sequence,
// because it must outlive the rollback.
const killer = `
CREATE SCHEMA killer;
CREATE SEQUENCE killer.steps;
CREATE TABLE killer.victim (step bigint);
INSERT INTO killer.victim VALUES (0);
CREATE FUNCTION killer.count_step() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF nextval('killer.steps') = (SELECT step FROM killer.victim) THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
    END IF;
END $$;
CREATE FUNCTION killer.on_definition() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM killer.count_step(); END';
CREATE FUNCTION killer.on_mark() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM killer.count_step(); RETURN NULL; END';
GRANT USAGE ON SCHEMA killer TO PUBLIC;
CREATE TABLE public.schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
ALTER TABLE public.schema_migrations OWNER TO signet_owner;
CREATE TRIGGER on_mark AFTER INSERT ON public.schema_migrations FOR EACH ROW EXECUTE FUNCTION killer.on_mark();
CREATE EVENT TRIGGER on_definition ON ddl_command_end EXECUTE FUNCTION killer.on_definition();`

func TestMigrationKilledAtAnyStepIsMendedByTheNext(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the strides of the next test will do")
	}
	killAtSteps(t, storetest.NewEmpty(t), 1)
}

func TestMigrationKilledIsMendedOnEveryPostgres(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db storetest.DB) { killAtSteps(t, db, 6) })
}

// killAtSteps kills migrations up and down at every step, or at every so many,
// each time letting the next go on from there.
func killAtSteps(t *testing.T, db storetest.DB, stride int) {
	t.Helper()
	cfg, conn := db.Migration(t), connect(t, db.SuperuserURL())
	status, err := store.ReadMigrationStatus(t.Context(), cfg)
	require.NoError(t, err)
	newest := status.Newest

	// What the schema is at each version.
	due := []string{schemaOf(t, conn)}
	for version := int64(1); version <= newest; version++ {
		require.NoError(t, store.MigrateTo(t.Context(), cfg, version))
		due = append(due, schemaOf(t, conn))
	}
	require.NoError(t, store.MigrateDown(t.Context(), cfg))
	db.Exec(t, `DROP TABLE schema_migrations`)
	db.Exec(t, killer)

	for _, way := range []struct {
		name string
		move func(context.Context, store.MigrateConfig) error
		end  int64
	}{{"up", store.MigrateUp, newest}, {"down", store.MigrateDown, 0}} {
		kills, dirty, step, last := 0, 0, 1, int64(-1)
		for {
			_, err := conn.Exec(t.Context(), `SELECT setval('killer.steps', 1, false)`)
			require.NoError(t, err)
			_, err = conn.Exec(t.Context(), `UPDATE killer.victim SET step = $1`, step)
			require.NoError(t, err)
			moveErr := way.move(t.Context(), cfg)
			var status store.MigrationStatus // as ReadMigrationStatus, without a connection of its own
			require.NoError(t, conn.QueryRow(t.Context(), `SELECT coalesce(bool_or(dirty), false) FROM schema_migrations`).Scan(&status.Dirty))
			if _, err := conn.Exec(t.Context(), `SELECT FROM signet.migration_marks`); err == nil {
				require.NoError(t, conn.QueryRow(t.Context(), `SELECT max(version) FROM signet.migration_marks`).Scan(&status.Version))
			}
			if due[status.Version] != schemaOf(t, conn) { // Equal would print both
				require.Equal(t, due[status.Version], schemaOf(t, conn), "%s, killed at step %d: neither the old nor the new version", way.name, step)
			}
			if moveErr == nil {
				require.Equal(t, way.end, status.Version)
				require.False(t, status.Dirty)
				break
			}
			kills++
			if status.Dirty {
				dirty++
			}
			step += stride
			if status.Version != last {
				step, last = 1, status.Version
			}
			require.Less(t, kills, 1000, "it is stuck")
		}
		t.Logf("%s: killed %d times, %d of them left a dirty mark", way.name, kills, dirty)
		require.Greater(t, kills, int(newest))
		require.Positive(t, dirty)
	}
}
