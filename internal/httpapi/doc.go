// Package httpapi is the fiber kit: what every listener of Signet does with a
// request before and after a route does its own part.
//
// It owns the limits on header, body, address and time; the request id; the one
// log event of each request; the recovery from a panic; the refusal of requests
// whose framing two servers could read differently; the address of the client
// behind listed proxies; strict JSON; and the one rendering of a failure as
// problem+json in the language that was asked for (problem.go, statuses.go).
// It is the only room that imports fiber, together with its slices signapi,
// consoleapi and opsapi. It refuses to know what a route means.
//
// A fiber app made by New is used by many goroutines at once. Strings that a
// slice takes out of a request are its own (Immutable is set, and the slices
// copy all the same): fasthttp uses the memory of a request again for the next,
// which may be another tenant's. The context of a request ends at its deadline
// or with its answer; that the client left is not noticed before that.
//
// Start reading at app.go, then edge.go.
package httpapi
