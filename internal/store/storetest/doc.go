// Package storetest gives each test a Postgres database of its own.
//
// One throwaway cluster serves a test process; it is started by the first test
// that asks and ends with the process. The schema is migrated once, into a
// template, by an owner who is no superuser; each test gets a copy of it, and
// works as the two unprivileged login roles, as production does. Nobody is ever
// a superuser here but the one who makes the copies: row security does not hold
// for a superuser, and every isolation test would pass for nothing.
//
// Each runs a test on every version of Postgres at hand, Seed fills a database
// for benchmarks, Wire stands between a Store and Postgres and can change what is
// asked, Exec and List do as the superuser what nobody can do in production.
//
// Safe for parallel tests. A test binary that uses it ends with Main, which
// stops the cluster and looks for goroutines that were left.
//
// Start reading at storetest.go.
package storetest
