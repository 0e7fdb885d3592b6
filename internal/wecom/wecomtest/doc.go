// Package wecomtest is a fake WeCom (企业微信), for tests and for the command
// signet fakewecom: as strict as the real one, never kinder.
//
// It owns the rules of the other side as far as Signet meets them: apps and
// their secrets, access tokens and tickets with a real end, the quotas of 400
// and 100 ticket fetches an hour, the lock-out of an address after 2,000 wrong
// calls, trusted IPs, the client's check of a signature, callbacks. Faults of
// every kind can be laid over them, and every call is logged for tests to
// count.
//
// It refuses to be helpful where the papers leave something open: it then
// takes the reading that is harder on its caller, or has a switch (Config).
//
// A Server is safe for concurrent use. Values are derived from Config.Seed, so
// that a fake which was restarted with the same seed and the same apps knows
// the values that it gave before. A log entry holds no secret, token or ticket.
//
// Start reading at server.go, then answers.go, values.go and quotas.go.
package wecomtest
