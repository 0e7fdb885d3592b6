package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/store"
)

const (
	// keysLookAgain is how old a node lets its keys become before it reads them anew,
	// and keysLookAtOnce how often it does for a token whose key it does not know.
	keysLookAgain  = time.Minute
	keysLookAtOnce = 2 * time.Second

	// keyOverlap is how long a key is trusted when the next one signs: as long as a
	// token lives that a node has made who did not know yet.
	keyOverlap = accessLife + keysLookAgain + 2*clockLeeway

	// SessionKeyLife is how long a key signs before the next one is made.
	SessionKeyLife = 30 * 24 * time.Hour
)

// keyring holds the keys of access tokens as this node knows them, and reads them
// anew as time goes.
type keyring struct {
	cfg    Config
	tokens atomic.Pointer[tokens]
	read   atomic.Int64 // when, by the clock of cfg
	mu     sync.Mutex   // held by the one who reads
}

func newKeyring(cfg Config, keys sessionKeys) *keyring {
	k := &keyring{cfg: cfg}
	k.put(keys)
	return k
}

func (k *keyring) put(keys sessionKeys) {
	k.tokens.Store(newTokens(k.cfg.Issuer, k.cfg.Clock, keys))
	k.read.Store(k.cfg.Clock().UnixNano())
}

// now gives the keys as they are known.
func (k *keyring) now() *tokens { return k.tokens.Load() }

// renew reads the keys anew if that is so long ago. Where it cannot, or another does
// just now, what is known goes on.
func (k *keyring) renew(ctx context.Context, ifOlder time.Duration) {
	age := k.cfg.Clock().Sub(time.Unix(0, k.read.Load()))
	if age >= 0 && age < ifOlder || !k.mu.TryLock() {
		return
	}
	defer k.mu.Unlock()
	k.read.Store(k.cfg.Clock().UnixNano()) // the next try is as far away where this one fails
	if keys, err := loadSessionKeys(ctx, k.cfg); err == nil {
		k.put(keys)
	}
}

// readToken gives the claims of an access token. One whose key is not known may be
// of a key that was made a moment ago on another node.
func (i *Identity) readToken(ctx context.Context, bearer string) (*claims, error) {
	i.keyring.renew(ctx, keysLookAgain)
	c, err := i.keyring.now().read(bearer)
	if errors.Is(err, errKeyUnknown) {
		i.keyring.renew(ctx, keysLookAtOnce)
		c, err = i.keyring.now().read(bearer)
	}
	return c, err
}

// TurnSessionKey makes a new key for access tokens, which signs from now on. The
// former is trusted until the last of its tokens is over, so that nobody is signed
// out. In an emergency it is trusted no more, and every session ends: everybody has to
// sign in again. It gives how many sessions ended.
func TurnSessionKey(ctx context.Context, cfg Config, emergency bool) (ended int64, err error) {
	return turnSessionKey(ctx, cfg, emergency, 0)
}

// RenewSessionKey makes a new key where the one that signs is old. Any node may call
// it at any time, and of several one does it.
func (i *Identity) RenewSessionKey(ctx context.Context) error {
	_, err := turnSessionKey(ctx, i.keyring.cfg, false, SessionKeyLife)
	return err
}

func turnSessionKey(ctx context.Context, cfg Config, emergency bool, ifOlder time.Duration) (ended int64, err error) {
	overlap, kind := keyOverlap, "planned"
	if emergency {
		overlap, kind = 0, "emergency"
	}
	err = cfg.Store.Platform(ctx, system(""), func(tx *store.PlatformTx) error {
		if age, ok, err := tx.LockSessionKeys(ctx); err != nil || ok && age < ifOlder {
			return err
		}
		row, err := newSessionKey(ctx, tx, cfg)
		if err != nil {
			return err
		}
		if err := tx.TurnSessionKey(ctx, row, overlap); err != nil {
			return err
		}
		if emergency {
			if ended, err = tx.EndEverySession(ctx); err != nil {
				return err
			}
		}
		return tx.Audit(ctx, core.AuditEntry{Action: "session_key.turn", SubjectKind: "session_key", Subject: row.ID,
			Detail: map[string]string{"kind": kind, "sessions_ended": fmt.Sprint(ended)}})
	})
	return ended, err
}

// newSessionKey draws a key and seals its private half.
func newSessionKey(ctx context.Context, tx *store.PlatformTx, cfg Config) (store.SessionKey, error) {
	key, err := sealingKey(ctx, tx, cfg.NewPlatformKey)
	if err != nil {
		return store.SessionKey{}, err
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return store.SessionKey{}, fmt.Errorf("make session key: %w", err)
	}
	row := store.SessionKey{ID: rand.Text(), PublicKey: public, KeyVersion: key.Version}
	row.Sealed, err = cfg.Sealer.Seal(key, seal.ForSessionKey(row.ID), core.NewSecret(string(private.Seed())))
	if err != nil {
		return store.SessionKey{}, fmt.Errorf("seal session key: %w", err)
	}
	return row, nil
}
