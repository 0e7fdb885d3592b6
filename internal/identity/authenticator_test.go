package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// authenticator is a device that holds one passkey, as WebAuthn level 2 describes it.
type authenticator struct {
	id      []byte
	key     *ecdsa.PrivateKey
	count   uint32
	origin  string // of the page that asks
	rpID    string // that the browser takes that page for
	handle  []byte
	noCheck bool // it does not verify who holds it
}

func newAuthenticator(t testing.TB) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &authenticator{id: id, key: key, origin: issuer, rpID: "console.signet.example"}
}

const (
	flagPresent  = 1 << 0
	flagVerified = 1 << 2
	flagCreated  = 1 << 6
)

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func (a *authenticator) flags() byte {
	if a.noCheck {
		return flagPresent
	}
	return flagPresent | flagVerified
}

func (a *authenticator) data(flags byte) []byte {
	a.count++
	hash := sha256.Sum256([]byte(a.rpID))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), a.count)
}

func (a *authenticator) client(t testing.TB, kind string, asked json.RawMessage) (text []byte, member []byte) {
	t.Helper()
	var options struct {
		Challenge string
		User      struct{ ID string }
	}
	require.NoError(t, json.Unmarshal(asked, &options))
	member, err := base64.RawURLEncoding.DecodeString(options.User.ID)
	require.NoError(t, err)
	text, err = json.Marshal(map[string]any{"type": kind, "challenge": options.Challenge, "origin": a.origin, "crossOrigin": false})
	require.NoError(t, err)
	return text, member
}

// create answers navigator.credentials.create.
func (a *authenticator) create(t testing.TB, asked json.RawMessage) json.RawMessage {
	t.Helper()
	client, member := a.client(t, "webauthn.create", asked)
	a.handle = member
	data := append(a.data(a.flags()|flagCreated), make([]byte, 16)...) // no device says which it is
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.id)))
	data = append(data, a.id...)
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

// get answers navigator.credentials.get.
func (a *authenticator) get(t testing.TB, asked json.RawMessage) json.RawMessage {
	t.Helper()
	client, _ := a.client(t, "webauthn.get", asked)
	data := a.data(a.flags())
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	require.NoError(t, err)
	return a.answer(t, map[string]any{"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": b64(a.handle)})
}

func (a *authenticator) answer(t testing.TB, response map[string]any) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "response": response,
		"clientExtensionResults": map[string]any{}, "authenticatorAttachment": "platform",
	})
	require.NoError(t, err)
	return text
}
