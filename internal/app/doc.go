// Package app puts the rooms together: what each command does, in the order in
// which it does it.
//
// It owns starting and stopping: the order of the checks at start, the three
// listeners, the groups of goroutines, the drain. It is the only room that
// makes two others at once, and it refuses to know anything that one of them
// could know.
//
// A Server runs once. Starting one writes nothing before every check has
// passed; what a check finds is one sentence that names the mend.
//
// Start reading at server.go, then dev.go.
package app
