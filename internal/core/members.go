package core

import (
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"signet/internal/fault"
)

// Member is a person who uses the console.
type Member struct {
	ID       MemberID
	Email    string
	Platform Role // "" if the member belongs to tenants only
}

// Membership is what a person is to a tenant.
type Membership struct {
	Member       Member
	Role         Role
	Since        time.Time
	Version      int64      // counts every change; its ETag
	LastSignInAt *time.Time // nil: not within the time for which sessions are kept
	SecondFactor bool       // they have one
}

// PlatformMember is one of the platform's people: a member with a role on the platform.
type PlatformMember struct {
	Member
	Version      int64 // counts the changes of the role; its ETag
	Since        time.Time
	LastSignInAt *time.Time
	SecondFactor bool
}

// ParseTenantRole reads the role of a member in a tenant. It fails with
// fault.RequestInvalid pointing at pointer.
func ParseTenantRole(pointer, text string) (Role, error) {
	if role := Role(text); role.Valid() && !role.OfPlatform() {
		return role, nil
	}
	return "", fault.InvalidField(pointer, fault.ReasonTenantRole, nil)
}

// ParsePlatformRole reads the role of one of the platform's people. It fails as
// ParseTenantRole does.
func ParsePlatformRole(pointer, text string) (Role, error) {
	if role := Role(text); role.OfPlatform() {
		return role, nil
	}
	return "", fault.InvalidField(pointer, fault.ReasonPlatformRole, nil)
}

// ParseEmail checks an e-mail address and puts it into lower case, because a
// person is one person however they type it. No letter beyond ASCII becomes one of it
// by that, and none hides. It fails with fault.RequestInvalid
// pointing at pointer.
func ParseEmail(pointer, text string) (string, error) {
	text = strings.TrimSpace(text)
	address, err := mail.ParseAddress(text)
	if err != nil || address.Address != text || len(text) > 254 || !utf8.ValidString(text) || strings.ContainsFunc(text, isTreacherous) {
		return "", fault.InvalidField(pointer, fault.ReasonEmail, nil)
	}
	return strings.ToLower(text), nil
}

// isTreacherous tells whether a letter makes an address look like another, or become
// another in lower case: the sign of the kelvin becomes a "k".
func isTreacherous(r rune) bool {
	return isHidden(r) || r > unicode.MaxASCII && unicode.ToLower(r) <= unicode.MaxASCII
}

// The length of a password in bytes. The lower bound is NIST's for a password
// that stands with a second factor, made longer; the upper one keeps a stranger
// from making the server hash a novel.
const (
	MinPasswordLength = 12
	MaxPasswordLength = 256
)

// ParsePassword checks the password of a member to be made. It fails with
// fault.RequestInvalid pointing at pointer.
func ParsePassword(pointer, text string) (Secret, error) {
	if len(text) < MinPasswordLength || len(text) > MaxPasswordLength || !utf8.ValidString(text) {
		return Secret{}, fault.InvalidField(pointer, fault.ReasonPassword, nil)
	}
	return NewSecret(text), nil
}
