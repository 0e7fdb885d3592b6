package core

import "time"

// How long an invitation and a reset can be used. A reset opens an account that has
// rights already, and who gets it has asked for it: one day is enough.
const (
	InvitationLife = 72 * time.Hour
	ResetLife      = 24 * time.Hour
)

// Invitation is a one-time link by which a person becomes a member of a tenant, or
// one of the platform's people. It holds for one e-mail address.
type Invitation struct {
	ID     LinkID
	Tenant TenantID // zero: of the platform
	Email  string
	Role   Role
	MadeBy string // name of the actor
	LinkTimes
}

// Reset is a one-time link by which a member chooses a new password.
type Reset struct {
	ID      LinkID
	Member  MemberID // zero where a stranger named an address that nobody has
	Tenant  TenantID // whose owner made it; zero: the platform, or the member
	Factors bool     // the second factors go as well
	MadeBy  string
	LinkTimes
}

// LetterKind is what a letter is about.
type LetterKind string

// The kinds of letters.
const (
	InvitationLetter LetterKind = "invitation"
	ResetLetter      LetterKind = "reset" // made by who may
	ForgottenLetter  LetterKind = "forgotten"
)

// Letter is an e-mail with a one-time link in it.
type Letter struct {
	Kind       LetterKind
	To         string
	Link       LinkToken
	ExpiresAt  time.Time
	TenantName string // "" where it is about the platform
	Role       Role   // of an invitation
	MadeBy     string // name of the actor
}
