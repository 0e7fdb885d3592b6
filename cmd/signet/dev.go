package main

import (
	"context"

	"signet/internal/app"
	"signet/internal/config"
)

type devCommand struct {
	Dir         string `default:".signet" help:"Folder for the data; it survives a restart."`
	Fresh       bool   `help:"Drop the data and begin anew."`
	PublicAddr  string `default:"127.0.0.1:8880" help:"Where pages ask for signatures."`
	ConsoleAddr string `default:"127.0.0.1:8881" help:"Where the console and its API are."`
	MetricsAddr string `default:"127.0.0.1:8882" help:"Where /metrics, /livez and /readyz are."`
	WecomAddr   string `default:"127.0.0.1:8883" help:"Where the fake WeCom is."`
	LogLevel    string `default:"warn" help:"debug, info, warn or error."`
}

func (c *devCommand) Run(ctx context.Context, t *terminal) error {
	cfg, err := config.Read(config.FromProcess(map[string]string{
		config.LogLevel: c.LogLevel, config.PublicAddr: c.PublicAddr,
		config.ConsoleAddr: c.ConsoleAddr, config.MetricsAddr: c.MetricsAddr,
	}))
	if err != nil {
		return err
	}
	return app.Dev(ctx, app.DevConfig{
		Dir: c.Dir, Fresh: c.Fresh,
		PublicAddr: c.PublicAddr, ConsoleAddr: c.ConsoleAddr, MetricsAddr: c.MetricsAddr, WeComAddr: c.WecomAddr,
		PostgresBinDir: cfg.PostgresBinDir, LogLevel: cfg.LogLevel,
	}, t.out, t.logger(cfg.LogLevel))
}
