package custody

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"signet/internal/core"
	"signet/internal/failpoint"
	"signet/internal/seal"
	"signet/internal/store"
)

// PlatformTurning is where a turning of the platform's own key stands.
type PlatformTurning struct {
	From, To int32 // versions: the oldest there is, and the one that seals
	Begun    bool  // by this call, and not before
	Done     int64 // values that this call has turned
	Left     int64 // values under older versions, as counted last
	Values   int64 // under the one that seals, as counted last
}

// errNoPlatformKey says that there is nothing to turn.
var errNoPlatformKey = errors.New("the platform has no key of its own yet: the first `signet serve` makes it")

// RotatePlatform turns the platform's own key: a newer version is stored and seals
// from then on, what older ones have sealed is turned to it, and those are deleted
// when they have sealed nothing any more. One that was begun before is finished
// instead.
//
// It may be called on any number of nodes at once, while they serve.
func (k *Keys) RotatePlatform(ctx context.Context) (PlatformTurning, error) {
	begun, err := k.beginPlatform(ctx)
	if errors.Is(err, store.ErrRootKeyGone) {
		if err := k.Ring.Renew(ctx); err != nil {
			return PlatformTurning{}, err
		}
		begun, err = k.beginPlatform(ctx)
	}
	if err != nil {
		return PlatformTurning{}, err
	}
	t, err := k.finishPlatform(ctx)
	t.Begun = begun
	return t, err
}

// beginPlatform stores the next version, unless one turning is under way already.
func (k *Keys) beginPlatform(ctx context.Context) (begun bool, err error) {
	err = k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) error {
		if err := tx.LockRootKeys(ctx); err != nil {
			return err
		}
		versions, err := tx.ListPlatformKeys(ctx)
		switch {
		case err != nil || len(versions) > 1:
			return err
		case len(versions) == 0:
			return errNoPlatformKey
		}
		next, err := k.Ring.NewScopeKey(seal.Platform(), versions[0].Version+1)
		if err != nil {
			return err
		}
		failpoint.At(failpoint.PlatformBeforeKey)
		if err := tx.PutPlatformKey(ctx, store.WrappedKey{Version: next.Version, RootEpoch: next.RootEpoch, Wrapped: next.Bytes}); err != nil {
			return err
		}
		begun = true
		return tx.Audit(ctx, platformKeyEntry("platform_key.turn", next.Version, map[string]string{}))
	})
	if err != nil {
		return false, err
	}
	failpoint.At(failpoint.PlatformKeyStored)
	return begun, nil
}

// FinishPlatform does what is left of a turning of the platform's own key that was
// begun. It is the chore of every node. turned is false where there was nothing to do.
func (k *Keys) FinishPlatform(ctx context.Context) (turned bool, err error) {
	var versions []store.ScopeKey
	err = k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) error {
		versions, err = tx.ListPlatformKeys(ctx)
		return err
	})
	if err != nil || len(versions) < 2 {
		return false, err
	}
	t, err := k.finishPlatform(ctx)
	if err == nil {
		k.Log.InfoContext(ctx, "a turning of the platform's key is finished", "version", t.To, "values", t.Done)
	}
	return err == nil, err
}

// finishPlatform goes over the values again and again until none lies under an older
// version and those are deleted.
func (k *Keys) finishPlatform(ctx context.Context) (t PlatformTurning, err error) {
	for {
		done, closed, err := k.resealPlatform(ctx)
		t.Done += done
		if err != nil {
			return t, err
		}
		if err := k.retirePlatform(ctx, &t); err != nil {
			return t, err
		}
		switch {
		case t.Left == 0:
			return t, nil
		case done == 0 && closed != nil && t.Left == int64(len(closed)):
			return t, fmt.Errorf("%s of the platform cannot be opened, and the old version of its key is kept; restore what was damaged from a backup: %w",
				core.Counted(len(closed), "value"), errors.Join(closed[:min(3, len(closed))]...))
		case done == 0:
			if err := wait(ctx, busyWait); err != nil { // others hold what is left
				return t, err
			}
		}
	}
}

