package main

import (
	"context"

	"signet/internal/app"
	"signet/internal/config"
)

// healthCommand is for containers without a shell: it asks the node beside it.
type healthCommand struct{}

func (healthCommand) Run(ctx context.Context, t *terminal) error {
	cfg, err := config.Read(config.FromProcess(nil))
	if err != nil {
		return err
	}
	return app.Health(ctx, cfg, t.out)
}
