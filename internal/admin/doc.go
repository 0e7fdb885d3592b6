// Package admin is what administrators do: tenants, apps, trusted domains,
// secrets, bound hosts, and the reading of the audit.
//
// It owns each action as numbered steps: may the actor do it, is the input
// right, what does WeCom say (outside any transaction), then one transaction
// with the change, its row in the change feed and its row in the audit. It
// refuses to open anything sealed (it has a Sealer and no Opener), to trust a
// caller's word about the tenant of an id, and to make a change that cannot be
// audited.
//
// Actions is safe for concurrent use. When Postgres is away every action fails
// with fault.StoreUnavailable and has changed nothing; when WeCom is away only
// those that try a secret fail. A tenant's key that does not open is logged as the
// alert seal_refused, and nothing is stored under it.
//
// Start reading at rotate.go, which is the second of the two stories that the
// house is built round (docs/architecture.md).
package admin