// resealPlatform goes over all values once. closed says which do not open.
func (k *Keys) resealPlatform(ctx context.Context) (done int64, closed []error, err error) {
	for kind := range store.PlatformTables {
		after := ""
		for more := true; more; {
			var anew []store.PlatformValue
			var shut []error
			more = false
			err := k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) error {
				newest, found, err := tx.NewestPlatformKey(ctx)
				if err != nil || !found {
					return err
				}
				values, err := tx.TakePlatformSealed(ctx, kind, newest.Version, after, valueBatch)
				if err != nil || len(values) == 0 {
					return err
				}
				more, after = true, values[len(values)-1].Subject
				if anew, shut, err = k.resealValues(ctx, tx, newest, values); err != nil {
					return err
				}
				failpoint.At(failpoint.PlatformBeforeReseal)
				return tx.PutPlatformResealed(ctx, anew)
			})
			if err != nil {
				return done, closed, err
			}
			if len(anew) > 0 {
				failpoint.At(failpoint.PlatformResealed)
			}
			done += int64(len(anew))
			closed = append(closed, shut...)
		}
	}
	return done, closed, nil
}

// resealValues turns values to the newest version, and leaves out those that do not
// open.
func (k *Keys) resealValues(ctx context.Context, tx *store.KeysTx, newest store.WrappedKey, values []store.PlatformValue) (anew []store.PlatformValue, closed []error, err error) {
	versions, err := tx.ListPlatformKeys(ctx)
	if err != nil {
		return nil, nil, err
	}
	keys := map[int32]seal.WrappedKey{}
	for _, v := range versions {
		keys[v.Version] = sealKey(v)
	}
	resealer, to := k.Ring.Resealer(), sealKey(store.ScopeKey{WrappedKey: newest})
	for _, v := range values {
		from, ok := keys[v.KeyVersion]
		if !ok {
			closed = append(closed, fmt.Errorf("open %s: version %d of the platform's key is not there", platformBinding(v), v.KeyVersion))
			continue
		}
		turned, err := resealer.Reseal(from, to, platformBinding(v), v.Sealed)
		if err != nil {
			closed = append(closed, err)
			continue
		}
		v.Sealed, v.KeyVersion = turned.Bytes, newest.Version
		anew = append(anew, v)
	}
	return anew, closed, nil
}

// retirePlatform deletes the versions of the platform's key that have sealed nothing
// any more, and counts.
func (k *Keys) retirePlatform(ctx context.Context, t *PlatformTurning) error {
	var gone []int32
	err := k.Store.Keys(ctx, k.Actor, func(tx *store.KeysTx) error {
		newest, found, err := tx.NewestPlatformKey(ctx)
		if err != nil {
			return err
		}
		if !found {
			return errNoPlatformKey
		}
		failpoint.At(failpoint.PlatformBeforeRetire)
		if gone, t.Left, err = tx.RetirePlatformKeys(ctx, newest.Version); err != nil {
			return err
		}
		counts, err := tx.CountPlatformSealed(ctx)
		if err != nil {
			return err
		}
		t.To, t.Values = newest.Version, counts[newest.Version]
		for _, version := range gone {
			detail := map[string]string{"values_left": "0", "successor": strconv.Itoa(int(newest.Version))}
			if err := tx.Audit(ctx, platformKeyEntry("platform_key.retire", version, detail)); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && len(gone) > 0 {
		t.From = gone[0]
		failpoint.At(failpoint.PlatformRetired)
	}
	return err
}

func platformKeyEntry(action string, version int32, detail map[string]string) core.AuditEntry {
	return core.AuditEntry{Action: action, SubjectKind: "platform_key", Subject: strconv.Itoa(int(version)), Detail: detail}
}

// beforeVersion counts the values that versions older than the given one have sealed.
func beforeVersion(counts map[int32]int64, version int32) (values int64) {
	for at, count := range counts {
		if at < version {
			values += count
		}
	}
	return values
}

// platformBinding says what a value of the platform is bound to.
func platformBinding(v store.PlatformValue) seal.Binding {
	switch v.Kind {
	case store.ValueOfSessionKey:
		return seal.ForSessionKey(v.Subject)
	case store.ValueOfFactor:
		id, _ := core.ParseFactorID(v.Subject)
		return seal.ForFactor(id)
	case store.ValueOfAuditKey:
		return seal.ForAuditKey(v.Subject)
	case store.ValueOfPlatformAnswer:
		return seal.ForPlatformAnswer(v.Subject)
	}
	return seal.Binding{} // bound to nothing, so that it does not open
}
