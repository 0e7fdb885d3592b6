package auditing

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/store"
)

// Config is what the keys are kept with.
type Config struct {
	Store  *store.Store
	Sealer *seal.Sealer
	Opener *seal.Opener // for seal.AuditKey
	// NewPlatformKey makes the first scope key of the platform, wrapped. It is kept
	// only where the platform has none yet.
	NewPlatformKey func() (seal.WrappedKey, error)
}

// Keys are the audit keys, opened: the newest vouches, all are accepted.
type Keys struct {
	newest     *key
	all        map[string]*key
	beginnings []Checkpoint // signed: how far the chains went before the first key
}

// A key has two halves of secret: one makes macs, the other signs checkpoints.
type key struct {
	id      string
	mac     []byte
	private ed25519.PrivateKey
}

const macSize = 32

// ErrNoKey says that there is no audit key yet.
var ErrNoKey = errors.New("there is no audit key yet: the first `signet serve` makes it")

// Read opens the stored keys. It fails with ErrNoKey.
func Read(ctx context.Context, cfg Config) (*Keys, error) {
	var keys *Keys
	err := cfg.again(func() error {
		return cfg.Store.Platform(ctx, actor, func(tx *store.PlatformTx) (err error) {
			keys, err = cfg.read(ctx, tx)
			return err
		})
	})
	return keys, err
}

// Ensure opens the stored keys and makes the first where there is none: of nodes that
// do so at once all get the same.
func Ensure(ctx context.Context, cfg Config) (*Keys, error) {
	keys, err := Read(ctx, cfg)
	if !errors.Is(err, ErrNoKey) {
		return keys, err
	}
	heads, err := ReadHeads(ctx, cfg.Store)
	if err != nil {
		return nil, err
	}
	if err := cfg.again(func() error { return cfg.create(ctx, heads) }); err != nil {
		return nil, err
	}
	return Read(ctx, cfg)
}

// Renew makes a newer key, which vouches from then on in every process that opens the
// keys after it. It fails with ErrNoKey where there is none to follow.
func Renew(ctx context.Context, cfg Config) (*Keys, error) {
	if _, err := Read(ctx, cfg); err != nil {
		return nil, err
	}
	if err := cfg.again(func() error { return cfg.create(ctx, nil) }); err != nil {
		return nil, err
	}
	return Read(ctx, cfg)
}

var actor = core.System("auditing")

// again does what has met a version of the platform's key that is gone a second time:
// what was sealed under it was turned meanwhile.
func (cfg Config) again(work func() error) error {
	err := work()
	if errors.Is(err, store.ErrPlatformKeyGone) {
		err = work()
	}
	return err
}

// create draws a key and stores it with its own row in the audit. Where before is not
// nil it is to be the first, and none is made if there is one.
func (cfg Config) create(ctx context.Context, before []core.AuditHead) error {
	fresh, secret := draw()
	row := store.AuditKeyRow{ID: fresh.id, PublicKey: fresh.public()}
	if before != nil {
		row.Beginning = string(fresh.sign(beginningFormat, before, time.Now()))
	}
	return cfg.Store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		if err := tx.LockAuditKeys(ctx); err != nil {
			return err
		}
		rows, err := tx.ListAuditKeys(ctx)
		if err != nil || before != nil && len(rows) > 0 {
			return err
		}
		scopeKey, err := cfg.ensurePlatformKey(ctx, tx)
		if err != nil {
			return err
		}
		row.KeyVersion = scopeKey.Version
		if row.Sealed, err = cfg.Sealer.Seal(platformKey(scopeKey), seal.ForAuditKey(row.ID), secret); err != nil {
			return fmt.Errorf("seal audit key: %w", err)
		}
		if err := tx.CreateAuditKey(ctx, row); err != nil {
			return err
		}
		return tx.AuditBy(ctx, fresh.vouch, core.AuditEntry{Action: "audit_key.create", SubjectKind: "audit_key", Subject: row.ID,
			Detail: map[string]string{"fingerprint": Fingerprint(fresh.public())}})
	})
}

func (cfg Config) ensurePlatformKey(ctx context.Context, tx *store.PlatformTx) (store.WrappedKey, error) {
	first, err := cfg.NewPlatformKey()
	if err != nil {
		return store.WrappedKey{}, fmt.Errorf("make platform key: %w", err)
	}
	return tx.EnsurePlatformKey(ctx, store.WrappedKey{Version: first.Version, RootEpoch: first.RootEpoch, Wrapped: first.Bytes})
}

