package main

import (
	"context"

	"signet/internal/app"
)

type fakeWeComCommand struct {
	Addr string `required:"" placeholder:"HOST:PORT" help:"Where to listen."`
}

func (c *fakeWeComCommand) Run(ctx context.Context, t *terminal) error {
	return app.FakeWeCom(ctx, c.Addr, t.out)
}
