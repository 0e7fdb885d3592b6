package custody

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"signet/internal/core"
	"signet/internal/failpoint"
	"signet/internal/seal"
	"signet/internal/store"
)

// Handover is what has become of the root keys when the master was turned.
type Handover struct {
	Wrapped []int32  // epochs that the first identity had not sealed yet
	Freed   []string // recipients that can open nothing any more
	Kept    []string // recipients that nobody here knows: no recovery recipient is set
}

// TurnMaster hands the root keys over to the first identity of the file: each is
// sealed by it, to it and to the recovery recipient; then it is tried that this
// identity alone opens all of them; then they are taken from all others. To do it
// again does nothing. It fails with seal.ErrWrongMaster where the file does not
// hold an identity that opens the root keys so far.
func (k *Keys) TurnMaster(ctx context.Context) (Handover, error) {
	var h Handover
	missing, err := k.Ring.MissingWraps(k.Recovery)
	if err != nil {
		return h, err
	}
	if err := k.putWraps(ctx, missing); err != nil {
		return h, err
	}
	for _, row := range missing {
		h.Wrapped = append(h.Wrapped, row.Epoch)
	}
	rows, err := k.readRows(ctx)
	if err != nil {
		return h, err
	}
	if err := k.proveFirst(rows); err != nil {
		return h, err
	}
	if h.Freed, h.Kept, err = k.takeFromOthers(ctx, rows); err != nil {
		return h, err
	}
	return h, k.Ring.Renew(ctx)
}

func (k *Keys) putWraps(ctx context.Context, missing []seal.RootKeyRow) error {
	if len(missing) == 0 {
		return nil
	}
	err := k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) error {
		if err := tx.LockRootKeys(ctx); err != nil {
			return err
		}
		failpoint.At(failpoint.MasterBeforeWrap)
		for _, row := range missing {
			if err := tx.PutWraps(ctx, stored(row)); err != nil {
				return err
			}
			detail := map[string]string{"sealed_by": k.Master.Recipients()[0]}
			if err := tx.Audit(ctx, rootKeyEntry("root_key.wrap", row, detail)); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		failpoint.At(failpoint.MasterWrapped)
	}
	return err
}

// proveFirst tries whether the first identity alone opens every root key, and
// whether the recovery recipient has a wrap of each that it vouches for.
func (k *Keys) proveFirst(rows []seal.RootKeyRow) error {
	alone, err := seal.OpenRing(k.Master.First(), rows)
	if err == nil {
		err = alone.OpenAll()
	}
	if err == nil && len(k.Recovery) > 0 && len(alone.Uncovered(k.Recovery[0])) > 0 {
		err = errors.New("the recovery recipient is not covered")
	}
	if err != nil {
		return fmt.Errorf("the root keys are not handed over, and nothing was taken from anybody; run it again: %w", err)
	}
	return nil
}

// takeFromOthers deletes the wraps to everybody but the first identity and the
// recovery recipient. Where no recovery recipient is set, whoever is not in the
// identity file may be one, and keeps what it has.
func (k *Keys) takeFromOthers(ctx context.Context, rows []seal.RootKeyRow) (freed, kept []string, err error) {
	own := k.Master.Recipients()
	stays := []string{own[0]}
	for _, r := range k.Recovery {
		stays = append(stays, r.String())
	}
	err = k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) error {
		failpoint.At(failpoint.MasterBeforeUnwrap)
		for _, row := range rows {
			for _, w := range row.Wraps {
				switch {
				case slices.Contains(stays, w.Recipient):
					continue
				case len(k.Recovery) == 0 && !slices.Contains(own, w.Recipient):
					kept = append(kept, w.Recipient)
					continue
				}
				if err := tx.DeleteWrap(ctx, row.Epoch, w.Recipient); err != nil {
					return err
				}
				if err := tx.Audit(ctx, rootKeyEntry("root_key.unwrap", row, map[string]string{"recipient": w.Recipient})); err != nil {
					return err
				}
				freed = append(freed, w.Recipient)
			}
		}
		return nil
	})
	if err == nil && len(freed) > 0 {
		failpoint.At(failpoint.MasterUnwrapped)
	}
	slices.Sort(freed)
	slices.Sort(kept)
	return slices.Compact(freed), slices.Compact(kept), err
}

