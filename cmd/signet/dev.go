package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"signet/internal/app"
	"signet/internal/config"
)

type devCommand struct {
	Dir         string `default:".signet" help:"Folder for the data; it survives a restart."`
	Fresh       bool   `help:"Drop the data and begin anew."`
	PublicAddr  string `help:"Where pages ask for signatures (SIGNET_PUBLIC_ADDR); 127.0.0.1:8880 if neither is given."`
	ConsoleAddr string `help:"Where the console and its API are (SIGNET_CONSOLE_ADDR); 127.0.0.1:8881 if neither is given."`
	MetricsAddr string `help:"Where /metrics, /livez and /readyz are (SIGNET_METRICS_ADDR); 127.0.0.1:8882 if neither is given."`
	WecomAddr   string `default:"127.0.0.1:8883" help:"Where the fake WeCom is."`
	LogLevel    string `help:"debug, info, warn or error (SIGNET_LOG_LEVEL); warn if neither is given."`
}

// broughtByDev are the keys whose things dev brings itself.
var broughtByDev = []string{
	config.DatabaseURL, config.SystemDatabaseURL, config.MigrateDatabaseURL,
	config.IdentityFile, config.PassphraseFile, config.RecoveryRecipient, config.WeComURL, config.WeComLoginURL,
}

// devDefaults stand in place of those of serve: one machine, and a terminal that
// is read by a person. The two URLs follow from the addresses.
var devDefaults = map[string]string{
	config.PublicAddr: "127.0.0.1:8880", config.ConsoleAddr: "127.0.0.1:8881", config.MetricsAddr: "127.0.0.1:8882",
	config.LogLevel: "warn", config.PublicURL: "", config.ConsoleURL: "",
}

func (c *devCommand) Run(ctx context.Context, t *terminal) error {
	dev, unused, err := c.read(config.FromProcess(nil))
	if err != nil {
		return err
	}
	log := t.logger(dev.LogLevel)
	if len(unused) > 0 {
		log.Warn("signet dev brings its own database, identity and WeCom, and does not use what these keys say", "keys", strings.Join(unused, " "))
	}
	return app.Dev(ctx, dev, t.out, log)
}

// read gives what dev runs with, and the keys that are set and that it does not
// use.
func (c *devCommand) read(from config.Source) (dev app.DevConfig, unused []string, err error) {
	from.Flags = map[string]string{
		config.LogLevel: c.LogLevel, config.PublicAddr: c.PublicAddr,
		config.ConsoleAddr: c.ConsoleAddr, config.MetricsAddr: c.MetricsAddr,
	}
	from.Defaults = devDefaults
	cfg, err := config.Read(from)
	if err = errors.Join(err, c.checkWeComAddr(cfg)); err != nil {
		return dev, nil, err
	}
	unused = slices.DeleteFunc(cfg.Given, func(key string) bool { return !slices.Contains(broughtByDev, key) })
	return app.DevConfig{
		Dir: c.Dir, Fresh: c.Fresh,
		PublicAddr: cfg.PublicAddr, ConsoleAddr: cfg.ConsoleAddr, MetricsAddr: cfg.MetricsAddr, WeComAddr: c.WecomAddr,
		PublicURL: cfg.PublicURL, ConsoleURL: cfg.ConsoleURL, TrustedProxies: cfg.TrustedProxies,
		DeletionGrace: cfg.DeletionGrace, KeyBackupDays: cfg.KeyBackupDays,
		PostgresBinDir: cfg.PostgresBinDir, LogLevel: cfg.LogLevel,
	}, unused, nil
}

// checkWeComAddr checks the one address of dev that is no key.
func (c *devCommand) checkWeComAddr(cfg config.Config) error {
	if err := config.CheckAddr(c.WecomAddr); err != nil {
		return wrongUse{fmt.Errorf("--wecom-addr %w", err)}
	}
	for _, other := range []struct{ key, addr string }{
		{config.PublicAddr, cfg.PublicAddr}, {config.ConsoleAddr, cfg.ConsoleAddr}, {config.MetricsAddr, cfg.MetricsAddr},
	} {
		if other.addr != "" && config.Collide(c.WecomAddr, other.addr) {
			return wrongUse{fmt.Errorf("--wecom-addr is %q, where %s (%q) listens already: give each a port of its own", c.WecomAddr, other.key, other.addr)}
		}
	}
	return nil
}
