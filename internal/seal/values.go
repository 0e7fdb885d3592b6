package seal

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"signet/internal/core"
)

// The layout of a sealed value: format (1 byte), version of the scope key (4,
// big endian), nonce (24), ciphertext with its tag (16 more than the value). A
// value with an end carries it in front, inside the ciphertext: 8 bytes,
// microseconds since 1970.
const (
	formatValue        = 1
	formatValueWithEnd = 2

	headerLength = 1 + 4
	bodyAt       = headerLength + chacha20poly1305.NonceSizeX
	endLength    = 8

	maxSealed = 64 << 10
)

// MaxValue is the length in bytes of the longest value that can be sealed.
const MaxValue = maxSealed - bodyAt - endLength - chacha20poly1305.Overhead

// Sealer locks values and cannot open any.
type Sealer struct{ ring *Ring }

// Opener opens values of the purposes it was built for.
type Opener struct {
	ring     *Ring
	purposes []Purpose
}

// Seal locks a value under a scope key, bound to b. It fails with
// ErrKeyMismatch where the key is of another scope, with ErrIncomplete where the
// binding lacks a part or the value is empty, with ErrTooLarge above MaxValue,
// and as Ring.CheckScopeKey does.
func (s *Sealer) Seal(key WrappedKey, b Binding, value core.Secret) ([]byte, error) {
	plain := []byte(value.Expose())
	defer clear(plain)
	return s.seal(key, b, formatValue, labelValue, plain)
}

// SealUntil locks a value together with its end, cut to microseconds, so that
// an old one put back stays harmless. It fails as Seal does.
func (s *Sealer) SealUntil(key WrappedKey, b Binding, value core.Secret, end time.Time) ([]byte, error) {
	if end.IsZero() {
		return nil, fmt.Errorf("seal %s: %w: there is no end", b, ErrIncomplete)
	}
	plain := make([]byte, 0, endLength+value.Len())
	plain = binary.BigEndian.AppendUint64(plain, uint64(end.UnixMicro()))
	plain = append(plain, value.Expose()...)
	defer clear(plain)
	return s.seal(key, b, formatValueWithEnd, labelValueWithTime, plain)
}

// Fingerprint tells whether two values of a scope are equal without opening
// either: 16 lower-case hex digits, made with a key of the scope. Equal values
// of one scope and key version have equal fingerprints; those of two tenants
// differ. It fails as Seal does.
func (s *Sealer) Fingerprint(key WrappedKey, value core.Secret) (string, error) {
	if value.IsZero() {
		return "", fmt.Errorf("fingerprint a value of %s: %w: it is empty", key.Scope, ErrIncomplete)
	}
	plain := []byte(value.Expose())
	defer clear(plain)
	return s.ring.fingerprint(key, plain)
}

func (r *Ring) fingerprint(key WrappedKey, plain []byte) (string, error) {
	var scopeKey [keyLength]byte
	defer clear(scopeKey[:])
	if err := r.openScopeKey(&scopeKey, key); err != nil {
		return "", err
	}
	printKey, err := fromKey(scopeKey[:], labelScopePrint, keyLength)
	if err != nil {
		return "", fmt.Errorf("fingerprint a value of %s: %w", key.Scope, err)
	}
	defer clear(printKey)
	mac := hmac.New(sha256.New, printKey)
	mac.Write(plain)
	return hex.EncodeToString(mac.Sum(nil)[:8]), nil
}

// Open gives the value that Seal locked. It fails with ErrPurpose, ErrTooLarge,
// ErrAltered, ErrFormat, ErrKeyMismatch or ErrIncomplete, and as
// Ring.CheckScopeKey does. Only ErrAltered, ErrFormat and ErrTooLarge speak of
// the bytes; the message names the binding and never shows them.
func (o *Opener) Open(key WrappedKey, b Binding, sealed []byte) (core.Secret, error) {
	plain, err := o.open(key, b, formatValue, labelValue, sealed)
	if err != nil {
		return core.Secret{}, err
	}
	defer clear(plain)
	return core.NewSecret(string(plain)), nil
}

// OpenUntil gives the value that SealUntil locked and its end, in UTC. It does
// not judge the end: the caller has the clock. It fails as Open does.
func (o *Opener) OpenUntil(key WrappedKey, b Binding, sealed []byte) (core.Secret, time.Time, error) {
	plain, err := o.open(key, b, formatValueWithEnd, labelValueWithTime, sealed)
	if err != nil {
		return core.Secret{}, time.Time{}, err
	}
	defer clear(plain)
	if len(plain) < endLength {
		return core.Secret{}, time.Time{}, fmt.Errorf("open %s: %w: there is no end in it", b, ErrFormat)
	}
	end := time.UnixMicro(int64(binary.BigEndian.Uint64(plain))).UTC()
	return core.NewSecret(string(plain[endLength:])), end, nil
}

