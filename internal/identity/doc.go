// Package identity is who is at the console: passwords, sessions, the access
// tokens that requests carry and the refresh tokens that renew them.
//
// It owns the hashing of passwords (argon2id), the key that signs access tokens
// (Ed25519, its private half sealed under the platform's scope key), the making
// and the strict reading of those tokens, and the life of a session: ten minutes
// for an access token, a day without a refresh, a week in all. It is the only
// room that imports jwt. It refuses to decide what a member may do (core does,
// with the grants found here), to know a cookie or a header, and to say which
// half of a sign-in was wrong.
//
// An Identity is safe for concurrent use and starts no goroutine. A token that
// verifies is not yet a session: Authenticate asks the store each time, so that
// a session that was ended and a role that was taken away count at once. When
// Postgres is away everything here fails with fault.StoreUnavailable. At most
// two passwords are hashed at a time on a node, 64 MiB each, and one of them for a
// client; a crowd at the door is told to come again. The brakes on guessing go by
// the client's network and the e-mail address and are the node's own memory: with
// n nodes a guesser has n times as many tries, and after a restart all of them.
//
// Start reading at identity.go, then signin.go and brakes.go, then refresh.go.
package identity
