// Package journal is the log of a node: lines of JSON that nobody waits for.
//
// It owns the way from a line to the writer behind it: lines are gathered in
// memory and written together, a tenth of a second later at most, and at once
// when one of them is a warning or an error. It refuses to know what a line
// says; slog makes them, or package httpapi for its one line a request.
//
// Whoever logs never waits. Where the writer takes nothing (a full disk, a pipe
// that nobody reads), lines are kept up to a bound, then dropped and counted;
// when it takes lines again, one of them says how many are missing. What is
// gathered is lost when the process is killed, a tenth of a second at most. A
// Journal is safe for concurrent use; two lines never mix.
//
// Start reading at journal.go, then handler.go.
package journal
