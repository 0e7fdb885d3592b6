package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"signet/internal/app"
	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/wecom/wecomtest"
)

type fakeWeComCommand struct {
	Addr  string    `required:"" placeholder:"HOST:PORT" help:"Where to listen."`
	App   []fakeApp `sep:"none" placeholder:"CORP,AGENT,SECRET,HOST" help:"An app that it knows from the start on, with made-up values; more hosts may follow. Can be given again. Others come through /_fake/apps."`
	Mode  fakeMode  `default:"same" help:"What a repeated fetch of a token or ticket brings: same, the same value with its remaining time; same_7200, the same value with 7200 claimed each time; new, a new value each time; new_voids, a new value each time, and the older ones die."`
	Seed  string    `placeholder:"TEXT" help:"Tokens and tickets follow from it, so that they are known after a restart. Drawn where it is not given."`
	State string    `placeholder:"FILE" help:"Keeps the apps and the seed over a restart."`
}

func (c *fakeWeComCommand) Run(ctx context.Context, t *terminal) error {
	_, err := config.Read(config.FromProcess(nil)) // it has no key of its own, and still refuses a mistyped one
	if wrong := config.CheckAddr(c.Addr); wrong != nil {
		err = errors.Join(err, wrongUse{fmt.Errorf("--addr %w", wrong)})
	}
	if info, missing := os.Stat(c.State); missing == nil && !info.Mode().IsRegular() { // reading a pipe would wait for ever
		err = errors.Join(err, fmt.Errorf("--state names %q, which is no regular file: name one, or a path where it can be made", c.State))
	}
	if err != nil {
		return err
	}
	run := app.FakeWeComConfig{Addr: c.Addr, Mode: wecomtest.Mode(c.Mode), Seed: c.Seed, StateFile: c.State}
	for _, one := range c.App {
		run.Apps = append(run.Apps, wecomtest.App(one))
	}
	return app.FakeWeCom(ctx, run, t.out)
}

// fakeMode is a mode of the fake as a flag.
type fakeMode wecomtest.Mode

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *fakeMode) UnmarshalText(text []byte) error {
	mode, err := wecomtest.ParseMode(string(text))
	if err != nil {
		return fmt.Errorf("is %q: %w", text, err)
	}
	*m = fakeMode(mode)
	return nil
}

// fakeApp is an app of the fake as a flag.
type fakeApp wecomtest.App

// UnmarshalText implements encoding.TextUnmarshaler. Its errors name the part
// that is wrong and repeat no value, as one of them is a secret.
func (a *fakeApp) UnmarshalText(text []byte) error {
	const form = "write CORP,AGENT,SECRET,HOST, with made-up values of WeCom's form"
	parts := strings.Split(string(text), ",")
	if len(parts) < 4 {
		return fmt.Errorf("is no app: %s", form)
	}
	corp, err := core.ParseCorpID("", parts[0])
	if err != nil {
		return fmt.Errorf("holds no corp id (such as ww1111111111111111) where CORP should be: %s", form)
	}
	agent, err := core.ParseAgentID("", parts[1])
	if err != nil {
		return fmt.Errorf("holds no agent id (such as 1000002) where AGENT should be: %s", form)
	}
	secret, err := core.ParseAppSecret("", parts[2])
	if err != nil {
		return fmt.Errorf("holds no secret (16 to 128 letters, digits, - and _) where SECRET should be: %s", form)
	}
	for _, host := range parts[3:] {
		parsed, err := core.ParseHost("", host)
		if err != nil || strings.HasPrefix(string(parsed), "*") {
			return fmt.Errorf("holds no host (such as crm.example.com) where HOST should be: %s", form)
		}
		a.Domains = append(a.Domains, string(parsed))
	}
	a.Corp, a.Agent, a.Secret, a.Name = corp, agent, secret.Expose(), "app "+string(agent)
	return nil
}