// draw makes a key and what of it is sealed.
func draw() (*key, core.Secret) {
	var raw [macSize + ed25519.SeedSize]byte
	_, _ = rand.Read(raw[:]) // crypto/rand never fails (it stops the program instead)
	return newKey(rand.Text(), raw[:]), core.NewSecret(string(raw[:]))
}

func newKey(id string, raw []byte) *key {
	return &key{id: id, mac: bytes.Clone(raw[:macSize]), private: ed25519.NewKeyFromSeed(raw[macSize:])}
}

func (k *key) public() ed25519.PublicKey { return k.private.Public().(ed25519.PublicKey) }

// read opens every key. A public half is trusted because it belongs to what we have
// sealed, and not because it stands in a row.
func (cfg Config) read(ctx context.Context, tx *store.PlatformTx) (*Keys, error) {
	rows, err := tx.ListAuditKeys(ctx)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, ErrNoKey
	}
	keys := &Keys{all: make(map[string]*key, len(rows))}
	for _, row := range rows {
		opened, err := cfg.open(ctx, tx, row)
		if err != nil {
			return nil, fmt.Errorf("open audit key %q: %w", row.ID, err)
		}
		if row.Beginning != "" {
			from, err := parse(beginningFormat, []byte(row.Beginning))
			if err == nil && !from.PublicKey.Equal(opened.public()) {
				err = errors.New("another key has signed it")
			}
			if err != nil {
				return nil, fmt.Errorf("read what audit key %q says of the time before it: %w; restore the row from a backup", row.ID, err)
			}
			keys.beginnings = append(keys.beginnings, from)
		}
		if keys.all[row.ID] = opened; keys.newest == nil {
			keys.newest = opened
		}
	}
	return keys, nil
}

func (cfg Config) open(ctx context.Context, tx *store.PlatformTx, row store.AuditKeyRow) (*key, error) {
	scopeKey, err := tx.GetPlatformKey(ctx, row.KeyVersion)
	if err != nil {
		return nil, err
	}
	secret, err := cfg.Opener.Open(platformKey(scopeKey), seal.ForAuditKey(row.ID), row.Sealed)
	switch {
	case err != nil:
		return nil, err
	case secret.Len() != macSize+ed25519.SeedSize:
		return nil, errors.New("not an audit key")
	}
	opened := newKey(row.ID, []byte(secret.Expose()))
	if !bytes.Equal(opened.public(), row.PublicKey) {
		return nil, errors.New("its row holds another key's public half; restore it from a backup")
	}
	return opened, nil
}

func platformKey(k store.WrappedKey) seal.WrappedKey {
	return seal.WrappedKey{Scope: seal.Platform(), Version: k.Version, RootEpoch: k.RootEpoch, Bytes: k.Wrapped}
}

// Vouch makes the mac of a row. It is a store.AuditSigner.
func (k *Keys) Vouch(chain core.AuditChain, hash []byte) (mac []byte, keyID string, err error) {
	return k.newest.vouch(chain, hash)
}

// vouch is HMAC-SHA256 over what it is for, the chain and the hash, each led by its
// length.
func (k *key) vouch(chain core.AuditChain, hash []byte) (mac []byte, keyID string, err error) {
	h := hmac.New(sha256.New, k.mac)
	var length [8]byte
	for _, part := range []string{"signet audit mac 1", k.id, string(chain), string(hash)} {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return h.Sum(nil), k.id, nil
}

// vouches tells whether the key has made this mac.
func (k *key) vouches(chain core.AuditChain, hash, mac []byte) bool {
	wanted, _, _ := k.vouch(chain, hash)
	return hmac.Equal(wanted, mac)
}

// Fingerprints gives those of every key's public half, the one that signs first.
func (k *Keys) Fingerprints() []string {
	list := []string{Fingerprint(k.newest.public())}
	for _, other := range k.all {
		if other != k.newest {
			list = append(list, Fingerprint(other.public()))
		}
	}
	return list
}

// Fingerprint is the SHA-256 of a public key in hex, by which who keeps checkpoints
// knows it.
func Fingerprint(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:])
}
