package main

import (
	"context"

	"signet/internal/app"
	"signet/internal/config"
)

type keysDeletions struct {
	Out string `placeholder:"FILE" help:"Write the list into FILE instead, whole or not at all; it never gets shorter."`
}

func (c *keysDeletions) Run(ctx context.Context, t *terminal) error {
	cfg, err := config.Read(config.FromProcess(nil), config.DatabaseURL)
	if err != nil {
		return err
	}
	return app.KeyDeletions(ctx, cfg, c.Out, t.out)
}

type keysForget struct {
	List   string `required:"" placeholder:"FILE" help:"A list that keys deletions has written."`
	DryRun bool   `help:"Only tell what would be destroyed."`
}

func (c *keysForget) Run(ctx context.Context, t *terminal) error {
	cfg, err := config.Read(config.FromProcess(nil), config.DatabaseURL)
	if err != nil {
		return err
	}
	return app.KeyForget(ctx, cfg, c.List, c.DryRun, t.out)
}
