package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"

	"signet/internal/core"
)

// cost is what one argon2id hash takes.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// defaultCost is the second recommended option of RFC 9106, section 4, about
// three times the work of OWASP's least (19 MiB, two passes).
var defaultCost = cost{memory: 64 * 1024, passes: 3, threads: 4}

// What a stored hash may ask for. A row is not trusted to be ours: it must not
// be able to make a sign-in take 4 GiB or an hour.
const (
	maxMemory  = 128 * 1024 // KiB
	maxPasses  = 10
	maxThreads = 16
	minSalt    = 8
	maxSalt    = 64
	minTag     = 16
	maxTag     = 64

	saltLength = 16 // RFC 9106, section 3.1
	tagLength  = 32
)

// passwords hashes and verifies passwords, a bounded number at a time.
type passwords struct {
	cost   cost
	places *places
	dummy  core.Secret // a hash of nobody's password, as dear as everybody's
	hashed atomic.Int64
}

func newPasswords(c cost) *passwords {
	return &passwords{cost: c, places: newPlaces(), dummy: c.hash(rand.Text())}
}

// hash gives the PHC string of a password. It fails with fault.RateLimitedCode
// where too many are being hashed, or too many of that client.
func (p *passwords) hash(ctx context.Context, client netip.Prefix, password core.Secret) (core.Secret, error) {
	leave, err := p.places.enter(ctx, client)
	if err != nil {
		return core.Secret{}, err
	}
	defer leave()
	p.hashed.Add(1)
	return p.cost.hash(password.Expose()), nil
}

// verify tells whether password is the one behind hash, and whether hash was
// made more cheaply than hashes are made now. It fails as hash does, and with a
// plain error where hash is none of ours.
func (p *passwords) verify(ctx context.Context, client netip.Prefix, password, hash core.Secret) (right, outdated bool, err error) {
	stored, err := parseHash(hash.Expose())
	if err != nil {
		return false, false, err
	}
	leave, err := p.places.enter(ctx, client)
	if err != nil {
		return false, false, err
	}
	defer leave()
	p.hashed.Add(1)
	return stored.matches(password.Expose()), stored.cost.below(p.cost), nil
}

// below tells whether c is less work than other. Threads spread the work and do
// not add to it.
func (c cost) below(other cost) bool { return c.memory < other.memory || c.passes < other.passes }

func (c cost) hash(password string) core.Secret {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // crypto/rand never fails (it stops the program instead)
	return core.NewSecret(storedHash{c, salt, c.derive(password, salt, tagLength)}.text())
}

func (c cost) derive(password string, salt []byte, length int) []byte {
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.threads, uint32(length))
}

// The form of a hash in its row: the PHC string format, argon2 version 1.3.
// github.com/P-H-C/phc-string-format
const phcPrefix = "$argon2id$v=19$"

var phcEncoding = base64.RawStdEncoding

// storedHash is a hash as it was read from its row.
type storedHash struct {
	cost cost
	salt []byte
	tag  []byte
}

func (s storedHash) text() string {
	return fmt.Sprintf("%sm=%d,t=%d,p=%d$%s$%s", phcPrefix, s.cost.memory, s.cost.passes, s.cost.threads,
		phcEncoding.EncodeToString(s.salt), phcEncoding.EncodeToString(s.tag))
}

func (s storedHash) matches(password string) bool {
	return subtle.ConstantTimeCompare(s.cost.derive(password, s.salt, len(s.tag)), s.tag) == 1
}

var errHash = errors.New("stored password hash is not one of argon2id within our bounds")

// parseHash reads a PHC string. It fails for another algorithm, a cost or a
// length out of bounds, and any other spelling; the error quotes nothing.
func parseHash(text string) (storedHash, error) {
	rest, ok := strings.CutPrefix(text, phcPrefix)
	parts := strings.Split(rest, "$")
	if !ok || len(parts) != 3 || len(text) > 256 {
		return storedHash{}, errHash
	}
	var s storedHash
	c := &s.cost
	if _, err := fmt.Sscanf(parts[0], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.threads); err != nil {
		return storedHash{}, errHash
	}
	var errSalt, errTag error
	s.salt, errSalt = phcEncoding.DecodeString(parts[1])
	s.tag, errTag = phcEncoding.DecodeString(parts[2])
	switch {
	case errSalt != nil, errTag != nil, s.text() != text,
		c.threads < 1, c.threads > maxThreads, c.passes < 1, c.passes > maxPasses,
		c.memory < 8*uint32(c.threads), c.memory > maxMemory,
		len(s.salt) < minSalt, len(s.salt) > maxSalt, len(s.tag) < minTag, len(s.tag) > maxTag:
		return storedHash{}, errHash
	}
	return s, nil
}
