package main

import (
	"context"

	"signet/internal/app"
	"signet/internal/config"
)

type keysCommand struct {
	Init   keysInit   `cmd:"" help:"Make the master identity in a new file, and print its recipient and the recovery sheet."`
	Status keysStatus `cmd:"" help:"Tell the epochs of the root key, what hangs on each, and whether recovery is covered."`

	Deletions keysDeletions `cmd:"" help:"Print the list of destroyed tenants, to be kept beside the backups."`
	Forget    keysForget    `cmd:"" help:"Destroy in a restored database the tenants on a list of deletions."`
}

type keysInit struct {
	Out         string `required:"" placeholder:"FILE" help:"The new file; mode 0600; never overwritten."`
	PostQuantum bool   `help:"Make a post-quantum hybrid identity instead of X25519."`
}

func (c *keysInit) Run(t *terminal) error {
	cfg, err := config.Read(config.FromProcess(nil))
	if err != nil {
		return err
	}
	return app.InitKeys(cfg, c.Out, c.PostQuantum, t.out)
}

type keysStatus struct{}

func (keysStatus) Run(ctx context.Context, t *terminal) error {
	cfg, err := config.Read(config.FromProcess(nil), config.DatabaseURL, config.IdentityFile)
	if err != nil {
		return err
	}
	return app.KeyStatus(ctx, cfg, t.out)
}
