package core

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/google/uuid"

	"signet/internal/fault"
)

// LinkPurpose is what a one-time link is for.
type LinkPurpose string

// The purposes. A link of one is nothing to the routes of another.
const (
	IntakePurpose     LinkPurpose = "intake"
	InvitationPurpose LinkPurpose = "invitation"
	ResetPurpose      LinkPurpose = "reset"
)

// linkPages are the pages of the console behind the links' addresses.
var linkPages = map[LinkPurpose]string{IntakePurpose: "/intake#", InvitationPurpose: "/invite#", ResetPurpose: "/reset#"}

// LinkToken is what stands in the address of a one-time link: the tenant, none for a
// link of the platform, the link, and 32 random bytes. It is known to nobody but who
// has the link.
type LinkToken struct {
	Purpose LinkPurpose
	Tenant  TenantID
	Link    LinkID
	text    Secret
}

// NewLinkToken draws a token for a link.
func NewLinkToken(purpose LinkPurpose, tenant TenantID, link LinkID) LinkToken {
	raw := make([]byte, linkTokenLength)
	copy(raw, tenant.UUID[:])
	copy(raw[16:], link.UUID[:])
	_, _ = rand.Read(raw[32:]) // crypto/rand never fails (it stops the program instead)
	return LinkToken{Purpose: purpose, Tenant: tenant, Link: link, text: NewSecret(base64.RawURLEncoding.EncodeToString(raw))}
}

const linkTokenLength = 16 + 16 + 32

// Text gives the token as it stands in the address: 86 letters, digits, "-", "_".
func (t LinkToken) Text() Secret { return t.text }

// Address gives the whole address for a console at consoleURL. The token stands
// behind the "#", so that it is in no log on its way.
func (t LinkToken) Address(consoleURL string) Secret {
	return NewSecret(consoleURL + linkPages[t.Purpose] + t.text.Expose())
}

// Hash is what is kept of the token. The random part alone makes it unguessable, so
// no slow hash is needed; the purpose makes a token of another one unknown.
func (t LinkToken) Hash() [32]byte {
	return sha256.Sum256([]byte("signet " + string(t.Purpose) + " 1 " + t.text.Expose()))
}

// ParseLinkToken reads the one spelling of a token; ok is false for anything else.
func ParseLinkToken(purpose LinkPurpose, text string) (t LinkToken, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != linkTokenLength || base64.RawURLEncoding.EncodeToString(raw) != text {
		return LinkToken{}, false
	}
	return LinkToken{Purpose: purpose, Tenant: TenantID{uuid.UUID(raw[:16])}, Link: LinkID{uuid.UUID(raw[16:32])}, text: NewSecret(text)}, true
}

// LinkState says what a one-time link is good for.
type LinkState string

// The states of a one-time link. All but the first are for good.
const (
	LinkOpen    LinkState = "open"
	LinkUsed    LinkState = "used"
	LinkExpired LinkState = "expired"
	LinkRevoked LinkState = "revoked"
)

// LinkTimes are the moments in the life of a one-time link.
type LinkTimes struct {
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    *time.Time
	RevokedAt *time.Time
}

// State gives the link's state at a time, and since when it is so. What has expired
// by itself was not taken back, though nobody can use it either way.
func (l LinkTimes) State(now time.Time) (LinkState, time.Time) {
	switch {
	case l.UsedAt != nil:
		return LinkUsed, *l.UsedAt
	case l.RevokedAt != nil && l.RevokedAt.Before(l.ExpiresAt):
		return LinkRevoked, *l.RevokedAt
	case !now.Before(l.ExpiresAt):
		return LinkExpired, l.ExpiresAt
	}
	return LinkOpen, l.CreatedAt
}

// linkEnds are the codes for links that are no longer open.
var linkEnds = map[LinkPurpose]map[LinkState]fault.Code{
	IntakePurpose:     {LinkUsed: fault.IntakeUsed, LinkRevoked: fault.IntakeRevoked, LinkExpired: fault.IntakeExpired},
	InvitationPurpose: {LinkUsed: fault.InvitationUsed, LinkRevoked: fault.InvitationRevoked, LinkExpired: fault.InvitationExpired},
	ResetPurpose:      {LinkUsed: fault.ResetUsed, LinkRevoked: fault.ResetRevoked, LinkExpired: fault.ResetExpired},
}

// RefuseEnded fails for a link that is no longer open, with the code for what has
// become of it and the moment at which it did.
func (l LinkTimes) RefuseEnded(purpose LinkPurpose, now time.Time) error {
	state, since := l.State(now)
	if state == LinkOpen {
		return nil
	}
	return fault.New(linkEnds[purpose][state], fault.At(since))
}
