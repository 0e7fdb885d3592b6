package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/store"
)

func recoveryRecipients(cfg config.Config, log *slog.Logger) ([]seal.Recipient, error) {
	if cfg.RecoveryRecipient == "" {
		log.Warn("no recovery recipient is set: if the identity file is lost, every secret is lost; see docs/custody.md",
			"key", config.RecoveryRecipient)
		return nil, nil
	}
	recipient, err := seal.ParseRecipient(cfg.RecoveryRecipient)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.RecoveryRecipient, err)
	}
	return []seal.Recipient{recipient}, nil
}

// openRing opens the platform's root keys with the master identity, and stores
// the first one where there is none yet. Nodes that do so at once store the
// same key: the first root key comes out of the identity (ADR 0006).
func openRing(ctx context.Context, st *store.Store, master *seal.Master, recovery []seal.Recipient, log *slog.Logger) (*seal.Ring, error) {
	rows, err := readRootKeys(ctx, st)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		if err := refuseLostKeys(ctx, st); err != nil {
			return nil, err
		}
		first, err := seal.FirstRootKey(master, recovery)
		if err != nil {
			return nil, err
		}
		if err := storeRootKey(ctx, st, first); err != nil {
			return nil, err
		}
		log.Info("the first root key is stored", "epoch", first.Epoch)
		if rows, err = readRootKeys(ctx, st); err != nil {
			return nil, err
		}
	}
	ring, err := seal.OpenRing(master, rows)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.IdentityFile, err)
	}
	return ring, coverRecovery(ctx, st, ring, recovery, log)
}

// refuseLostKeys keeps a first root key from being made over data that was sealed
// under another: with it stored, the right one could no longer be restored.
func refuseLostKeys(ctx context.Context, st *store.Store) error {
	var lost bool
	err := st.Platform(ctx, core.System("keys"), func(tx *store.PlatformTx) error {
		var err error
		lost, err = tx.SealedWithoutRoot(ctx)
		return err
	})
	if err == nil && lost {
		err = errors.New("the database holds sealed data but no root key: restore the schema signet_keys from its backup first (docs/custody.md)")
	}
	return err
}

// coverRecovery adds the wraps that a recovery recipient lacks which was set
// after the root keys were made.
func coverRecovery(ctx context.Context, st *store.Store, ring *seal.Ring, recovery []seal.Recipient, log *slog.Logger) error {
	if len(recovery) == 0 || len(ring.Uncovered(recovery[0])) == 0 {
		return nil
	}
	missing, err := ring.MissingWraps(recovery)
	if err != nil {
		return fmt.Errorf("%s: %w", config.RecoveryRecipient, err)
	}
	for _, row := range missing {
		if err := storeRootKey(ctx, st, row); err != nil {
			return err
		}
		log.Info("the recovery recipient now opens a root key", "epoch", row.Epoch)
	}
	return nil
}

func readRootKeys(ctx context.Context, st *store.Store) ([]seal.RootKeyRow, error) {
	var stored []store.RootKeyRow
	err := st.Platform(ctx, core.System("keys"), func(tx *store.PlatformTx) error {
		var err error
		stored, err = tx.ListRootKeys(ctx)
		return err
	})
	rows := make([]seal.RootKeyRow, len(stored))
	for i, s := range stored {
		rows[i] = seal.RootKeyRow{Epoch: s.Epoch, Fingerprint: s.Fingerprint, CreatedAt: s.CreatedAt}
		for _, w := range s.Wraps {
			rows[i].Wraps = append(rows[i].Wraps, seal.RootKeyWrap(w))
		}
	}
	return rows, err
}

func storeRootKey(ctx context.Context, st *store.Store, key seal.RootKeyRow) error {
	row := store.RootKeyRow{Epoch: key.Epoch, Fingerprint: key.Fingerprint}
	for _, w := range key.Wraps {
		row.Wraps = append(row.Wraps, store.RootKeyWrap(w))
	}
	return st.Platform(ctx, core.System("keys"), func(tx *store.PlatformTx) error {
		if err := tx.CreateRootKey(ctx, row); err != nil {
			return err
		}
		return tx.Audit(ctx, core.AuditEntry{Action: "root_key.wrap", SubjectKind: "root_key", Subject: fmt.Sprint(key.Epoch),
			Detail: map[string]string{"fingerprint": key.Fingerprint.String()}})
	})
}
