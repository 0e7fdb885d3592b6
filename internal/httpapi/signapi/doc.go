// Package signapi is the public listener: it gives signatures to pages.
//
// It owns what a page may call (routes.go), how its query and body are read
// (query.go), the rate at which it may call (rates.go), what other origins may
// see (cors.go), and the bytes of the answers (answers.go), those of the
// original program's two routes included. It refuses to decide whether a page
// may be signed: that is the Signer's. It can name no secret, no store and no
// administrator's action, because it faces the internet.
//
// Everything here is safe for concurrent use. What happens while Postgres or
// WeCom are away, the Signer says; this package waits for nothing else.
//
// Start reading at routes.go.
package signapi
