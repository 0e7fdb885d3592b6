package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"signet/internal/config"
	"signet/internal/identity"
	"signet/internal/seal"
	"signet/internal/store"
	"signet/internal/wecom"
)

// surroundings are what a node finds outside itself.
type surroundings struct {
	master    *seal.Master
	recovery  []seal.Recipient
	wecom     *wecom.Client
	listeners listeners
	store     *store.Store
	breached  *identity.Breached
}

// Check finds what a start would find wrong outside its configuration: the
// identity file, the recovery recipient, the addresses to listen on, the
// database. It passes over what cfg does not say, so that it can be asked when
// config.Read has refused a part. The error is a joined one, a line for each
// problem; nothing is written, and nothing stays open.
func Check(ctx context.Context, cfg config.Config) error {
	found, err := survey(ctx, cfg, time.Now, slog.New(slog.DiscardHandler))
	found.listeners.close()
	if found.store != nil {
		found.store.Close()
	}
	found.breached.Close()
	return err
}

// requireAll refuses what a node cannot do without. config.Read has asked for it
// already, where the keys of serve were named as needed.
func (s surroundings) requireAll() error {
	l := s.listeners
	if s.master == nil || s.store == nil || l.public == nil || l.console == nil || l.metrics == nil {
		return errors.New("the configuration names no identity file, no database or too few addresses to listen on")
	}
	return nil
}

// survey opens what is outside. What could be opened is open even where
// something else is wrong, and the caller closes it. When ctx has ended, that is
// the error: what was not waited for is not wrong.
func survey(ctx context.Context, cfg config.Config, now func() time.Time, log *slog.Logger) (found surroundings, err error) {
	var problems [5]error
	found.master, found.recovery, problems[0] = readKeys(cfg, log)
	if found.wecom, err = wecom.New(wecom.Config{BaseURL: cfg.WeComURL, Now: now}); err != nil {
		problems[1] = fmt.Errorf("%s: %w", config.WeComURL, err)
	}
	found.listeners, problems[2] = listen(ctx, cfg)
	if !cfg.DatabaseURL.IsZero() && !cfg.SystemDatabaseURL.IsZero() {
		found.store, problems[3] = store.Open(ctx, store.Config{
			TenantURL: cfg.DatabaseURL.Expose(), SystemURL: cfg.SystemDatabaseURL.Expose(),
		})
	}
	found.breached, problems[4] = openBreached(cfg)
	if ctx.Err() != nil {
		return found, ctx.Err()
	}
	return found, errors.Join(problems[:]...)
}

// readKeys reads the identity file and the recovery recipient, and tells what is
// wrong with both.
func readKeys(cfg config.Config, log *slog.Logger) (master *seal.Master, recovery []seal.Recipient, err error) {
	var problems [2]error
	if cfg.IdentityFile != "" {
		master, problems[0] = readMaster(cfg)
	}
	recovery, problems[1] = recoveryRecipients(cfg, log)
	return master, recovery, errors.Join(problems[:]...)
}

// readMaster reads the identity file, with its passphrase where a file with one is
// named.
func readMaster(cfg config.Config) (*seal.Master, error) {
	master, err := readIdentity(cfg.IdentityFile, cfg.PassphraseFile)
	switch {
	case errors.Is(err, seal.ErrEncrypted):
		return nil, fmt.Errorf("%s: %w; or set %s to a file with its passphrase", config.IdentityFile, err, config.PassphraseFile)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", config.IdentityFile, err)
	}
	return master, nil
}

// readIdentity reads a file with identities; passphrase is the file with its
// passphrase, "" where it has none.
func readIdentity(path, passphrase string) (*seal.Master, error) {
	if passphrase == "" {
		return seal.ReadMaster(path)
	}
	return seal.ReadLockedMaster(path, passphrase)
}

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
