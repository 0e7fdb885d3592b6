//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package main

import (
	"fmt"
	"syscall"
)

// forbidCores sets the limit of core files to nothing. Both limits, so that nobody
// raises it again.
func forbidCores() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("a crash may leave a core file: setrlimit: %w", err)
	}
	return nil
}
