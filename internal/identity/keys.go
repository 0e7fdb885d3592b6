package identity

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"

	"signet/internal/seal"
	"signet/internal/store"
)

// sessionKeys are the keys of access tokens: one signs, all verify.
type sessionKeys struct {
	current string // id of the one that signs
	private ed25519.PrivateKey
	public  map[string]ed25519.PublicKey
}

// loadSessionKeys opens the stored keys, or makes the first. Everything is in
// one transaction, and the store lets one node at a time make a first key.
func loadSessionKeys(ctx context.Context, cfg Config) (sessionKeys, error) {
	keys, err := tryLoadSessionKeys(ctx, cfg)
	if errors.Is(err, store.ErrPlatformKeyGone) {
		// What was sealed under a version that is gone when it is asked for was turned
		// meanwhile, and a second look finds under which.
		keys, err = tryLoadSessionKeys(ctx, cfg)
	}
	return keys, err
}

func tryLoadSessionKeys(ctx context.Context, cfg Config) (sessionKeys, error) {
	var keys sessionKeys
	err := cfg.Store.Platform(ctx, system(""), func(tx *store.PlatformTx) error {
		rows, err := tx.ListSessionKeys(ctx)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			if rows, err = ensureSessionKey(ctx, tx, cfg); err != nil {
				return err
			}
		}
		keys, err = openSessionKeys(ctx, tx, cfg.Opener, rows)
		return err
	})
	return keys, err
}

// ensureSessionKey draws a key and stores it, unless another node was first.
func ensureSessionKey(ctx context.Context, tx *store.PlatformTx, cfg Config) ([]store.SessionKey, error) {
	row, err := newSessionKey(ctx, tx, cfg)
	if err != nil {
		return nil, err
	}
	return tx.EnsureSessionKey(ctx, row)
}

// openSessionKeys opens every key, also those that only verify: a public half
// is trusted because it belongs to a private half that we have sealed, and not
// because it stands in a row, which whoever writes to the database could add.
func openSessionKeys(ctx context.Context, tx *store.PlatformTx, opener *seal.Opener, rows []store.SessionKey) (sessionKeys, error) {
	keys := sessionKeys{public: make(map[string]ed25519.PublicKey, len(rows))}
	for n, row := range rows {
		scopeKey, err := tx.GetPlatformKey(ctx, row.KeyVersion)
		if err != nil {
			return sessionKeys{}, fmt.Errorf("open session key %q: %w", row.ID, err)
		}
		seed, err := opener.Open(platformKey(scopeKey), seal.ForSessionKey(row.ID), row.Sealed)
		if err != nil {
			return sessionKeys{}, fmt.Errorf("open session key %q: %w", row.ID, err)
		}
		if seed.Len() != ed25519.SeedSize {
			return sessionKeys{}, fmt.Errorf("open session key %q: not the seed of an Ed25519 key", row.ID)
		}
		private := ed25519.NewKeyFromSeed([]byte(seed.Expose()))
		public := private.Public().(ed25519.PublicKey)
		if !bytes.Equal(public, row.PublicKey) {
			return sessionKeys{}, fmt.Errorf("open session key %q: its row holds another key's public half", row.ID)
		}
		keys.public[row.ID] = public
		if n == 0 && row.Signs {
			keys.current, keys.private = row.ID, private
		}
	}
	if keys.current == "" {
		return sessionKeys{}, errNoneSigns
	}
	return keys, nil
}

// errNoneSigns says that the rows of the keys were altered: one of them signs.
var errNoneSigns = errors.New("none of the session keys signs: restore signet.session_keys, or delete its rows to have a new one made")

// sealingKey gives the platform's key that seals, which stays until the transaction
// ends, and makes the first where there is none yet.
func sealingKey(ctx context.Context, tx *store.PlatformTx, newKey func() (seal.WrappedKey, error)) (seal.WrappedKey, error) {
	fresh, err := newKey()
	if err != nil {
		return seal.WrappedKey{}, fmt.Errorf("make platform key: %w", err)
	}
	key, err := tx.EnsurePlatformKey(ctx, store.WrappedKey{Version: fresh.Version, RootEpoch: fresh.RootEpoch, Wrapped: fresh.Bytes})
	return platformKey(key), err
}

func platformKey(k store.WrappedKey) seal.WrappedKey {
	return seal.WrappedKey{Scope: seal.Platform(), Version: k.Version, RootEpoch: k.RootEpoch, Bytes: k.Wrapped}
}
