// Package identitytest is what people have in their hands, for tests: a device with a
// passkey, the codes of an authenticator, and an account at an OpenID provider.
//
// It knows no other room. An Authenticator belongs to one goroutine; a Provider is safe
// for concurrent use.
//
// Start reading at authenticator.go and provider.go.
package identitytest
