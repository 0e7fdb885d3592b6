package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
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
	password, err := readPassword(ctx, t.in)
	if err != nil {
		return err
	}
	return app.CreateOwner(ctx, cfg, c.Email, password, t.out)
}

// readPassword reads one line, without its end. It returns when ctx ends, with
// what ended it; a read that has begun cannot be called back, and goes on until
// there is something to read or the process ends.
func readPassword(ctx context.Context, in io.Reader) (core.Secret, error) {
	type result struct {
		line string
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(io.LimitReader(in, core.MaxPasswordLength+2)).ReadString('\n')
		read <- result{line, err}
	}()
	select {
	case got := <-read:
		if got.err != nil && !errors.Is(got.err, io.EOF) {
			return core.Secret{}, fmt.Errorf("read the password from standard input: %w", got.err)
		}
		return core.NewSecret(strings.TrimRight(got.line, "\r\n")), nil
	case <-ctx.Done():
		return core.Secret{}, context.Cause(ctx)
	}
}
