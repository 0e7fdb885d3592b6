package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// MigrateConfig says what to migrate.
type MigrateConfig struct {
	OwnerURL string // SIGNET_MIGRATE_DATABASE_URL
	Tenant   LoginRole
	System   LoginRole
}

// MigrationStatus is where a schema stands.
type MigrationStatus struct {
	Version int64 // of the schema; 0: none
	Newest  int64 // that this binary knows
	Dirty   bool  // a file was cut short; the next `migrate up` mends it
}

// MigrateUp brings the schema to the newest version. It first makes the login
// roles that are absent, with the passwords given; it changes no role that
// exists. A dirty mark of an earlier run is mended by the row that each file
// writes in its own transaction. Several at once are safe: one works, the
// others wait. When ctx ends it stops behind the file that is running.
func MigrateUp(ctx context.Context, cfg MigrateConfig) error {
	newest, err := newestMigration()
	if err != nil {
		return err
	}
	return moveTo(ctx, cfg, int(newest))
}

// MigrateDown takes the whole schema away, data included. Roles stay.
func MigrateDown(ctx context.Context, cfg MigrateConfig) error {
	return moveTo(ctx, cfg, database.NilVersion)
}

// MigrateTo moves the schema to one version, up or down. For tests of single
// files.
func MigrateTo(ctx context.Context, cfg MigrateConfig, version int64) error {
	newest, err := newestMigration()
	if err != nil {
		return err
	}
	if version < 1 || version > newest {
		return fmt.Errorf("there is no version %d of the schema, only 1 to %d", version, newest)
	}
	return moveTo(ctx, cfg, int(version))
}

