// Package failpoint names the places at which a test ends the process, as a loss
// of power would: before and after every write of every turning of keys, and in the moves of
// a secret.
//
// It owns the list of the names. It refuses to do anything in a binary that is not
// built for such a test (build tag failpoints). There the environment variable
// FAILPOINT holds one of the names, and whoever comes to that place is killed.
//
// Safe for concurrent use.
package failpoint
