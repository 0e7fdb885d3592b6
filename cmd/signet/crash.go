package main

import (
	"errors"
	"runtime/debug"
)

// keepCrashesQuiet sees to it that a crash leaves no secret behind: no core file,
// nobody but root who looks into this process, and of a panic the one goroutine
// that it was in. What the environment asks for in GOTRACEBACK stays: Go lets
// nobody go below it. Postgres and other children begin with the limit of core
// files that is set here, and with nothing else of it.
func keepCrashesQuiet() error {
	debug.SetTraceback("single")
	return errors.Join(forbidCores(), forbidLooks())
}
