// Package outbound is how Signet speaks to anything that is not WeCom: the sign-in
// provider of the platform's people, the mail server, and addresses that strangers
// name.
//
// It owns the two kinds of HTTP client and the list of networks that no stranger's
// address may lead into, the sending of mail and the texts of letters. It refuses to
// follow a redirect, to use a proxy of the environment, to read an answer of any
// length, and to say of a failure what the other side has written.
//
// There are two kinds of far ends. Whoever runs Signet names the sign-in provider and
// the mail server in its configuration: those may well lie in an internal network, and
// Client goes there. What anybody else names, goes through Guarded, which looks at each
// address after it was resolved, so that a name which answers differently the second
// time leads nowhere either.
//
// Everything is safe for concurrent use. When a far end is away, its caller is told
// within the time of its limits; letters that nobody waits for are dropped, counted in
// the log, rather than kept without bound.
//
// Start reading at client.go and guard.go, then mail.go.
package outbound
