package app

import (
	"context"
	"fmt"
	"io"

	"signet/internal/wecom/wecomtest"
)

// FakeWeComConfig says how the fake WeCom runs by itself. Only Addr is needed.
type FakeWeComConfig struct {
	Addr      string          // HOST:PORT
	Mode      wecomtest.Mode  // what a repeated fetch brings; "" is the same value while it lives
	Seed      string          // tokens and tickets follow from it; "" draws one, which StateFile keeps
	StateFile string          // keeps apps and seed over a restart; "" keeps nothing
	Apps      []wecomtest.App // that it knows from the start on
}

// FakeWeCom runs the fake WeCom by itself until ctx ends. It prints to out where
// it is.
func FakeWeCom(ctx context.Context, cfg FakeWeComConfig, out io.Writer) error {
	var seed []byte
	if cfg.Seed != "" {
		seed = []byte(cfg.Seed)
	}
	fake := wecomtest.New(wecomtest.Config{Mode: cfg.Mode, Seed: seed, StateFile: cfg.StateFile})
	if err := fake.LoadApps(); err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	for _, app := range cfg.Apps {
		fake.AddApp(app)
	}
	if err := fake.SaveApps(); err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	listener, err := listenOn(ctx, "--addr", cfg.Addr)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "fake WeCom on http://%s, help at http://%s/_fake/\n", listener.Addr(), listener.Addr())
	return fake.Serve(ctx, listener)
}
