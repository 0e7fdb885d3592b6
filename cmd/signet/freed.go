//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package main

import (
	"fmt"
	"os"
	"syscall"

	"signet/internal/config"
)

// overwriteFreed has Go's collector overwrite what it takes back, so that a secret
// which nothing refers to any more is gone with the next collection and not when
// its memory happens to be given out again (docs/memory.md has it measured). Go
// reads that setting when a process begins, and from the environment alone: so this
// process begins once more, under the same id, with it. Who sets clobberfree in
// GODEBUG has the last word.
func overwriteFreed() error {
	environ, anew := config.WithGoDebug("clobberfree", "1")
	if !anew {
		return nil
	}
	self, err := os.Executable()
	if err == nil {
		err = syscall.Exec(self, os.Args, environ) //nolint:gosec // it is this very program
	}
	return fmt.Errorf("what was used stays in memory until it is written over: begin anew: %w", err)
}
