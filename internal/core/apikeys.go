package core

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"signet/internal/fault"
)

// The life of an API key, in whole days, and how many of a tenant may live at a time.
// Those that a newer one is about to replace are not counted.
const (
	DefaultAPIKeyDays = 90
	MaxAPIKeyDays     = 366
	MaxAPIKeys        = 50
)

// How long a key that was replaced goes on beside its successor.
const (
	DefaultAPIKeyOverlap = 24 * time.Hour
	MaxAPIKeyOverlap     = 7 * 24 * time.Hour
)

// APIKeyState says what an API key is good for.
type APIKeyState string

// The states of an API key. Those after the first two are for good.
const (
	APIKeyActive      APIKeyState = "active"
	APIKeyOverlapping APIKeyState = "overlapping" // replaced, and good for a while yet
	APIKeyReplaced    APIKeyState = "replaced"
	APIKeyExpired     APIKeyState = "expired"
	APIKeyRevoked     APIKeyState = "revoked"
)

// APIKey is what a server shows to act in a tenant, without what it shows.
type APIKey struct {
	ID           APIKeyID
	Name         string
	Prefix       string       // how its token begins, for people
	Scopes       []Permission // sorted
	AppID        AppID        // the one app that it signs for; zero: every app
	MadeBy       string       // name of the actor
	CreatedAt    time.Time
	ExpiresAt    time.Time
	LastUsedAt   *time.Time // to the minute
	LastUsedFrom string     // the network of that use
	RevokedAt    *time.Time
	ReplacedBy   APIKeyID // zero: by none
	OverlapUntil *time.Time
}

// State gives the key's state at a time.
func (k APIKey) State(now time.Time) APIKeyState {
	switch {
	case k.RevokedAt != nil:
		return APIKeyRevoked
	case !now.Before(k.ExpiresAt):
		return APIKeyExpired
	case k.OverlapUntil == nil:
		return APIKeyActive
	case now.Before(*k.OverlapUntil):
		return APIKeyOverlapping
	}
	return APIKeyReplaced
}

// Lives tells whether whoever shows the key is let in.
func (k APIKey) Lives(now time.Time) bool {
	state := k.State(now)
	return state == APIKeyActive || state == APIKeyOverlapping
}

// APIKeyNote is a reason to look at a key that lives.
type APIKeyNote string

// The notes, and what they begin at.
const (
	APIKeyNeverUsed   APIKeyNote = "never_used"
	APIKeyIdle        APIKeyNote = "idle"         // for 90 days and more
	APIKeyExpiresSoon APIKeyNote = "expires_soon" // within 14 days

	apiKeyIdleAfter = 90 * 24 * time.Hour
	apiKeySoon      = 14 * 24 * time.Hour
)

// Notes gives the reasons to look at the key, none for one that is over.
func (k APIKey) Notes(now time.Time) []APIKeyNote {
	var notes []APIKeyNote
	if !k.Lives(now) {
		return notes
	}
	switch {
	case k.LastUsedAt == nil:
		notes = append(notes, APIKeyNeverUsed)
	case now.Sub(*k.LastUsedAt) >= apiKeyIdleAfter:
		notes = append(notes, APIKeyIdle)
	}
	if k.ExpiresAt.Sub(now) <= apiKeySoon {
		notes = append(notes, APIKeyExpiresSoon)
	}
	return notes
}

// ParseScopes checks the scopes of a key to be made: one or more that a key can
// carry, none twice. It fails with fault.RequestInvalid pointing below pointer.
func ParseScopes(pointer string, texts []string) ([]Permission, error) {
	if len(texts) == 0 {
		return nil, fault.InvalidField(pointer, fault.ReasonMissing, nil)
	}
	scopes := make([]Permission, 0, min(len(texts), len(rules)))
	for n, text := range texts {
		p := Permission(text)
		at := pointer + "/" + strconv.Itoa(n)
		switch {
		case !p.IsScope():
			return nil, fault.InvalidField(at, fault.ReasonScope, nil)
		case slices.Contains(scopes, p):
			return nil, fault.InvalidField(at, fault.ReasonRepeated, nil)
		}
		scopes = append(scopes, p)
	}
	slices.Sort(scopes)
	return scopes, nil
}

// MayGiveScope tells whether the actor may give an API key of a tenant a scope: it is one
// that their role there carries, or one that is for keys alone. It fails with
// fault.PermissionDenied.
func (a Actor) MayGiveScope(tenant TenantID, p Permission) error {
	role := a.Grants.Tenants[tenant]
	if p.IsScope() && a.Kind != ActorAPIKey && (p == PagesSign || a.Grants.Platform.Can(p) || role.Can(p)) {
		return nil
	}
	return fault.New(fault.PermissionDenied, fault.Args{"scope": string(p)}).WithReason(fault.ReasonScopeNotHeld)
}

// APIKeyActor is who acts with an API key, in its one tenant.
func APIKeyActor(tenant TenantID, k APIKey, requestID string) Actor {
	return Actor{Kind: ActorAPIKey, APIKeyID: k.ID, Name: k.Name, RequestID: requestID,
		Grants: Grants{Tenants: map[TenantID]Role{tenant: ""}, Scopes: k.Scopes}}
}

