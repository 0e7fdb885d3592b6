package config

import "strings"

// A FlagError is a problem of a value that came from a flag, so it is the
// command line that is wrong. Its text names the flag as it is typed, and is one
// line. Read joins it with the other problems; errors.As finds it there.
type FlagError struct{ problem error }

// Error implements error.
func (e FlagError) Error() string { return e.problem.Error() }

// Unwrap gives the problem without the mark.
func (e FlagError) Unwrap() error { return e.problem }

// flagOf is the flag that sets a key.
func flagOf(key string) string {
	return "--" + strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(key, prefix)), "_", "-")
}
