package core

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/google/uuid"
)

// IntakeLife is how long an intake link can be used.
const IntakeLife = 72 * time.Hour

// IntakeRefusals is how many secrets that WeCom refuses may be handed in with a link
// before it is taken back. Each counts among the tenant's refused calls, which stop
// all trials at 30 an hour.
const IntakeRefusals = 10

// IntakeState says what an intake link is good for.
type IntakeState string

// The states of an intake link. All but the first are for good.
const (
	IntakeOpen    IntakeState = "open"
	IntakeUsed    IntakeState = "used"
	IntakeExpired IntakeState = "expired"
	IntakeRevoked IntakeState = "revoked"
)

// IntakeLink is a one-time address with which somebody outside hands the secret of
// an app in. What stands in the address is known to nobody but who has it.
type IntakeLink struct {
	ID          IntakeID
	AppID       AppID
	MadeBy      string // name of the actor
	CreatedAt   time.Time
	ExpiresAt   time.Time
	UsedAt      *time.Time
	UsedVersion int32 // of the app's secret that came of it; 0: none
	RevokedAt   *time.Time
	Refused     int32 // how many secrets WeCom refused, those under trial among them
}

// State gives the link's state at a time.
func (l IntakeLink) State(now time.Time) IntakeState {
	switch {
	case l.UsedAt != nil:
		return IntakeUsed
	case l.RevokedAt != nil:
		return IntakeRevoked
	case !now.Before(l.ExpiresAt):
		return IntakeExpired
	}
	return IntakeOpen
}

// IntakeToken is what stands in the address: tenant, link, and 32 random bytes.
type IntakeToken struct {
	Tenant TenantID
	Link   IntakeID
	random [32]byte
}

// NewIntakeToken draws a token for a link.
func NewIntakeToken(tenant TenantID, link IntakeID) IntakeToken {
	t := IntakeToken{Tenant: tenant, Link: link}
	_, _ = rand.Read(t.random[:]) // crypto/rand never fails (it stops the program instead)
	return t
}

const intakeTokenLength = 16 + 16 + 32

// Text gives the token as it stands in the address: 86 letters, digits, "-", "_".
func (t IntakeToken) Text() Secret {
	raw := make([]byte, 0, intakeTokenLength)
	raw = append(raw, t.Tenant.UUID[:]...)
	raw = append(raw, t.Link.UUID[:]...)
	raw = append(raw, t.random[:]...)
	return NewSecret(base64.RawURLEncoding.EncodeToString(raw))
}

// Hash is what is kept of the token. The random part alone makes it unguessable, so
// no slow hash is needed.
func (t IntakeToken) Hash() [32]byte {
	return sha256.Sum256([]byte("signet intake 1 " + t.Text().Expose()))
}

// ParseIntakeToken reads the one spelling of a token; ok is false for anything else.
func ParseIntakeToken(text string) (t IntakeToken, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != intakeTokenLength || base64.RawURLEncoding.EncodeToString(raw) != text {
		return IntakeToken{}, false
	}
	t.Tenant, t.Link = TenantID{uuid.UUID(raw[:16])}, IntakeID{uuid.UUID(raw[16:32])}
	copy(t.random[:], raw[32:])
	return t, true
}
