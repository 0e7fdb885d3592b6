package custody

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"signet/internal/auditing"
	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/store"
)

// Config is what the keys are kept with.
type Config struct {
	Store    *store.Store
	Master   *seal.Master
	Recovery []seal.Recipient // nobody, or one
	Actor    core.Actor       // who turns; default: the system
	Log      *slog.Logger     // default: nowhere
}

// Keys is the platform's root keys, opened.
type Keys struct {
	Config
	Ring  *seal.Ring
	Audit *auditing.Keys // nil where there are none yet, or they do not open
}

// ErrNoRootKey says that the database has none yet.
var ErrNoRootKey = errors.New("no root key yet: the first `signet serve` stores it")

func (cfg Config) whole() Config {
	if cfg.Actor.Kind == "" {
		cfg.Actor = core.System("keys")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// Open opens the platform's root keys with the master identity, and stores the
// first one where there is none yet. Nodes that do so at once store the same key:
// the first root key comes out of the identity (ADR 6). A recovery recipient that
// was set since is given what it lacks. From then on the audit rows of the Store, and of
// those Beside it, are vouched for.
func Open(ctx context.Context, cfg Config) (*Keys, error) {
	cfg = cfg.whole()
	rows, err := cfg.readRows(ctx)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		if rows, err = cfg.storeFirst(ctx); err != nil {
			return nil, err
		}
	}
	k, err := cfg.ring(rows)
	if err != nil {
		return nil, err
	}
	if k.Audit, err = auditing.Ensure(ctx, k.Auditing()); err != nil {
		return nil, err
	}
	k.Store.SignAudit(k.Audit.Vouch)
	return k, k.coverRecovery(ctx)
}

// Auditing is what the audit keys are kept with.
func (k *Keys) Auditing() auditing.Config {
	return auditing.Config{
		Store: k.Store, Sealer: k.Ring.Sealer(), Opener: k.Ring.Opener(seal.AuditKey),
		NewPlatformKey: func() (seal.WrappedKey, error) { return k.Ring.NewScopeKey(seal.Platform(), 1) },
	}
}

// takeAudit has the rows of the Store vouched for where there is a key. Where one does
// not open nothing can be written: a command that only looks goes on.
func (k *Keys) takeAudit(ctx context.Context) {
	found, err := auditing.Read(ctx, k.Auditing())
	switch {
	case errors.Is(err, auditing.ErrNoKey):
	case err != nil:
		k.Store.SignAudit(func(core.AuditChain, []byte) ([]byte, string, error) { return nil, "", err })
	default:
		k.Audit = found
		k.Store.SignAudit(found.Vouch)
	}
}

// Read opens the platform's root keys and writes nothing. It fails with
// ErrNoRootKey where there is none. Audit rows are vouched for as after Open, if there
// is a key to do so.
func Read(ctx context.Context, cfg Config) (*Keys, error) {
	cfg = cfg.whole()
	rows, err := cfg.readRows(ctx)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, ErrNoRootKey
	}
	k, err := cfg.ring(rows)
	if err == nil {
		k.takeAudit(ctx)
	}
	return k, err
}

// ring makes the ring, which reads its rows anew when it meets a root key that
// somebody else has made.
func (cfg Config) ring(rows []seal.RootKeyRow) (*Keys, error) {
	ring, err := seal.OpenRing(cfg.Master, rows)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.IdentityFile, err)
	}
	ring.RenewFrom(cfg.readRows)
	return &Keys{Config: cfg, Ring: ring}, nil
}

func (cfg Config) storeFirst(ctx context.Context) ([]seal.RootKeyRow, error) {
	if err := cfg.refuseLostKeys(ctx); err != nil {
		return nil, err
	}
	first, err := seal.FirstRootKey(cfg.Master, cfg.Recovery)
	if err != nil {
		return nil, err
	}
	if err := cfg.storeWraps(ctx, first); err != nil {
		return nil, err
	}
	cfg.Log.InfoContext(ctx, "the first root key is stored", "epoch", first.Epoch)
	return cfg.readRows(ctx)
}

// refuseLostKeys keeps a first root key from being made over data that was sealed
// under another: with it stored, the right one could no longer be restored.
func (cfg Config) refuseLostKeys(ctx context.Context) error {
	var lost bool
	err := cfg.Store.Platform(ctx, cfg.Actor, func(tx *store.PlatformTx) error {
		var err error
		lost, err = tx.SealedWithoutRoot(ctx)
		return err
	})
	if err == nil && lost {
		err = errors.New("the database holds sealed data but no root key: restore the schema signet_keys from its backup first (docs/custody.md)")
	}
	return err
}

// coverRecovery adds the wraps that a recovery recipient lacks which was set after
// the root keys were made.
func (k *Keys) coverRecovery(ctx context.Context) error {
	if len(k.Recovery) == 0 || len(k.Ring.Uncovered(k.Recovery[0])) == 0 {
		return nil
	}
	missing, err := k.Ring.MissingWraps(k.Recovery)
	if err != nil {
		return fmt.Errorf("%s: %w", config.RecoveryRecipient, err)
	}
	for _, row := range missing {
		if err := k.storeWraps(ctx, row); err != nil {
			return err
		}
		k.Log.InfoContext(ctx, "the recovery recipient now opens a root key", "epoch", row.Epoch)
	}
	return k.Ring.Renew(ctx)
}

func (cfg Config) readRows(ctx context.Context) (rows []seal.RootKeyRow, err error) {
	err = cfg.Store.Platform(ctx, cfg.Actor, func(tx *store.PlatformTx) error {
		stored, err := tx.ListRootKeys(ctx)
		rows = rowsOf(stored)
		return err
	})
	return rows, err
}

// storeWraps stores a root key, or further wraps of one that is stored. What
// another node has just stored stays.
func (cfg Config) storeWraps(ctx context.Context, row seal.RootKeyRow) error {
	return cfg.Store.Platform(ctx, cfg.Actor, func(tx *store.PlatformTx) error {
		if err := tx.CreateRootKey(ctx, stored(row)); err != nil {
			return err
		}
		return tx.Audit(ctx, rootKeyEntry("root_key.wrap", row, nil))
	})
}

func rowsOf(list []store.RootKeyRow) []seal.RootKeyRow {
	rows := make([]seal.RootKeyRow, len(list))
	for i, s := range list {
		rows[i] = seal.RootKeyRow{Epoch: s.Epoch, Fingerprint: s.Fingerprint, CreatedAt: s.CreatedAt}
		for _, w := range s.Wraps {
			rows[i].Wraps = append(rows[i].Wraps, seal.RootKeyWrap(w))
		}
	}
	return rows
}

func stored(row seal.RootKeyRow) store.RootKeyRow {
	s := store.RootKeyRow{Epoch: row.Epoch, Fingerprint: row.Fingerprint}
	for _, w := range row.Wraps {
		s.Wraps = append(s.Wraps, store.RootKeyWrap(w))
	}
	return s
}

func rootKeyEntry(action string, row seal.RootKeyRow, detail map[string]string) core.AuditEntry {
	if detail == nil {
		detail = map[string]string{}
	}
	detail["fingerprint"] = row.Fingerprint.String()
	return core.AuditEntry{Action: action, SubjectKind: "root_key", Subject: fmt.Sprint(row.Epoch), Detail: detail}
}
