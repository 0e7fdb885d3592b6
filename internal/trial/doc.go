// Package trial asks WeCom whether a secret opens just the app that it is for: an
// access token, then the app's own record, then its ticket.
//
// It owns the meaning of what WeCom says then: which refusals judge the secret, and
// what a person has to set right. It opens stored secrets to try them, and nothing
// but secrets and what earlier trials have fetched; whoever asks for a trial never
// sees a stored value. It refuses to decide what becomes of a secret (admin does),
// to write anything, and to call WeCom past the ledger of upstream.
//
// A Trier is safe for concurrent use. With Postgres away a trial fails like any
// call that the ledger cannot count; with WeCom away it fails and nothing was
// judged.
//
// Start reading at trial.go.
package trial
