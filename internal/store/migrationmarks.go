package store

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/jackc/pgx/v5"

	"signet/migrations"
)

// golang-migrate keeps its mark (schema_migrations) apart from the files: it
// marks, runs and clears in three transactions, and what is killed in between
// leaves a mark that says nothing. Each file therefore writes its own row into
// signet.migration_marks, in its own transaction. Those rows are the truth.

func newestMigration() (int64, error) {
	entries, err := fs.ReadDir(migrations.Files, ".")
	if err != nil {
		return 0, err
	}
	var newest int64
	for _, entry := range entries {
		parsed, err := source.Parse(entry.Name())
		if err != nil {
			return 0, fmt.Errorf("migration file %s: %w", entry.Name(), err)
		}
		newest = max(newest, int64(parsed.Version))
	}
	return newest, nil
}

// markedVersion is the newest version that the files have recorded, 0 if none.
func markedVersion(ctx context.Context, conn *pgx.Conn) (int64, error) {
	var known bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass('signet.migration_marks') IS NOT NULL`).Scan(&known); err != nil || !known {
		return 0, translate(err)
	}
	var version int64
	err := conn.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM signet.migration_marks`).Scan(&version)
	return version, translate(err)
}

func refuseNewerSchema(ctx context.Context, conn *pgx.Conn) error {
	have, err := markedVersion(ctx, conn)
	if err != nil {
		return err
	}
	newest, err := newestMigration()
	if err != nil {
		return err
	}
	if have > newest {
		return fmt.Errorf("%s: the schema is at version %d and this binary knows %d; use a newer binary", migrateKey, have, newest)
	}
	return nil
}

// mendMark sets golang-migrate's mark to the version that the files have
// recorded, whether it is dirty or was left out of a restored backup. A mark
// without any row of ours is another program's and is left alone.
func mendMark(ctx context.Context, conn *pgx.Conn, driver database.Driver) error {
	version, dirty, err := driver.Version()
	if err != nil {
		return fmt.Errorf("read the table schema_migrations: %w", translate(originOf(err)))
	}
	have, err := markedVersion(ctx, conn)
	if err != nil {
		return err
	}
	want := int(have)
	if have == 0 {
		want = database.NilVersion
	}
	switch {
	case version == want && !dirty:
		return nil
	case have == 0 && (!dirty || version > 1):
		return fmt.Errorf("%s: the table schema_migrations of this database is at version %d, but there is no Signet schema; give Signet a database of its own, or drop that table if it is left over", migrateKey, version)
	}
	if err := driver.SetVersion(want, false); err != nil {
		return fmt.Errorf("mend the table schema_migrations: %w", translate(originOf(err)))
	}
	return nil
}
