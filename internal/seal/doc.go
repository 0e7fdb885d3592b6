// Package seal locks secret values and opens them again. It is the only place
// that knows age, the key hierarchy and the layout of a sealed value.
//
// It owns the master identity file, the root keys, the scope keys and the powers
// over values, which are types of their own: a Sealer locks, an Opener opens, and
// only for the purposes it was built for; a Resealer turns a value from one key to
// another and shows it to nobody.
//
//	master identity   age, in a file outside the database; wraps root keys
//	└─ root key       32 bytes for each epoch; wraps scope keys, bound to their scope
//	   └─ scope key   32 bytes, one for each tenant and one for the platform
//	      └─ value    bound to scope, subject, purpose and version
//
// age has no associated data and does not say who encrypted, so it wraps root
// keys and nothing else, and each wrap carries a MAC under a key that only the
// master identity yields. Everything below is XChaCha20-Poly1305, whose
// associated data name the place that a value belongs to: what was moved,
// forged, cut or altered fails with ErrAltered.
//
// It refuses to know a database: rows come in and go out as values. It refuses
// to keep an opened scope key (opening one costs about a microsecond, and what
// is not there cannot be read from memory), to print a key or a value, and to
// touch any file but in ReadMaster and WriteMaster. What it cannot tell is an
// older row put back whole. An older token or ticket is harmless by the end that
// is sealed into it; an older app secret is found by its activation, which is the
// affair of store and ticket (docs/custody.md).
//
// Everything here is safe for concurrent use, and all but a Ring stays as it was
// made. A Ring that meets a root key which it does not hold reads the rows anew,
// by the Source that it was given. With Postgres away it goes on with those that
// it holds.
//
// Start reading at ring.go, then scopes.go and values.go.
package seal
