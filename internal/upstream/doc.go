// Package upstream is the one gate to WeCom: every call that is made in a
// tenant's name passes here, whoever needs it, and is held against the ledger
// of refused calls before and after.
//
// It owns the rule when a call may not be made. WeCom locks a caller's address
// out for an hour after 2,000 wrong calls in an hour, and in a service for many
// tenants that address is everyone's: so there is one ledger in Postgres for the
// whole platform (ledger.go); what Postgres does not take is counted in memory
// until it does (unwritten.go). And a call that has just brought nothing is not made
// again at once: it is paused in this process, for that tenant alone
// (pauses.go). It refuses to know what a token is for and to keep any; rooms
// above do. ADR 0009 says why this is a room.
//
// A Gate is safe for concurrent use. Where Postgres is away the ledger cannot
// be asked: a trial is then refused with fault.StoreUnavailable, a refresh with
// a credential that WeCom has accepted before goes on, up to what this node has
// seen refused. Where WeCom is away the
// pauses grow to a minute, and end with the first call that brings something.
//
// Start reading at gate.go.
package upstream
