package seal

import (
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"signet/internal/core"
)

// Scope is whose key locks a value: a tenant's or the platform's own. Scopes are
// comparable; the zero Scope is nobody's and is refused everywhere.
type Scope struct {
	tenant   core.TenantID
	platform bool
}

// Tenant is the scope of one tenant.
func Tenant(id core.TenantID) Scope { return Scope{tenant: id} }

// Platform is the scope of the platform's own things.
func Platform() Scope { return Scope{platform: true} }

// IsZero tells whether the scope is nobody's.
func (s Scope) IsZero() bool { return s == Scope{} }

// String names the scope for a log.
func (s Scope) String() string {
	switch {
	case s.platform:
		return "platform"
	case s.IsZero():
		return "no scope"
	}
	return "tenant " + s.tenant.String()
}

func (s Scope) append(text []byte) []byte {
	if s.platform {
		return appendPart(appendPart(text, "platform"), "")
	}
	return appendPart(appendPart(text, "tenant"), s.tenant.UUID[:])
}

// WrappedKey is a scope key as it lies in its row, locked by a root key and
// bound to scope, version and epoch.
type WrappedKey struct {
	Scope     Scope
	Version   int32 // from 1
	RootEpoch int32
	Bytes     []byte // 73 bytes: format, nonce, ciphertext
}

const (
	formatScopeKey   = 1
	wrappedKeyLength = 1 + chacha20poly1305.NonceSizeX + keyLength + chacha20poly1305.Overhead
)

// NewScopeKey draws a random scope key and locks it with the newest root key. It
// fails with ErrIncomplete for the zero Scope or a version below 1.
func (r *Ring) NewScopeKey(scope Scope, version int32) (WrappedKey, error) {
	key := random(keyLength)
	defer clear(key)
	return r.lockScopeKey(scope, version, key)
}

// RewrapScopeKey locks a scope key with the newest root key. The key itself and
// every value under it stay as they are. It fails as CheckScopeKey does.
func (r *Ring) RewrapScopeKey(k WrappedKey) (WrappedKey, error) {
	var key [keyLength]byte
	defer clear(key[:])
	if err := r.openScopeKey(&key, k); err != nil {
		return WrappedKey{}, err
	}
	return r.lockScopeKey(k.Scope, k.Version, key[:])
}

// CheckScopeKey opens a scope key and forgets it at once. It fails with
// ErrAltered where the bytes are not those locked for this scope, version and
// epoch, with ErrFormat, or with ErrMissingEpoch.
func (r *Ring) CheckScopeKey(k WrappedKey) error {
	var key [keyLength]byte
	defer clear(key[:])
	return r.openScopeKey(&key, k)
}

func (r *Ring) lockScopeKey(scope Scope, version int32, key []byte) (WrappedKey, error) {
	if scope.IsZero() || version < 1 {
		return WrappedKey{}, fmt.Errorf("lock key %d of %s: %w", version, scope, ErrIncomplete)
	}
	root := r.newest()
	held, err := root.open()
	if err != nil {
		return WrappedKey{}, fmt.Errorf("lock key %d of %s: %w", version, scope, err)
	}
	k := WrappedKey{Scope: scope, Version: version, RootEpoch: root.epoch}
	k.Bytes = make([]byte, 1, wrappedKeyLength)
	k.Bytes[0] = formatScopeKey
	nonce := random(chacha20poly1305.NonceSizeX)
	k.Bytes = append(k.Bytes, nonce...)
	var buffer [128]byte
	k.Bytes = held.wrap.Seal(k.Bytes, nonce, key, k.associate(buffer[:0]))
	return k, nil
}

// openScopeKey opens into a buffer of the caller, who wipes it.
func (r *Ring) openScopeKey(key *[keyLength]byte, k WrappedKey) error {
	if err := r.unlockScopeKey(key, k); err != nil {
		return &scopeKeyError{fmt.Errorf("open key %d of %s: %w", k.Version, k.Scope, err)}
	}
	return nil
}

func (r *Ring) unlockScopeKey(key *[keyLength]byte, k WrappedKey) error {
	switch {
	case k.Scope.IsZero() || k.Version < 1:
		return ErrIncomplete
	case len(k.Bytes) > maxSealed:
		return fmt.Errorf("%w: it has %d bytes", ErrTooLarge, len(k.Bytes))
	case len(k.Bytes) != wrappedKeyLength:
		return ErrAltered
	case k.Bytes[0] != formatScopeKey:
		return fmt.Errorf("%w %d", ErrFormat, k.Bytes[0])
	}
	root, err := r.find(k.RootEpoch)
	if err != nil {
		return err
	}
	held, err := root.open()
	if err != nil {
		return err
	}
	nonce, locked := k.Bytes[1:1+chacha20poly1305.NonceSizeX], k.Bytes[1+chacha20poly1305.NonceSizeX:]
	var buffer [128]byte
	if _, err := held.wrap.Open(key[:0], nonce, locked, k.associate(buffer[:0])); err != nil {
		return ErrAltered
	}
	return nil
}

// scopeKeyError is an error about a scope key, beside what it is besides.
type scopeKeyError struct{ error }

func (e *scopeKeyError) Unwrap() error { return e.error }

// Is lets errors.Is find ErrScopeKey.
func (e *scopeKeyError) Is(target error) bool { return target == ErrScopeKey }

func (k WrappedKey) associate(text []byte) []byte {
	text = appendPart(text, labelScopeKey)
	text = k.Scope.append(text)
	text = appendNumber(text, int64(k.Version))
	return appendNumber(text, int64(k.RootEpoch))
}
