// Package archtest holds the laws of the house as tests: which room may import
// which, who may use which module, and a few habits that a reviewer would
// otherwise have to watch for in every change.
//
// It owns the table of rooms (table_test.go), the laws (imports_test.go,
// source_test.go, tree_test.go) and what must be true of the deployment files
// (deploy_test.go). It refuses to be imported: there is nothing here but tests.
// It promises that every law is seen to fail, on a small model house that is
// broken in one place at a time (mutants_test.go), and it reads the sources in
// the process of the test: a test that ran `go list` would be served from the
// cache of `go test` and stay green.
//
// Changing the table is a decision about the design and takes an ADR.
// Start reading at table_test.go, then law_test.go.
package archtest
