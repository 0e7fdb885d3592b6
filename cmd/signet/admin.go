package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"signet/internal/app"
	"signet/internal/config"
	"signet/internal/core"
)

type adminCommand struct {
	Create adminCreate `cmd:"" help:"Make an owner of the platform."`
}

type adminCreate struct {
	Email         string `required:"" help:"The e-mail address to sign in with."`
	PasswordStdin bool   `help:"Read the password from standard input, one line. There is no default password."`
}

func (c *adminCreate) Run(ctx context.Context, t *terminal) error {
	if !c.PasswordStdin {
		return wrongUse{errors.New("give --password-stdin and the password on standard input: there is no default password")}
	}
	cfg, err := config.Read(config.FromProcess(nil), config.DatabaseURL)
	if err != nil {
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(t.in, core.MaxPasswordLength+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return app.CreateOwner(ctx, cfg, c.Email, core.NewSecret(strings.TrimRight(line, "\r\n")), t.out)
}
