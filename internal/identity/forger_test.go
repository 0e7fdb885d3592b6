package identity

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// forger makes tokens out of a valid one, as each row of jwt-attacks.json says.
type forger struct {
	*bench
	t     *testing.T
	other ed25519.PrivateKey // X of the rows
	home  net.Listener       // where jku and x5u lead
}

type object = map[string]any

func (f *forger) header(change object) object {
	return with(object{"alg": "EdDSA", "typ": tokenType, "kid": "current"}, change)
}

func (f *forger) claims(change object) object {
	return with(object{
		"iss": issuer, "aud": tokenAudience, "sub": f.member.String(), "sid": f.session.String(),
		"iat": f.now.Unix(), "nbf": f.now.Unix(), "exp": f.now.Add(accessLife).Unix(),
	}, change)
}

// with gives a copy with members changed, or removed where the change is nil.
func with(o, change object) object {
	o = maps.Clone(o)
	for name, value := range change {
		if value == nil {
			delete(o, name)
		} else {
			o[name] = value
		}
	}
	return o
}

func encode(part []byte) string { return base64.RawURLEncoding.EncodeToString(part) }

func (f *forger) json(v any) []byte {
	f.t.Helper()
	// In the order in which ours are written, so that the order is not what is
	// refused.
	o, ok := v.(object)
	if !ok {
		text, err := json.Marshal(v)
		require.NoError(f.t, err)
		return text
	}
	var members []string
	rest := maps.Clone(o)
	for _, name := range []string{"iss", "aud", "sub", "sid", "iat", "nbf", "exp"} {
		if value, present := rest[name]; present {
			members = append(members, fmt.Sprintf("%q:%s", name, f.json(value)))
			delete(rest, name)
		}
	}
	if text, err := json.Marshal(rest); len(rest) > 0 {
		require.NoError(f.t, err)
		members = append(members, string(text[1:len(text)-1]))
	}
	return []byte("{" + strings.Join(members, ",") + "}")
}

// sign signs with Ed25519, K unless key is given.
func (f *forger) sign(header object, payload []byte, key ...ed25519.PrivateKey) string {
	text := encode(f.json(header)) + "." + encode(payload)
	signer := append(key, f.private)[0]
	return text + "." + encode(ed25519.Sign(signer, []byte(text)))
}

func (f *forger) hmac(alg string, hash crypto.Hash, key []byte, change object) string {
	text := encode(f.json(f.header(with(object{"alg": alg}, change)))) + "." + encode(f.json(f.claims(nil)))
	mac := hmac.New(hash.New, key)
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

// headers gives the valid claims under a changed header, signed by K: what is
// refused then is the header alone.
func headers(changes ...object) func(*forger) []string {
	return func(f *forger) (list []string) {
		for _, change := range changes {
			list = append(list, f.sign(f.header(change), f.json(f.claims(nil))))
		}
		return list
	}
}

// claimsOf gives changed claims, signed by K.
func claimsOf(changes ...object) func(*forger) []string {
	return func(f *forger) (list []string) {
		for _, change := range changes {
			list = append(list, f.sign(f.header(nil), f.json(f.claims(change))))
		}
		return list
	}
}

// under gives a changed header over what X has signed, and over what K has.
func (f *forger) under(change object) []string {
	return append(headers(change)(f), f.sign(f.header(change), f.json(f.claims(nil)), f.other))
}

func (f *forger) underOldSignature(change object) []string {
	parts := strings.Split(f.mint(f.t), ".")
	return []string{parts[0] + "." + encode(f.json(f.claims(change))) + "." + parts[2]}
}

func (f *forger) payloads(list ...string) []string {
	for i, payload := range list {
		list[i] = f.sign(f.header(nil), []byte(payload))
	}
	return list
}

func (f *forger) rawHeaders(list ...string) []string {
	for i, header := range list {
		text := encode([]byte(header)) + "." + encode(f.json(f.claims(nil)))
		list[i] = text + "." + encode(ed25519.Sign(f.private, []byte(text)))
	}
	return list
}

func newForger(t *testing.T) *forger {
	t.Helper()
	home, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = home.Close() })
	return &forger{bench: setup(t), t: t, other: newKey(t), home: home}
}

// requireNoVisitor: a connection that was opened stands in the listener's queue.
func (f *forger) requireNoVisitor() {
	f.t.Helper()
	require.NoError(f.t, f.home.(*net.TCPListener).SetDeadline(time.Now().Add(time.Millisecond)))
	_, err := f.home.Accept()
	require.ErrorIs(f.t, err, os.ErrDeadlineExceeded, "somebody followed an address in a header")
}
