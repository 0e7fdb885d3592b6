package seal

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
)

const keyLength = 32

// A label names what a derived key or an authenticated text is for. No two of
// them may be equal, and none may change: what was sealed under it would be
// lost.
const (
	labelFirstRoot     = "signet/1 first root key"
	labelRowMAC        = "signet/1 mac of root key rows"
	labelRootWrap      = "signet/1 root key wraps scope keys"
	labelRootPrint     = "signet/1 fingerprint of a root key"
	labelScopeSeal     = "signet/1 scope key seals values"
	labelScopePrint    = "signet/1 scope key fingerprints values"
	labelRow           = "signet/1 root key row"
	labelScopeKey      = "signet/1 scope key"
	labelValue         = "signet/1 value"
	labelValueWithTime = "signet/1 value with an end"
)

// fromIdentity derives a key from the text of an age identity, which is no
// uniform key; so it runs both steps of HKDF.
func fromIdentity(identity, label string) ([]byte, error) {
	secret := []byte(identity)
	defer clear(secret)
	return hkdf.Key(sha256.New, secret, nil, label, keyLength)
}

// fromKey derives length bytes from a key that is uniformly random, for which
// the second step of HKDF alone is enough (RFC 5869, 3.3).
func fromKey(key []byte, label string, length int) ([]byte, error) {
	return hkdf.Expand(sha256.New, key, label, length)
}

func random(length int) []byte {
	b := make([]byte, length)
	_, _ = rand.Read(b) // crypto/rand never fails (it stops the program instead)
	return b
}

// appendPart adds one part of an authenticated text. The length in front makes
// it impossible for two different lists of parts to read alike.
func appendPart[T ~string | ~[]byte](text []byte, part T) []byte {
	text = binary.BigEndian.AppendUint32(text, uint32(len(part)))
	return append(text, part...)
}

func appendNumber(text []byte, number int64) []byte {
	text = binary.BigEndian.AppendUint32(text, 8)
	return binary.BigEndian.AppendUint64(text, uint64(number))
}
