package identitytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"
)

// Authenticator is a device that holds one passkey, as WebAuthn level 2 describes it,
// together with the browser that asks it.
type Authenticator struct {
	ID      []byte // of its credential
	Origin  string // of the page that asks
	RPID    string // that the browser takes that page for
	Handle  []byte // the member, as the device has kept them
	NoCheck bool   // it does not verify who holds it

	key   *ecdsa.PrivateKey
	count uint32
}

// NewAuthenticator makes a device, before a page of the given origin.
func NewAuthenticator(t testing.TB, origin string) *Authenticator {
	t.Helper()
	at, err := url.Parse(origin)
	require.NoError(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &Authenticator{ID: id, key: key, Origin: origin, RPID: at.Hostname()}
}

const (
	flagPresent  = 1 << 0
	flagVerified = 1 << 2
	flagCreated  = 1 << 6
)

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func (a *Authenticator) flags() byte {
	if a.NoCheck {
		return flagPresent
	}
	return flagPresent | flagVerified
}

func (a *Authenticator) data(flags byte) []byte {
	a.count++
	hash := sha256.Sum256([]byte(a.RPID))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), a.count)
}

func (a *Authenticator) client(t testing.TB, kind string, asked json.RawMessage) (text []byte, member []byte) {
	t.Helper()
	var options struct {
		Challenge string
		User      struct{ ID string }
	}
	require.NoError(t, json.Unmarshal(asked, &options))
	member, err := base64.RawURLEncoding.DecodeString(options.User.ID)
	require.NoError(t, err)
	text, err = json.Marshal(map[string]any{"type": kind, "challenge": options.Challenge, "origin": a.Origin, "crossOrigin": false})
	require.NoError(t, err)
	return text, member
}

// Create answers navigator.credentials.create.
func (a *Authenticator) Create(t testing.TB, asked json.RawMessage) json.RawMessage {
	t.Helper()
	client, member := a.client(t, "webauthn.create", asked)
	a.Handle = member
	data := append(a.data(a.flags()|flagCreated), make([]byte, 16)...) // no device says which it is
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.ID)))
	data = append(data, a.ID...)
	data = append(data, 0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20) // COSE: EC2, ES256, P-256, x
	point, err := a.key.PublicKey.Bytes()
	require.NoError(t, err)
	data = append(data, point[1:33]...)
	data = append(data, 0x22, 0x58, 0x20)
	data = append(data, point[33:]...)
	object := append([]byte{0xa3, 0x63}, "fmt\x64none\x67attStmt\xa0\x68authData\x59"...)
	object = binary.BigEndian.AppendUint16(object, uint16(len(data)))
	return a.answer(t, map[string]any{"clientDataJSON": b64(client), "attestationObject": b64(append(object, data...)), "transports": []string{"internal"}})
}

// Get answers navigator.credentials.get.
func (a *Authenticator) Get(t testing.TB, asked json.RawMessage) json.RawMessage {
	t.Helper()
	client, _ := a.client(t, "webauthn.get", asked)
	data := a.data(a.flags())
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	require.NoError(t, err)
	return a.answer(t, map[string]any{"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": b64(a.Handle)})
}

func (a *Authenticator) answer(t testing.TB, response map[string]any) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"id": b64(a.ID), "rawId": b64(a.ID), "type": "public-key", "response": response,
		"clientExtensionResults": map[string]any{}, "authenticatorAttachment": "platform",
	})
	require.NoError(t, err)
	return text
}

// Code is what an authenticator with that seed shows at a time.
func Code(t testing.TB, seed string, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(seed, at)
	require.NoError(t, err)
	return code
}
