package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/store"
)

// Factors is how a member proves who they are besides a password.
type Factors struct {
	Items         []core.Factor
	RecoveryCodes int64 // how many are left
	HasPassword   bool
}

// ListFactors gives the second factors and passkeys of the actor.
func (i *Identity) ListFactors(ctx context.Context, actor core.Actor) (Factors, error) {
	var f Factors
	if err := requireOwnAccount(actor); err != nil {
		return f, err
	}
	err := i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		rows, err := tx.ListFactors(ctx, actor.MemberID)
		if err != nil {
			return err
		}
		for _, row := range rows {
			f.Items = append(f.Items, row.Factor)
		}
		m, _, err := tx.FindMember(ctx, actor.MemberID)
		if err != nil {
			return err
		}
		f.HasPassword = !m.PasswordHash.IsZero()
		f.RecoveryCodes, err = tx.CountRecoveryCodes(ctx, actor.MemberID)
		return err
	})
	return f, err
}

// RemoveFactor takes a second factor or a passkey from the actor's account. With the
// last one the recovery codes go. It fails with fault.FactorUnknown and
// fault.StepUpRequired.
func (i *Identity) RemoveFactor(ctx context.Context, actor core.Actor, factor core.FactorID) error {
	if err := requireProof(actor); err != nil {
		return err
	}
	err := i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		if err := tx.LockFactors(ctx, actor.MemberID); err != nil {
			return err
		}
		if err := tx.RemoveFactor(ctx, actor.MemberID, factor); err != nil {
			return err
		}
		left, err := tx.ListFactors(ctx, actor.MemberID)
		if err != nil {
			return err
		}
		if len(counting(left)) == 0 {
			if err := tx.ReplaceRecoveryCodes(ctx, actor.MemberID, nil); err != nil {
				return err
			}
		}
		return tx.Audit(ctx, core.AuditEntry{Action: "factor.remove", SubjectKind: "factor", Subject: factor.String()})
	})
	if err == nil {
		i.notify(core.FactorRemovedNotice, actor.Name, Visit{})
	}
	return err
}

// requireOwnAccount lets only a member at their own account, and not by a session
// that holds in one tenant alone: who administers that tenant's corp says who is who
// in it, and shall not get at the account.
func requireOwnAccount(actor core.Actor) error {
	if actor.Kind != core.ActorMember || !actor.OnlyTenant.IsZero() {
		return fault.New(fault.PermissionDenied, nil)
	}
	return nil
}

// requireProof is requireOwnAccount for what wants a proof of a moment ago.
func requireProof(actor core.Actor) error {
	if err := requireOwnAccount(actor); err != nil {
		return err
	}
	if !actor.Proved {
		return fault.New(fault.StepUpRequired, nil)
	}
	return nil
}

// counting gives the factors that were confirmed.
func counting(rows []store.FactorRow) []store.FactorRow {
	return slices.DeleteFunc(slices.Clone(rows), func(f store.FactorRow) bool { return f.ConfirmedAt == nil })
}

// kindsOf names the kinds of factors, each once.
func kindsOf(rows []store.FactorRow) []core.FactorKind {
	var kinds []core.FactorKind
	for _, row := range rows {
		if !slices.Contains(kinds, row.Kind) {
			kinds = append(kinds, row.Kind)
		}
	}
	return kinds
}

// sealFactor seals what proves a factor together with whose it is: a row that is
// given to another member proves nothing.
func (i *Identity) sealFactor(ctx context.Context, tx *store.PlatformTx, f *store.FactorRow, value core.Secret) error {
	key, err := sealingKey(ctx, tx, i.newPlatformKey)
	if err != nil {
		return err
	}
	f.KeyVersion = key.Version
	f.Sealed, err = i.sealer.Seal(key, seal.ForFactor(f.ID), core.NewSecret(f.MemberID.String()+value.Expose()))
	if err != nil {
		return fmt.Errorf("seal factor: %w", err)
	}
	return nil
}

var errFactorMoved = errors.New("it was sealed for another member")

// openFactor gives what proves a factor. One that does not open is an error, and
// never a factor that is not there.
func (i *Identity) openFactor(ctx context.Context, tx *store.PlatformTx, f store.FactorRow) (core.Secret, error) {
	key, err := tx.GetPlatformKey(ctx, f.KeyVersion)
	if err != nil {
		return core.Secret{}, fmt.Errorf("open factor %s: %w", f.ID, err)
	}
	opened, err := i.opener.Open(platformKey(key), seal.ForFactor(f.ID), f.Sealed)
	if err != nil {
		return core.Secret{}, fmt.Errorf("open factor %s: %w", f.ID, err)
	}
	value, ok := strings.CutPrefix(opened.Expose(), f.MemberID.String())
	if !ok {
		return core.Secret{}, fmt.Errorf("open factor %s: %w", f.ID, errFactorMoved)
	}
	return core.NewSecret(value), nil
}

// addFactor stores a factor, if the member may have one more. confirmed tells whether
// it counts at once; with the first that does come recovery codes.
func (i *Identity) addFactor(ctx context.Context, actor core.Actor, f store.FactorRow, value core.Secret, confirmed bool) (made core.Factor, codes []core.Secret, err error) {
	err = i.onPlatformKey(ctx, actor, func(tx *store.PlatformTx) error {
		if err := tx.LockFactors(ctx, actor.MemberID); err != nil {
			return err
		}
		rows, err := tx.ListFactors(ctx, actor.MemberID)
		if err != nil {
			return err
		}
		if len(rows) >= core.MaxFactors {
			return fault.New(fault.FactorsFull, nil)
		}
		if err := i.sealFactor(ctx, tx, &f, value); err != nil {
			return err
		}
		row, err := tx.CreateFactor(ctx, f, confirmed)
		if err != nil {
			return err
		}
		made = row.Factor
		if !confirmed {
			return nil // it is written when it is confirmed
		}
		codes, err = factorCounts(ctx, tx, row, rows)
		return err
	})
	if err == nil && confirmed {
		i.notify(core.FactorAddedNotice, actor.Name, Visit{})
	}
	return made, codes, err
}

// factorCounts writes that a factor counts from now on, and gives recovery codes with
// the first.
func factorCounts(ctx context.Context, tx *store.PlatformTx, f store.FactorRow, others []store.FactorRow) ([]core.Secret, error) {
	var codes []core.Secret
	if len(counting(others)) == 0 {
		var err error
		if codes, err = giveRecoveryCodes(ctx, tx, f.MemberID); err != nil {
			return nil, err
		}
	}
	return codes, tx.Audit(ctx, core.AuditEntry{Action: "factor.add", SubjectKind: "factor", Subject: f.ID.String(),
		Detail: map[string]string{"kind": string(f.Kind), "name": f.Name}})
}

// onPlatformKey runs work that seals or opens under the platform's key. A version of
// it that is gone when it is asked for was turned meanwhile, and a second look finds
// the next.
func (i *Identity) onPlatformKey(ctx context.Context, actor core.Actor, work func(*store.PlatformTx) error) error {
	err := i.store.Platform(ctx, actor, work)
	if errors.Is(err, store.ErrPlatformKeyGone) {
		err = i.store.Platform(ctx, actor, work)
	}
	return err
}

// credentialHash is how a passkey's credential is known among all.
func credentialHash(id []byte) []byte {
	hash := sha256.Sum256(append([]byte("signet passkey 1 "), id...))
	return hash[:]
}