// ReadMigrationStatus tells where the schema stands and changes nothing.
func ReadMigrationStatus(ctx context.Context, cfg MigrateConfig) (MigrationStatus, error) {
	newest, err := newestMigration()
	if err != nil {
		return MigrationStatus{}, err
	}
	owner, err := parseOwner(cfg.OwnerURL)
	if err != nil {
		return MigrationStatus{}, err
	}
	conn, err := pgx.ConnectConfig(ctx, owner)
	if err != nil {
		return MigrationStatus{}, connectProblem(migrateKey, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	status := MigrationStatus{Newest: newest}
	if status.Version, err = markedVersion(ctx, conn); err != nil {
		return MigrationStatus{}, notOwner(err)
	}
	var known bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass('schema_migrations') IS NOT NULL`).Scan(&known); err != nil || !known {
		return status, translate(err)
	}
	err = conn.QueryRow(ctx, `SELECT coalesce(bool_or(dirty), false) FROM schema_migrations`).Scan(&status.Dirty)
	return status, notOwner(translate(err))
}

// notOwner says what it means that the role of the migrations may not look.
func notOwner(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == insufficientPrivilege {
		return fmt.Errorf("%s: the role may not read the schema's version; use the role that owns the schema: %w", migrateKey, err)
	}
	return err
}

// lockWait is how long a migration waits for a table that others use: what
// stands in the queue behind it would wait as well.
const lockWait = "3s"

func parseOwner(url string) (*pgx.ConnConfig, error) {
	owner, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", migrateKey, errAddress)
	}
	if err := checkEncryption(&owner.Config); err != nil {
		return nil, fmt.Errorf("%s: %w", migrateKey, err)
	}
	owner.ConnectTimeout = 2 * time.Second
	owner.RuntimeParams["application_name"] = "signet migrate"
	return owner, nil
}

// onlyOneMigrates is held while anything of the schema or the roles changes.
// golang-migrate's own lock covers neither the roles nor the marks.
const onlyOneMigrates = `SELECT pg_advisory_lock(hashtextextended('signet migrate', 0))`

func moveTo(ctx context.Context, cfg MigrateConfig, target int) error {
	owner, err := parseOwner(cfg.OwnerURL)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, owner)
	if err != nil {
		return connectProblem(migrateKey, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // and gives the lock back
	if _, err := conn.Exec(ctx, onlyOneMigrates); err != nil {
		return fmt.Errorf("wait for another migration: %w", translate(err))
	}
	if err := refuseNewerSchema(ctx, conn); err != nil {
		return err
	}
	if target != database.NilVersion {
		if err := ensureRoles(ctx, conn, cfg); err != nil {
			return err
		}
	}

	owner.RuntimeParams["lock_timeout"] = lockWait
	db := stdlib.OpenDB(*owner)
	defer func() { _ = db.Close() }()
	driver, err := migratepgx.WithInstance(db, &migratepgx.Config{})
	if err != nil {
		return fmt.Errorf("%s: make the table schema_migrations: %w", migrateKey, translate(originOf(err)))
	}
	defer func() { _ = driver.Close() }()
	if err := mendMark(ctx, conn, driver); err != nil {
		return err
	}
	files, err := newRoleSource(cfg)
	if err != nil {
		return err
	}
	m, err := migrate.NewWithInstance("embedded", files, "postgres", driver)
	if err != nil {
		return err
	}
	return runFiles(ctx, m, files, driver, target)
}

// runFiles runs one file at a time, because between two files is where ctx can
// end it.
func runFiles(ctx context.Context, m *migrate.Migrate, files source.Driver, driver database.Driver, target int) error {
	for {
		version, _, err := driver.Version()
		if err != nil {
			return fmt.Errorf("read the table schema_migrations: %w", translate(originOf(err)))
		}
		if version == target {
			return nil
		}
		read, way := fileUpFrom, "up"
		if version > target {
			read, way = fileDownFrom, "down"
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("migrate, stopped at version %d: %w", max(version, 0), err)
		}
		file, err := read(files, version)
		if err != nil {
			return fmt.Errorf("read the migration %s from version %d: %w", way, max(version, 0), err)
		}
		err = m.Run(file)
		// golang-migrate leaves the reader of a file that it did not come to
		// waiting for ever.
		if pipe, ok := file.BufferedBody.(io.Closer); ok {
			_ = pipe.Close()
		}
		if err != nil {
			// Only the driver's own words: golang-migrate adds the whole file.
			err = originOf(err)
			var pg *pgconn.PgError
			if errors.As(err, &pg) && pg.Code == lockTimeout {
				return fmt.Errorf("migrate from version %d %s: somebody else held a table for longer than %s; this step has changed nothing, try again once they are done: %w",
					max(version, 0), way, lockWait, translate(err))
			}
			return fmt.Errorf("migrate from version %d %s: %w", max(version, 0), way, translate(err))
		}
	}
}

func fileUpFrom(files source.Driver, version int) (*migrate.Migration, error) {
	next, err := files.First()
	if version != database.NilVersion {
		next, err = files.Next(uint(version))
	}
	if err != nil {
		return nil, err
	}
	body, name, err := files.ReadUp(next)
	if err != nil {
		return nil, err
	}
	return migrate.NewMigration(body, name, next, int(next))
}

func fileDownFrom(files source.Driver, version int) (*migrate.Migration, error) {
	target := database.NilVersion
	previous, err := files.Prev(uint(version))
	switch {
	case err == nil:
		target = int(previous)
	case !errors.Is(err, fs.ErrNotExist): // it is the first file
		return nil, err
	}
	body, name, err := files.ReadDown(uint(version))
	if err != nil {
		return nil, err
	}
	return migrate.NewMigration(body, name, uint(version), target)
}

// originOf gives the driver's error inside one of golang-migrate, which comes
// by value or by pointer and unwraps neither way.
func originOf(err error) error {
	var byValue database.Error
	var byPointer *database.Error
	switch {
	case errors.As(err, &byValue):
		return byValue.OrigErr
	case errors.As(err, &byPointer):
		return byPointer.OrigErr
	}
	return err
}
