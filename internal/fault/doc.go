// Package fault is how a failure is named: one error type with a stable code,
// a kind that decides the HTTP status, a public sentence in Chinese and in
// English that says what to do, and a cause for the log alone.
//
// It owns the list of codes (codes.go), their texts (texts.go) and the smaller
// reasons that explain one code in detail (reasons.go). Codes are append-only:
// programs rely on them. It refuses to carry foreign text to the outside: the
// public sentence is made of our own words and of named values only.
//
// Only the layer that knows the meaning makes a fault; the others wrap with %w.
// A plain error is internal: the outside sees its request id and nothing else.
// An Error does not change once it was returned.
//
// Start reading at fault.go.
package fault
