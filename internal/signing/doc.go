// Package signing is the main path: find the app, check the page, take the
// tickets, sign.
//
// It owns the page rule (page.go: which address may be signed at all), the
// directory of all apps in memory (directory.go, kept current by changes.go),
// the signature itself (signature.go), and that tickets of apps in use are
// renewed before a page needs them (ahead.go). It refuses to take a nonce or a time
// from anyone, to change one byte of an address, and to know a secret.
//
// A Signer is safe for concurrent use and takes no lock that another tenant
// could hold. For a warm tenant it needs neither Postgres nor WeCom; what
// happens to a cold one while they are away, package ticket says. A node that is
// cut off from Postgres signs on with what it knows, and after 60 minutes no more
// for apps marked strict (feed.go).
//
// Start reading at sign.go; ahead.go has the other story, behind the pages.
package signing
