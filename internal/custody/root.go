package custody

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"signet/internal/config"
	"signet/internal/core"
	"signet/internal/failpoint"
	"signet/internal/seal"
	"signet/internal/store"
)

// Turning is where a turning of the root key stands.
type Turning struct {
	To    seal.RootKeyRow // the key that everything is to lie under
	Begun bool            // by this call, and not before
	Done  int64           // keys that this call has wrapped anew
	Left  int64           // keys under older root keys, as counted last
}

// batch is how many keys are wrapped anew in one transaction.
const batch = 1000

// busyWait is how long a turner waits that found nothing but what others hold.
const busyWait = 100 * time.Millisecond

// Rotate turns the root key: a new one is stored and wraps every scope key from
// then on, those there are are wrapped anew, and the old one is deleted when
// nothing lies under it any more. One that was begun before is finished instead.
// tell hears of the new key before anything is wrapped under it, and after each
// batch how far it is.
//
// It may be called on any number of nodes at once, while they serve.
func (k *Keys) Rotate(ctx context.Context, tell func(Turning)) (Turning, error) {
	if err := k.refuseUncovered(); err != nil {
		return Turning{}, err
	}
	begun := false
	if len(k.Ring.Epochs()) == 1 {
		var err error
		if begun, err = k.beginRoot(ctx); err != nil {
			return Turning{}, err
		}
	}
	if err := k.Ring.Renew(ctx); err != nil {
		return Turning{}, err
	}
	t, err := k.finishRoot(ctx, func(t Turning) {
		t.Begun = begun
		tell(t)
	})
	t.Begun = begun
	return t, err
}

// refuseUncovered keeps a root key from being made which the offline recovery
// identity does not open, where it opens the one that is in use.
func (k *Keys) refuseUncovered() error {
	if len(k.Recovery) > 0 {
		return nil
	}
	own := k.Master.Recipients()
	for _, epoch := range k.Ring.Epochs() {
		for _, to := range epoch.Recipients {
			if !slices.Contains(own, to) {
				return fmt.Errorf("%s is not set here, but root key %d is sealed to a recovery recipient: set it to %s, or the next key could not be recovered",
					config.RecoveryRecipient, epoch.Number, to)
			}
		}
	}
	return nil
}

// beginRoot stores the next root key, unless somebody else has done so just now.
func (k *Keys) beginRoot(ctx context.Context) (begun bool, err error) {
	next, err := k.Ring.NextRootKey(k.Recovery)
	if err != nil {
		return false, err
	}
	err = k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) error {
		if err := tx.LockRootKeys(ctx); err != nil {
			return err
		}
		rows, err := tx.ListRootKeys(ctx)
		if err != nil || len(rows) != 1 || rows[0].Epoch != next.Epoch-1 {
			return err
		}
		// Somebody may have handed the root keys over to another identity since they were
		// read: the next one would be sealed to the one before.
		if _, err := seal.OpenRing(k.Master, rowsOf(rows)); err != nil {
			return fmt.Errorf("%s: %w", config.IdentityFile, err)
		}
		failpoint.At(failpoint.RootBeforeStore)
		if err := tx.PutRootKey(ctx, stored(next)); err != nil {
			return err
		}
		begun = true
		return tx.Audit(ctx, rootKeyEntry("root_key.rotate", next, nil))
	})
	if err == nil {
		failpoint.At(failpoint.RootStored)
	}
	return begun, err
}

// FinishRoot does what is left of a turning of the root key that was begun, and
// lets the ring know what has become of the root keys. It is the chore of every
// node. turned is false where there was nothing to do.
func (k *Keys) FinishRoot(ctx context.Context) (turned bool, err error) {
	if err := k.Ring.Renew(ctx); err != nil || len(k.Ring.Epochs()) == 1 {
		return false, err
	}
	t, err := k.finishRoot(ctx, func(Turning) {})
	if err == nil {
		k.Log.InfoContext(ctx, "a turning of the root key is finished", "epoch", t.To.Epoch, "keys", t.Done)
	}
	return err == nil, err
}

