//go:build race

package app_test

// underRace tells whether the race detector watches, under which tens of thousands of
// requests take too long. The matrix of the walls is run without it as well (Makefile).
const underRace = true
