package main

import (
	"fmt"

	"signet/internal/app"
)

type versionCommand struct{}

func (versionCommand) Run(t *terminal) error {
	v := app.Version()
	_, err := fmt.Fprintf(t.out, "signet %s\ncommit %s\n%s\n", v.Version, v.Commit, v.Go)
	return err
}
