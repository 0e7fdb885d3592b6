// Package store is the only place that speaks SQL.
//
// It owns the connection pools, the doors through which rows are reached, the
// statements, the migrations' running, the change feed, and the names of the
// driver's errors. There are four doors. Tenant opens one tenant's rows:
// every statement names the tenant and row security holds as a second wall.
// Platform opens what belongs to no tenant: members, sessions, root keys,
// bound hosts. Keys opens the wrapped keys of all scopes, to be wrapped anew, and
// nothing else of a tenant. System, under a login role of its own, makes the few reads
// across tenants and can see no sealed column.
//
// It refuses to decide who may do what, to open anything sealed, and to run as
// a role that walks through row security (check.go).
//
// A Store is safe for concurrent use. When Postgres is away every door fails
// with fault.StoreUnavailable within Config.Patience; nothing that has begun is
// tried again here. When it comes back no pool rushes at it (connects.go).
// A statement under way when Postgres falls silent ends with the caller's
// context, so every caller gives it a deadline.
// A transaction is never held open by this package across a call to anything
// but Postgres.
//
// Start reading at doors.go, then tenants.go and apps.go.
package store