func (s *Sealer) seal(key WrappedKey, b Binding, format byte, label string, plain []byte) ([]byte, error) {
	return s.ring.sealValue(key, b, format, label, plain)
}

func (r *Ring) sealValue(key WrappedKey, b Binding, format byte, label string, plain []byte) ([]byte, error) {
	least := 1
	if format == formatValueWithEnd {
		least += endLength
	}
	switch {
	case !b.complete():
		return nil, fmt.Errorf("seal %s: %w: the binding lacks a part", b, ErrIncomplete)
	case len(plain) < least:
		return nil, fmt.Errorf("seal %s: %w: the value is empty", b, ErrIncomplete)
	case len(plain)-least+1 > MaxValue:
		return nil, fmt.Errorf("seal %s: %w: the value has %d bytes, and the most is %d", b, ErrTooLarge, len(plain)-least+1, MaxValue)
	case key.Scope != b.Scope:
		return nil, fmt.Errorf("seal %s: %w: the key is that of %s", b, ErrKeyMismatch, key.Scope)
	}
	aead, err := r.valueKey(key)
	if err != nil {
		return nil, err
	}
	sealed := make([]byte, bodyAt, bodyAt+len(plain)+chacha20poly1305.Overhead)
	sealed[0] = format
	binary.BigEndian.PutUint32(sealed[1:], uint32(key.Version))
	copy(sealed[headerLength:], random(chacha20poly1305.NonceSizeX))
	var buffer [256]byte
	return aead.Seal(sealed, sealed[headerLength:bodyAt], plain, b.associate(buffer[:0], label)), nil
}

func (o *Opener) open(key WrappedKey, b Binding, format byte, label string, sealed []byte) ([]byte, error) {
	if !slices.Contains(o.purposes, b.Purpose) {
		return nil, fmt.Errorf("open %s: %w", b, ErrPurpose)
	}
	return o.ring.openValue(key, b, format, label, sealed)
}

// openValue opens a value of any purpose.
func (r *Ring) openValue(key WrappedKey, b Binding, format byte, label string, sealed []byte) ([]byte, error) {
	switch {
	case len(sealed) > maxSealed:
		return nil, fmt.Errorf("open %s: %w: it has %d bytes", b, ErrTooLarge, len(sealed))
	case !b.complete():
		return nil, fmt.Errorf("open %s: %w: the binding lacks a part", b, ErrIncomplete)
	case key.Scope != b.Scope:
		return nil, fmt.Errorf("open %s: %w: the key is that of %s", b, ErrKeyMismatch, key.Scope)
	case len(sealed) < bodyAt+chacha20poly1305.Overhead:
		return nil, fmt.Errorf("open %s: %w: it was cut", b, ErrAltered)
	case sealed[0] != format:
		return nil, fmt.Errorf("open %s: %w %d", b, ErrFormat, sealed[0])
	}
	if version := binary.BigEndian.Uint32(sealed[1:]); int64(version) != int64(key.Version) {
		return nil, fmt.Errorf("open %s: %w: it was sealed with version %d, and the key has version %d", b, ErrKeyMismatch, version, key.Version)
	}
	aead, err := r.valueKey(key)
	if err != nil {
		return nil, err
	}
	var buffer [256]byte
	plain, err := aead.Open(nil, sealed[headerLength:bodyAt], sealed[bodyAt:], b.associate(buffer[:0], label))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", b, ErrAltered)
	}
	return plain, nil
}

// valueKey opens a scope key for the length of one call and derives from it the
// key that locks values.
func (r *Ring) valueKey(key WrappedKey) (cipher.AEAD, error) {
	var scopeKey [keyLength]byte
	defer clear(scopeKey[:])
	if err := r.openScopeKey(&scopeKey, key); err != nil {
		return nil, err
	}
	sealKey, err := fromKey(scopeKey[:], labelScopeSeal, keyLength)
	if err != nil {
		return nil, fmt.Errorf("derive from key %d of %s: %w", key.Version, key.Scope, err)
	}
	defer clear(sealKey)
	return chacha20poly1305.NewX(sealKey)
}
