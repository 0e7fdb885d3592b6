// Package console carries the console's pages inside the binary.
//
// It owns the built files: with the build tag console they are those of dist,
// which `make build` has npm make; without it, one small page that says the
// pages are missing, so that the Go code builds and is tested with no Node.js.
// It refuses to serve anything: httpapi/consoleapi does, with its headers.
// Files gives the same read-only files for as long as the process lives and is
// safe for concurrent use.
//
// Start reading at embed.go, for the pages themselves at src/main.tsx.
package console
