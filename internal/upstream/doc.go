// Package upstream is the one gate to WeCom: every call that is made in a
// tenant's name passes here, whoever needs it, and is held against what is known
// before, and noted after.
//
// It owns the rule when a call may not be made (limits.go). WeCom locks a caller's
// address out for an hour after 2,000 wrong calls in an hour, and in a service for
// many tenants that address is everyone's: so there is one ledger of refused calls
// for the whole platform. It locks an app or a corp out that asks too often: so
// there is a budget of calls. Both stand in Postgres (ledger.go); what Postgres
// does not take is counted in memory until it does (unwritten.go). A call that has
// just brought nothing is not made again at once: it is paused in the whole
// cluster, for that tenant alone (pauses.go). And a tenant has a lane of its own,
// two calls wide, with a breaker (lanes.go). It refuses to know what a token is for
// and to keep any; rooms above do. ADR 9 says why this is a room, ADR 24 who holds
// back what.
//
// A Gate is safe for concurrent use. Where Postgres is away, or there for reading
// only, nothing can be counted there: a trial is then refused with
// fault.StoreUnavailable, a refresh with a credential that WeCom has accepted before
// goes on, within the limits by what this node has seen. Where WeCom is away the
// pauses grow to two minutes, and end with the first call that brings something.
//
// Start reading at gate.go.
package upstream