// Recover hands the root keys over to a new master by the offline recovery
// identity, when the old master is lost. sheet holds the fingerprints of the
// recovery sheets, by epoch: they are the proof that no row was slipped in. Every
// scope key must open. Before all of that holds nothing is written.
func Recover(ctx context.Context, cfg Config, recovery *seal.Master, sheet map[int32]seal.RootFingerprint) (*Keys, error) {
	cfg = cfg.whole()
	rows, err := cfg.readRows(ctx)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w; restore the schema signet_keys from its backup first", ErrNoRootKey)
	}
	ring, anew, err := seal.RecoverRing(recovery, cfg.Master, rows, sheet)
	if err != nil {
		return nil, err
	}
	ring.RenewFrom(cfg.readRows)
	k := &Keys{Config: cfg, Ring: ring}
	if _, err := k.checkScopeKeys(ctx); err != nil {
		return nil, fmt.Errorf("nothing was written: %w", err)
	}
	k.takeAudit(ctx)
	err = k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) error {
		if err := tx.LockRootKeys(ctx); err != nil {
			return err
		}
		failpoint.At(failpoint.RecoverBeforeWrap)
		return replaceWraps(ctx, tx, rows, anew)
	})
	if err != nil {
		return nil, err
	}
	failpoint.At(failpoint.RecoverWrapped)
	return k, nil
}

// replaceWraps puts new wraps in place of all that there were.
func replaceWraps(ctx context.Context, tx *store.KeysTx, rows, anew []seal.RootKeyRow) error {
	for i, row := range rows {
		for _, w := range row.Wraps {
			if err := tx.DeleteWrap(ctx, row.Epoch, w.Recipient); err != nil {
				return err
			}
		}
		if err := tx.PutWraps(ctx, stored(anew[i])); err != nil {
			return err
		}
		detail := map[string]string{"sealed_by": anew[i].Wraps[0].SealedBy}
		if err := tx.Audit(ctx, rootKeyEntry("root_key.recover", row, detail)); err != nil {
			return err
		}
	}
	return nil
}

// checkScopeKeys opens every scope key and gives how many they are. It tells which
// do not open.
func (k *Keys) checkScopeKeys(ctx context.Context) (int64, error) {
	var opened int64
	var closed []closedKey
	look := func(key store.ScopeKey) {
		if err := k.Ring.CheckScopeKey(sealKey(key)); err != nil {
			closed = append(closed, closedKey{key, err})
		} else {
			opened++
		}
	}
	var own []store.ScopeKey
	err := k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) (err error) {
		own, err = tx.ListPlatformKeys(ctx)
		return err
	})
	if err != nil {
		return opened, err
	}
	for _, key := range own {
		look(key)
	}
	err = k.eachTenantKey(ctx, func(key store.ScopeKey) error {
		look(key)
		return nil
	})
	if err != nil {
		return opened, err
	}
	if len(closed) > 0 {
		return opened, fmt.Errorf("%s cannot be opened: %w", core.Counted(len(closed), "key"), k.aboutClosed(ctx, closed, 10))
	}
	return opened, nil
}

// eachTenantKey hands every version of every tenant's key to look.
func (k *Keys) eachTenantKey(ctx context.Context, look func(store.ScopeKey) error) error {
	for after := (store.ScopeKey{}); ; {
		var keys []store.ScopeKey
		err := k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) (err error) {
			keys, err = tx.ListTenantKeys(ctx, after, batch)
			return err
		})
		if err != nil || len(keys) == 0 {
			return err
		}
		for _, key := range keys {
			if err := look(key); err != nil {
				return err
			}
		}
		after = keys[len(keys)-1]
	}
}
