//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// overwriteFreed has Go's collector overwrite what it takes back, so that a secret
// which nothing refers to any more is gone with the next collection and not when
// its memory happens to be given out again (docs/memory.md has it measured). Go
// reads that setting when a process begins, and from the environment alone: so this
// process begins once more, under the same id, with it. Who sets clobberfree in
// GODEBUG has the last word.
func overwriteFreed() error {
	const setting, value = "clobberfree", "1"
	godebug := os.Getenv("GODEBUG")
	if strings.Contains(godebug, setting+"=") {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("what was used stays in memory until it is written over: %w", err)
	}
	with := "GODEBUG=" + strings.TrimPrefix(godebug+","+setting+"="+value, ",")
	err = syscall.Exec(self, os.Args, append(without(os.Environ(), "GODEBUG="), with))
	return fmt.Errorf("what was used stays in memory until it is written over: exec %s: %w", self, err)
}

func without(environ []string, prefix string) []string {
	kept := make([]string, 0, len(environ))
	for _, pair := range environ {
		if !strings.HasPrefix(pair, prefix) {
			kept = append(kept, pair)
		}
	}
	return kept
}
