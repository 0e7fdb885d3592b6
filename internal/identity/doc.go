// Package identity is who is at the console: passwords, second factors, passkeys,
// sessions, the access tokens that requests carry and the refresh tokens that renew
// them, API keys, invitations and resets.
//
// It owns the hashing of passwords (argon2id), what second factors are proved by
// (sealed under the platform's scope key), the keys that sign access tokens
// (Ed25519, their private halves sealed likewise, turned while they are in use), the
// making and the strict reading of those tokens, and the life of a session: ten
// minutes for an access token, a day without a refresh, a week in all. It is the only
// room that imports jwt, webauthn and otp. It refuses to decide what a member may do (core does,
// with the grants found here), to know a cookie or a header, and to say which
// half of a sign-in was wrong.
//
// An Identity is safe for concurrent use and starts no goroutine. A token that
// verifies is not yet a session: Authenticate asks the store each time, so that
// a session that was ended and a role that was taken away count at once. When
// Postgres is away everything here fails with fault.StoreUnavailable. At most
// two passwords are hashed at a time on a node, 64 MiB each, and one of them for a
// client; a crowd at the door is told to come again. The brakes on guessing go by
// the client's network, the browser and the e-mail address and hold for all nodes
// together; the one that stands before Postgres is each node's own.
//
// Start reading at identity.go, then signin.go, brakes.go and waiting.go, then
// refresh.go.
package identity
