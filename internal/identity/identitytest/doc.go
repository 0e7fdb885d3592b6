// Package identitytest is what people have in their hands, for tests: a device with a
// passkey, and the codes of an authenticator.
//
// It knows no other room. An Authenticator belongs to one goroutine.
//
// Start reading at authenticator.go.
package identitytest