// finishRoot goes over the keys again and again until nothing lies under an old
// root key and those are deleted.
func (k *Keys) finishRoot(ctx context.Context, tell func(Turning)) (Turning, error) {
	epochs := k.Ring.Epochs()
	newest := epochs[len(epochs)-1]
	t := Turning{To: seal.RootKeyRow{Epoch: newest.Number, Fingerprint: newest.Fingerprint, CreatedAt: newest.CreatedAt}}
	tell(t)
	for {
		done, closed, err := k.rewrapAll(ctx, &t, tell)
		if err != nil {
			return t, err
		}
		retired, err := k.retireRoot(ctx, &t)
		switch {
		case err != nil:
			return t, err
		case retired:
			return t, k.Ring.Renew(ctx)
		case done == 0 && closed != nil && t.Left == int64(len(closed)):
			return t, fmt.Errorf("%s cannot be opened, and the old root key is kept; restore what was damaged from the key backup: %w", core.Counted(len(closed), "key"), k.aboutClosed(ctx, closed, 3))
		case done == 0:
			if err := wait(ctx, busyWait); err != nil { // others hold what is left
				return t, err
			}
		}
	}
}

// rewrapAll goes over all keys once. closed says which do not open.
func (k *Keys) rewrapAll(ctx context.Context, t *Turning, tell func(Turning)) (done int, closed []closedKey, err error) {
	var after store.ScopeKey
	for {
		var taken int
		var more bool
		var shut []closedKey
		err := k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) error {
			keys, err := tx.TakeKeys(ctx, t.To.Epoch, after, batch)
			if err != nil || len(keys) == 0 {
				return err
			}
			taken, after = len(keys), keys[len(keys)-1]
			more = !after.OfPlatform()
			keys, shut = k.rewrap(keys)
			failpoint.At(failpoint.RootBeforeWrite)
			return tx.RewrapKeys(ctx, keys)
		})
		if err != nil || taken == 0 {
			return done, closed, err
		}
		failpoint.At(failpoint.RootWritten)
		closed = append(closed, shut...)
		done += taken - len(shut)
		t.Done += int64(taken - len(shut))
		tell(*t)
		if !more {
			return done, closed, nil
		}
	}
}

// rewrap wraps keys anew, and leaves out those that do not open.
func (k *Keys) rewrap(keys []store.ScopeKey) (anew []store.ScopeKey, closed []closedKey) {
	for _, key := range keys {
		wrapped, err := k.Ring.RewrapScopeKey(sealKey(key))
		if err != nil {
			closed = append(closed, closedKey{key, err})
			continue
		}
		key.RootEpoch, key.Wrapped = wrapped.RootEpoch, wrapped.Bytes
		anew = append(anew, key)
	}
	return anew, closed
}

// retireRoot deletes the old root keys if nothing lies under them. A node that has
// not heard of the new one may make a key under an old one at any moment: either
// that key is there before the count, or it is refused for want of its root key.
func (k *Keys) retireRoot(ctx context.Context, t *Turning) (retired bool, err error) {
	err = k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) error {
		if err := tx.LockRootKeys(ctx); err != nil {
			return err
		}
		counts, err := tx.CountKeys(ctx)
		if err != nil {
			return err
		}
		if t.Left = under(counts, t.To.Epoch); t.Left > 0 {
			return nil
		}
		failpoint.At(failpoint.RootBeforeRetire)
		gone, err := tx.DeleteRootKeys(ctx, t.To.Epoch)
		if err != nil {
			return err
		}
		retired = true
		return auditRetired(ctx, tx, rowsOf(gone), counts[t.To.Epoch].Sum())
	})
	switch {
	case errors.Is(err, store.ErrRootKeyInUse):
		return false, nil
	case err != nil:
		return false, err
	}
	if retired {
		failpoint.At(failpoint.RootRetired)
	}
	return retired, nil
}

func auditRetired(ctx context.Context, tx *store.KeysTx, gone []seal.RootKeyRow, keys int64) error {
	for _, row := range gone {
		detail := map[string]string{"keys_left": "0", "keys_on_the_next": strconv.FormatInt(keys, 10)}
		if err := tx.Audit(ctx, rootKeyEntry("root_key.retire", row, detail)); err != nil {
			return err
		}
	}
	return nil
}

// under counts the keys that lie under root keys older than epoch.
func under(counts map[int32]store.KeyCount, epoch int32) (keys int64) {
	for at, count := range counts {
		if at < epoch {
			keys += count.Sum()
		}
	}
	return keys
}

func sealKey(k store.ScopeKey) seal.WrappedKey {
	scope := seal.Platform()
	if !k.OfPlatform() {
		scope = seal.Tenant(k.TenantID)
	}
	return seal.WrappedKey{Scope: scope, Version: k.Version, RootEpoch: k.RootEpoch, Bytes: k.Wrapped}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
