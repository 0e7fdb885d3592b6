// Package config reads the environment, once, and checks it whole.
//
// It owns the names of the SIGNET_ keys, their defaults, and what may stand in
// each (contract, section 2). A value may come from a flag of `serve`, from the
// key itself, or from the regular file that NAME_FILE names. It refuses an
// unknown SIGNET_ key and reports all problems at once, one line each, under the
// name of the flag or the key that was used, never with a value that could be a
// secret.
//
// A Config does not change after it was read. Nothing else in Signet reads the
// environment.
//
// Start reading at config.go.
package config
