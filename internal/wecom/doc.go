// Package wecom talks to WeCom (企业微信): it fetches access tokens, corp
// tickets and agent tickets, and reads what WeCom says of an app.
//
// It owns the outgoing HTTP to WeCom and the one table of WeCom's error
// numbers, with a class for each that says what to do about it.
// It refuses to cache, to count and to decide when to call: that is the room
// ticket. It follows no redirect, uses no proxy, keeps no cookie and no
// connection, reads at most 64 KiB of an answer, and connects to public
// addresses only; where its base address is a loopback one, to loopback only.
//
// A Client is safe for concurrent use. Every call ends within Config.Timeout,
// tries included. A call fails with *Error only; neither its text nor its cause
// holds an address, a token, a secret or a word that came from WeCom. Calls
// that WeCom may count as wrong are never repeated here.
//
// Start reading at client.go, then call.go and errcodes.go.
package wecom