// APIKeyToken is what whoever has a key shows: key, tenant and 32 random bytes. It
// shows nothing of itself but by Text. The zero one is no key's.
type APIKeyToken struct {
	Key    APIKeyID
	Tenant TenantID
	random [32]byte
}

// NewAPIKeyToken draws a token for a key.
func NewAPIKeyToken(tenant TenantID, key APIKeyID) APIKeyToken {
	t := APIKeyToken{Key: key, Tenant: tenant}
	_, _ = rand.Read(t.random[:]) // crypto/rand never fails (it stops the program instead)
	return t
}

// A token as text: the prefix that scanners of sources look for, and 112 letters and
// digits that stand for 70 bytes without a bit to spare.
const (
	APIKeyPrefix = "signet_"

	apiKeyBytes    = 16 + 16 + 32
	apiKeyChecked  = apiKeyBytes + 6
	apiKeyLength   = len(APIKeyPrefix) + apiKeyChecked*8/5
	apiKeyShown    = len(APIKeyPrefix) + 8 // of the key's id: nothing of what is secret
	apiKeyHashText = "signet api key 1 "
	apiKeySignText = "signet api key for pages 1 "
	apiKeySumText  = "signet api key sum 1 "
)

func (t APIKeyToken) bytes() (raw [apiKeyBytes]byte) {
	copy(raw[:], t.Key.UUID[:])
	copy(raw[16:], t.Tenant.UUID[:])
	copy(raw[32:], t.random[:])
	return raw
}

func apiKeySum(text string, raw *[apiKeyBytes]byte) [32]byte {
	var buffer [32 + apiKeyBytes]byte
	return sha256.Sum256(append(append(buffer[:0], text...), raw[:]...))
}

// Text gives the token as its holder keeps it.
func (t APIKeyToken) Text() Secret {
	raw := t.bytes()
	sum := apiKeySum(apiKeySumText, &raw)
	return NewSecret(APIKeyPrefix + appKeyEncoding.EncodeToString(append(raw[:], sum[:apiKeyChecked-apiKeyBytes]...)))
}

// Shown gives how the token begins, which is what people tell keys apart by.
func (t APIKeyToken) Shown() string { return t.Text().Expose()[:apiKeyShown] + "…" }

// Hash is what the console knows the token by. The random part alone makes it
// unguessable, so no slow hash is needed.
func (t APIKeyToken) Hash() [32]byte {
	raw := t.bytes()
	return apiKeySum(apiKeyHashText, &raw)
}

// SignHash is what signing knows the token by. It is another than Hash, so that what
// lies in the memory of the listener for pages opens nothing at the console.
func (t APIKeyToken) SignHash() [32]byte {
	raw := t.bytes()
	return apiKeySum(apiKeySignText, &raw)
}

// IsHash compares two hashes of tokens in constant time.
func IsHash(x, y [32]byte) bool { return subtle.ConstantTimeCompare(x[:], y[:]) == 1 }

// IsZero tells whether the token is no key's.
func (t APIKeyToken) IsZero() bool { return t == APIKeyToken{} }

// ParseAPIKeyToken reads the one spelling of a token; ok is false for anything else,
// a mistyped one among it. It does not allocate.
func ParseAPIKeyToken[T ~string | ~[]byte](text T) (t APIKeyToken, ok bool) {
	if len(text) != apiKeyLength || string(text[:len(APIKeyPrefix)]) != APIKeyPrefix {
		return APIKeyToken{}, false
	}
	var raw [apiKeyChecked]byte
	var bits, held uint
	out := 0
	for i := len(APIKeyPrefix); i < len(text); i++ {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z':
			bits = bits<<5 | uint(c-'a')
		case c >= '2' && c <= '7':
			bits = bits<<5 | uint(c-'2'+26)
		default:
			return APIKeyToken{}, false
		}
		if held += 5; held >= 8 {
			held -= 8
			raw[out] = byte(bits >> held)
			out++
			bits &= 1<<held - 1
		}
	}
	sum := apiKeySum(apiKeySumText, (*[apiKeyBytes]byte)(raw[:]))
	if string(sum[:apiKeyChecked-apiKeyBytes]) != string(raw[apiKeyBytes:]) {
		return APIKeyToken{}, false
	}
	t.Key, t.Tenant = APIKeyID{uuid.UUID(raw[:16])}, TenantID{uuid.UUID(raw[16:32])}
	copy(t.random[:], raw[32:])
	return t, true
}

// String implements fmt.Stringer without the token, as Secret does.
func (t APIKeyToken) String() string { return Redacted }

// GoString implements fmt.GoStringer without the token.
func (t APIKeyToken) GoString() string { return Redacted }

// Format implements fmt.Formatter, so that no verb reaches the token.
func (t APIKeyToken) Format(state fmt.State, _ rune) { _, _ = state.Write([]byte(Redacted)) }

// MarshalText implements encoding.TextMarshaler without the token.
func (t APIKeyToken) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// LogValue implements slog.LogValuer without the token.
func (t APIKeyToken) LogValue() slog.Value { return slog.StringValue(Redacted) }
