package config

import (
	"os"
	"slices"
	"strings"
)

// WithGoDebug gives the environment of this process with a setting of Go's runtime
// in GODEBUG, behind those that stand there. ok is false where that very setting is
// one of them: who runs the process has the last word.
func WithGoDebug(setting, value string) (environ []string, ok bool) {
	return withGoDebug(os.Environ(), setting, value)
}

func withGoDebug(environ []string, setting, value string) ([]string, bool) {
	const key = "GODEBUG="
	var settings []string
	others := slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		said, is := strings.CutPrefix(pair, key)
		if is && said != "" {
			settings = strings.Split(said, ",") // the last one holds, as in Go
		}
		return is
	})
	for _, s := range settings {
		if strings.HasPrefix(s, setting+"=") {
			return environ, false
		}
	}
	return append(others, key+strings.Join(append(settings, setting+"="+value), ",")), true
}
