package core

import "time"

// FactorKind is a kind of what a member proves with who they are, besides a
// password.
type FactorKind string

// The kinds.
const (
	TOTP    FactorKind = "totp" // codes of RFC 6238 that change every 30 seconds
	Passkey FactorKind = "passkey"
)

// Factor is a second factor or a passkey of a member, without what proves it.
type Factor struct {
	ID          FactorID
	Kind        FactorKind
	Name        string // as its member calls it
	CreatedAt   time.Time
	ConfirmedAt *time.Time // nil: it does not count yet
	UsedAt      *time.Time
}

// MaxFactors bounds how many a member has at a time.
const MaxFactors = 20
