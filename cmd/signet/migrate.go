package main

import (
	"context"

	"signet/internal/app"
	"signet/internal/config"
)

type migrateCommand struct {
	Up     migrateUp     `cmd:"" help:"Make the login roles where they are absent and bring the schema to this binary's version."`
	Down   migrateDown   `cmd:"" help:"Take the schema away, with everything in it. Roles stay."`
	Status migrateStatus `cmd:"" help:"Tell where the schema stands."`
}

type (
	migrateUp     struct{}
	migrateDown   struct{}
	migrateStatus struct{}
)

func readMigration() (config.Config, error) {
	return config.Read(config.FromProcess(nil), config.MigrateDatabaseURL)
}

func (migrateUp) Run(ctx context.Context, t *terminal) error {
	cfg, err := readMigration()
	if err != nil {
		return err
	}
	return app.MigrateUp(ctx, cfg, t.out)
}

func (migrateDown) Run(ctx context.Context, t *terminal) error {
	cfg, err := readMigration()
	if err != nil {
		return err
	}
	return app.MigrateDown(ctx, cfg, t.out)
}

func (migrateStatus) Run(ctx context.Context, t *terminal) error {
	cfg, err := readMigration()
	if err != nil {
		return err
	}
	return app.MigrateStatus(ctx, cfg, t.out)
}
