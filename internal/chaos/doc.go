// Package chaos brings a whole cluster through bad days: several nodes, each a
// process of the built binary, over one Postgres and the fake WeCom, with a
// proxy on each way between them, and load that goes on before, during and after
// what goes wrong.
//
// It owns the runner (cluster_test.go), the faults (faults_test.go), the load
// whose every signature is recomputed (load_test.go, book_test.go), and the
// seeded schedule of `make chaos` (schedule_test.go). The tests beside it take
// one fault each, in short; docs/failure-matrix.md names the test of each cell
// of the matrix, and matrix_test.go holds that page to the source.
//
// There is nothing here for code that ships: every file but this one is a test.
// It refuses to say how fast a node is: nodes, proxies, the fake, Postgres and
// the load share the machine. What is asserted is that nothing failed that may
// not, that everything signed verifies, and bounds with room; figures are
// printed.
//
// Start reading at cluster_test.go, then postgres_days_test.go.
package chaos
