package core

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
	"time"

	"signet/internal/fault"
)

// AppKind says by which way an app's access token is had.
type AppKind string

// The kinds of apps. Only self-built apps can be made today; the other two
// have their place in the schema.
const (
	SelfBuilt  AppKind = "self_built"  // 自建应用: corp id and secret
	Customised AppKind = "customised"  // 代开发应用: the permanent code is the secret
	ThirdParty AppKind = "third_party" // 第三方应用: suite token and permanent code
)

// Status says whether a tenant or an app takes part in signing.
type Status string

// The states of a tenant and of an app.
const (
	Active    Status = "active"
	Suspended Status = "suspended"
)

// ParseStatus reads a status as the API writes it. It fails with
// fault.RequestInvalid pointing at pointer.
func ParseStatus(pointer, text string) (Status, error) {
	switch s := Status(text); s {
	case Active, Suspended:
		return s, nil
	}
	return "", fault.InvalidField(pointer, fault.ReasonStatus, nil)
}

// AgentID is WeCom's number of an app inside its corp, kept as text because
// it is only ever passed on.
type AgentID string

// ParseAgentID checks an agent id: 1 to 10 digits, no leading zero. It fails
// with fault.RequestInvalid pointing at pointer.
func ParseAgentID(pointer, text string) (AgentID, error) {
	if len(text) == 0 || len(text) > 10 || text[0] == '0' {
		return "", fault.InvalidField(pointer, fault.ReasonAgentID, nil)
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return "", fault.InvalidField(pointer, fault.ReasonAgentID, nil)
		}
	}
	return AgentID(text), nil
}

// AppKey is the public name of an app: 128 random bits. It is no secret, but
// nobody can guess another's. As text it is "app_" and 26 letters and digits.
type AppKey [16]byte

const (
	appKeyPrefix = "app_"
	appKeyLength = len(appKeyPrefix) + 26
)

var appKeyEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewAppKey draws a fresh key.
func NewAppKey() AppKey {
	var key AppKey
	_, _ = rand.Read(key[:]) // crypto/rand never fails (it stops the program instead)
	return key
}

// ParseAppKey reads the one spelling of a key; ok is false for anything else.
// It does not allocate.
func ParseAppKey(text string) (key AppKey, ok bool) {
	if len(text) != appKeyLength || text[:len(appKeyPrefix)] != appKeyPrefix {
		return AppKey{}, false
	}
	var bits, held uint
	out := 0
	for i := len(appKeyPrefix); i < len(text); i++ {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z':
			bits = bits<<5 | uint(c-'a')
		case c >= '2' && c <= '7':
			bits = bits<<5 | uint(c-'2'+26)
		default:
			return AppKey{}, false
		}
		held += 5
		if held >= 8 {
			held -= 8
			key[out] = byte(bits >> held)
			out++
			bits &= 1<<held - 1
		}
	}
	return key, bits == 0 // the two spare bits are zero, or it is another spelling
}

// String gives the key as text.
func (k AppKey) String() string {
	var b strings.Builder
	b.Grow(appKeyLength)
	b.WriteString(appKeyPrefix)
	b.WriteString(appKeyEncoding.EncodeToString(k[:]))
	return b.String()
}

// App is one WeCom agent of a corp of a tenant.
type App struct {
	ID         AppID
	TenantID   TenantID
	CorpID     CorpID
	AgentID    AgentID
	Key        AppKey
	Name       string
	Kind       AppKind
	Status     Status
	AllowHTTP  bool           // pages on http:// may be signed too
	Strict     bool           // no page is signed by a node that has not heard of changes for an hour
	ServerOnly bool           // pages are signed for who shows an API key, and for nobody else
	SignIn     bool           // the tenant's people come in through it
	Secret     *SecretVersion // the current one; nil if there is none
	Version    int64          // counts every change; the ETag of the app
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// ParseAppSecret checks a secret as an administrator typed it: 16 to 128
// letters, digits, "-" and "_" after blanks round it were cut (the blank that
// comes along when copying). It fails with fault.RequestInvalid pointing at
// pointer and never repeats the value.
func ParseAppSecret(pointer, text string) (Secret, error) {
	text = strings.TrimSpace(text)
	if len(text) < 16 || len(text) > 128 || !isToken(text) {
		return Secret{}, fault.InvalidField(pointer, fault.ReasonSecret, nil)
	}
	return NewSecret(text), nil
}
