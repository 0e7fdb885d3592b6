package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/core"
	"signet/internal/failpoint"
	"signet/internal/fault"
	"signet/internal/store"
)

// Due does what falls due by itself, as the system. Any node may do it at any time,
// and several at once: each version is taken by one.
type Due struct{ actions *Actions }

// NewDue gives what falls due of all that the actions are about.
func NewDue(a *Actions) Due { return Due{a} }

// A round takes so many; the rest is for the next.
const (
	dueRound = 100
	dueClaim = 20 * time.Second // so long nobody else tries what one node has taken, and may have died with
	dueAgain = time.Minute      // until one that WeCom does not judge is tried again
)

// ActivateSecrets makes pending secrets current whose time has come. Each is tried
// first. One that WeCom refuses stays pending, without its time and with what was
// said, and raises the alert secret_not_activated. Where WeCom does not judge it, it
// is tried again a minute later. It fails with fault.StoreUnavailable.
func (d Due) ActivateSecrets(ctx context.Context) error {
	var list []store.SecretRef
	err := d.actions.Store.System(ctx, func(tx *store.SystemTx) error {
		var err error
		list, err = tx.ListDueSecrets(ctx, dueRound)
		return err
	})
	if err != nil {
		return err
	}
	var failures []error
	for _, ref := range list {
		failures = append(failures, d.activate(ctx, ref))
	}
	return errors.Join(failures...)
}

func (d Due) activate(ctx context.Context, ref store.SecretRef) error {
	system := core.System("schedule")
	var due time.Time
	claimed := false
	err := d.actions.Store.Tenant(ctx, system, ref.TenantID, func(tx *store.TenantTx) error {
		var err error
		due, claimed, err = tx.ClaimDueSecret(ctx, ref.AppID, ref.Version, dueClaim)
		return err
	})
	if err != nil || !claimed {
		return err
	}
	failpoint.At(failpoint.DueClaimed)
	_, err = d.actions.activateSecret(ctx, system, ref.TenantID, ref.AppID, ref.Version, false, &due)
	facts := []any{"tenant_id", ref.TenantID, "app_id", ref.AppID, "version", ref.Version}
	switch {
	case err == nil:
		d.actions.Log.InfoContext(ctx, "a secret has become current at its time", facts...)
		return nil
	case fault.Has(err, fault.StoreUnavailable):
		return err
	case fault.Has(err, fault.SecretRefused), fault.Has(err, fault.SecretDamaged):
		d.actions.Log.ErrorContext(ctx, "a secret could not become current at its time; it stays pending, and the current one stays in use",
			append(facts, "alert", "secret_not_activated", "error", err)...)
		_, err = d.actions.schedule(ctx, system, ref.TenantID, ref.AppID, ref.Version, nil, &due)
		return ignoreMoved(err)
	case isMoved(err):
		return nil
	}
	d.actions.Log.WarnContext(ctx, "a secret could not be tried at its time; it is tried again in a minute", append(facts, "error", err)...)
	return d.actions.Store.Tenant(ctx, system, ref.TenantID, func(tx *store.TenantTx) error {
		return tx.PostponeSecret(ctx, ref.AppID, ref.Version, dueAgain)
	})
}

// RetireSecrets retires versions that have been previous for core.PreviousKept.
func (d Due) RetireSecrets(ctx context.Context) error {
	var list []store.SecretRef
	err := d.actions.Store.System(ctx, func(tx *store.SystemTx) error {
		var err error
		list, err = tx.ListSupersededSecrets(ctx, core.PreviousKept, dueRound)
		return err
	})
	failures := []error{err}
	for _, ref := range list {
		_, err := d.actions.RetireSecret(ctx, core.System("schedule"), ref.TenantID, ref.AppID, ref.Version)
		failures = append(failures, ignoreMoved(err))
	}
	return errors.Join(failures...)
}

// DestroyTenants destroys the tenants whose grace time is over, and gives how many
// they were. A tenant is destroyed by one node. One that cannot be destroyed keeps no
// other from it; the error names each.
func (d Due) DestroyTenants(ctx context.Context) (destroyed int, err error) {
	var due []core.TenantID
	err = d.actions.Store.System(ctx, func(tx *store.SystemTx) error {
		var err error
		due, err = tx.ListDueTenants(ctx, dueRound)
		return err
	})
	if err != nil {
		return 0, err
	}
	var problems []error
	for _, tenant := range due {
		var mine bool
		err := d.actions.destroy(ctx, core.System("deletions"), tenant, func(tx *store.TenantTx) (bool, error) {
			var err error
			mine, err = tx.LockDueTenant(ctx)
			return mine, err
		})
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("destroy tenant %s: %w", tenant, err))
		case mine:
			destroyed++
		}
	}
	return destroyed, errors.Join(problems...)
}

// isMoved tells that somebody was faster: the version, the app or the tenant is no
// longer what it was.
func isMoved(err error) bool {
	for _, code := range []fault.Code{fault.SecretState, fault.SecretConflict, fault.SecretUnknown, fault.AppUnknown, fault.TenantUnknown, fault.TenantLeaving} {
		if fault.Has(err, code) {
			return true
		}
	}
	return false
}

func ignoreMoved(err error) error {
	if isMoved(err) {
		return nil
	}
	return err
}
