package seal

import "errors"

// What can be wrong with keys. Test for them with errors.Is; the messages name
// the key and the mend, and never show a byte of either.
var (
	// ErrWrongMaster says that no identity of the file opens the root key.
	ErrWrongMaster = errors.New("wrong master identity")

	// ErrForged says that a root key row was not made by the holder of the
	// master identity, or was altered since.
	ErrForged = errors.New("root key row is not authentic")

	// ErrMissingEpoch says that a root key is not among the rows.
	ErrMissingEpoch = errors.New("root key is missing")
)

// What can be wrong with a sealed value or a wrapped scope key.
var (
	// ErrPurpose says that the Opener was not built for the value's purpose.
	ErrPurpose = errors.New("not an opener for this purpose")

	// ErrAltered says that the bytes are not those that were sealed for this
	// binding: moved from another row, forged, altered, cut or extended. It
	// deserves an alert.
	ErrAltered = errors.New("altered, forged, or moved from another place")

	// ErrFormat says that the bytes have a layout which this version of Signet
	// does not know, or one for the other pair of methods.
	ErrFormat = errors.New("unknown format")

	// ErrTooLarge says that there are more bytes than any sealed value has. It
	// is said before any work is done on them.
	ErrTooLarge = errors.New("too large")

	// ErrKeyMismatch says that the given scope key is of another scope than the
	// binding, or of another version than the one that sealed.
	ErrKeyMismatch = errors.New("not the key that sealed it")

	// ErrScopeKey says that it is the scope key which does not open, and so nothing
	// under it; another of these errors says why.
	ErrScopeKey = errors.New("a scope key does not open")

	// ErrIncomplete says that a binding lacks a part, or that there is no value
	// to be sealed: a mistake in the calling code.
	ErrIncomplete = errors.New("incomplete")
)
