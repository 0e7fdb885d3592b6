package app

import (
	"runtime"
	"runtime/debug"
)

// version and commit are set by the linker (Makefile).
var (
	version = "dev"
	commit  = ""
)

// Build says what is running.
type Build struct{ Version, Commit, Go string }

// Version gives the version, the commit and the Go version of this binary.
func Version() Build {
	b := Build{Version: version, Commit: commit, Go: runtime.Version()}
	if b.Commit != "" {
		return b
	}
	b.Commit = "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Commit = s.Value
			}
		}
	}
	return b
}
