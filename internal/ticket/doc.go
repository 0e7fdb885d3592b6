// Package ticket has a fresh ticket at hand: access tokens, corp tickets and
// agent tickets, for every app of every tenant.
//
// It owns the three layers (memory, sealed row in Postgres, WeCom), the rule
// how long a value may be used, the one flight for each key inside a process, and
// the turns between processes. A key always carries the tenant: two tenants may
// have entered the same corp id, and neither may be served the other's ticket. It
// holds the only Opener of app secrets. It refuses to keep an error, to sign, and
// to hold a transaction while WeCom answers.
//
// A Cache is safe for concurrent use; reading a value that is in memory takes
// no lock that another tenant could hold. While Postgres is away what is in
// memory goes on being used until its end, and this node fetches for itself what
// it holds the secret for (alone.go); another key fails with
// fault.StoreUnavailable. While WeCom is away what lives is served, and a cold
// key fails with one of the wecom codes. A row that was altered, moved or forged
// raises an alert and is fetched anew. Where WeCom refuses one app, another of
// the same tenant and corp fetches the corp ticket.
//
// Across nodes one at a time fetches a value, in its turn (turn.go, ADR 0023): a
// lease fenced by its epoch. What comes after its turn is thrown away; who waits
// is woken by the change feed (wake.go) and looks again by itself.
//
// Start reading at cache.go, then load.go and fetch.go; use.go has the rule of
// the ends, renew.go what is done ahead of them (ADR 0028).
package ticket
