package custody

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"signet/internal/core"
	"signet/internal/failpoint"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/store"
)

// How many values are turned in one transaction, and how many tenants are looked
// for at a time.
const (
	valueBatch  = 200
	tenantBatch = 100
)

// FinishTenants turns what older versions of tenants' keys have sealed to the
// newest, and deletes the versions that have sealed nothing any more. It is the
// chore of every node. A tenant where that cannot be done is told of, and keeps no
// other waiting.
func (k *Keys) FinishTenants(ctx context.Context) error {
	var problems []error
	var after core.TenantID
	for {
		var tenants []core.TenantID
		err := k.Store.System(ctx, func(tx *store.SystemTx) error {
			var err error
			tenants, err = tx.ListTurningTenants(ctx, after, tenantBatch)
			return err
		})
		if err != nil || len(tenants) == 0 {
			return errors.Join(append(problems, err)...)
		}
		for _, tenant := range tenants {
			err := k.FinishTenant(ctx, tenant)
			switch {
			case fault.Has(err, fault.StoreUnavailable), ctx.Err() != nil:
				return err
			case fault.Has(err, fault.TenantUnknown): // deleted meanwhile, with all versions of its key
			case err != nil:
				problems = append(problems, fmt.Errorf("tenant %s: %w", tenant, err))
			}
		}
		after = tenants[len(tenants)-1]
	}
}

// FinishTenant is FinishTenants for one tenant.
func (k *Keys) FinishTenant(ctx context.Context, tenant core.TenantID) error {
	var closed []error
	for more := true; more; {
		more = false
		err := k.Store.Tenant(ctx, k.Actor, tenant, func(tx *store.TenantTx) error {
			newest, err := tx.NewestTenantKey(ctx)
			if err != nil {
				return err
			}
			limit := valueBatch + len(closed) // those come again, and may be the first
			values, err := tx.TakeSealed(ctx, newest.Version, limit)
			if err != nil || len(values) == 0 {
				return err
			}
			var anew []store.SealedValue
			if anew, closed, err = k.reseal(ctx, tx, tenant, newest, values); err != nil {
				return err
			}
			failpoint.At(failpoint.TenantBeforeReseal)
			more = len(anew) > 0 || len(values) == limit
			return tx.PutResealed(ctx, anew)
		})
		if err != nil {
			return err
		}
		failpoint.At(failpoint.TenantResealed)
	}
	if err := k.retireTenant(ctx, tenant); err != nil || len(closed) == 0 {
		return err
	}
	return fmt.Errorf("%s cannot be opened, and what they are sealed under is not touched; %s: %w", core.Counted(len(closed), "value"), mendOf(closed), closed[0])
}

// ErrKeyVersionGone says that a value is sealed under a version of its tenant's key
// that is not there: data and keys are of different days.
var ErrKeyVersionGone = errors.New("that version of the tenant's key is not there")

// mendOf says what helps where values do not open.
func mendOf(closed []error) string {
	gone := func(err error) bool { return errors.Is(err, ErrKeyVersionGone) }
	const keys, data = "restore the schema signet_keys of the day of the data, or let the secret be entered anew",
		"restore what was damaged from a backup, or let the secret be entered anew and destroy the damaged one"
	switch {
	case !slices.ContainsFunc(closed, gone):
		return data
	case slices.ContainsFunc(closed, func(err error) bool { return !gone(err) }):
		return keys + "; " + data
	}
	return keys
}

// reseal turns values to the newest version, and leaves out those that do not open.
func (k *Keys) reseal(ctx context.Context, tx *store.TenantTx, tenant core.TenantID, newest store.WrappedKey, values []store.SealedValue) (anew []store.SealedValue, closed []error, err error) {
	versions := map[int32]*store.WrappedKey{} // nil: it is not there
	resealer, to := k.Ring.Resealer(), tenantKey(tenant, newest)
	for _, v := range values {
		from, known := versions[v.KeyVersion]
		if !known {
			if from, err = findTenantKey(ctx, tx, v.KeyVersion); err != nil {
				return nil, nil, err
			}
			versions[v.KeyVersion] = from
		}
		if from == nil { // and will not come back: a version is deleted after a count of what it has sealed, under a lock of ours
			closed = append(closed, fmt.Errorf("open %s: version %d: %w", BindingOf(tenant, v), v.KeyVersion, ErrKeyVersionGone))
			continue
		}
		turned, err := resealer.Reseal(tenantKey(tenant, *from), to, BindingOf(tenant, v), v.Sealed)
		if err != nil {
			closed = append(closed, err)
			continue
		}
		v.Sealed, v.Fingerprint, v.KeyVersion = turned.Bytes, turned.Fingerprint, newest.Version
		anew = append(anew, v)
	}
	return anew, closed, nil
}

// findTenantKey gives a version of the tenant's key, nil where it is not there.
func findTenantKey(ctx context.Context, tx *store.TenantTx, version int32) (*store.WrappedKey, error) {
	key, err := tx.GetTenantKey(ctx, version)
	if fault.Has(err, fault.TenantUnknown) {
		return nil, nil //nolint:nilnil // both answers are good ones
	}
	return &key, err
}

// retireTenant deletes the versions of a tenant's key that have sealed nothing any
// more.
func (k *Keys) retireTenant(ctx context.Context, tenant core.TenantID) error {
	var gone []int32
	err := k.Store.Tenant(ctx, k.Actor, tenant, func(tx *store.TenantTx) error {
		newest, err := tx.NewestTenantKey(ctx)
		if err != nil {
			return err
		}
		failpoint.At(failpoint.TenantBeforeRetire)
		if gone, _, err = tx.RetireTenantKeys(ctx, newest.Version); err != nil {
			return err
		}
		for _, version := range gone {
			entry := core.AuditEntry{Action: "tenant_key.retire", SubjectKind: "tenant_key", Subject: strconv.Itoa(int(version)),
				Detail: map[string]string{"values_left": "0", "successor": strconv.Itoa(int(newest.Version))}}
			if err := tx.Audit(ctx, entry); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && len(gone) > 0 {
		failpoint.At(failpoint.TenantRetired)
		k.Log.InfoContext(ctx, "a tenant's key is turned", "tenant_id", tenant, "retired", gone)
	}
	return err
}

func tenantKey(tenant core.TenantID, k store.WrappedKey) seal.WrappedKey {
	return sealKey(store.ScopeKey{TenantID: tenant, WrappedKey: k})
}

// BindingOf says what a sealed value of a tenant is bound to.
func BindingOf(tenant core.TenantID, v store.SealedValue) seal.Binding {
	switch {
	case v.Kind == store.ValueOfSecret:
		return seal.ForAppSecret(tenant, v.AppID, int32(v.Number))
	case v.Kind == store.ValueOfTrial:
		return seal.ForTrialGrant(tenant, v.AppID, int32(v.Number), v.Ticket, v.FetchedAt)
	case v.Kind == store.ValueOfAnswer:
		return seal.ForIdempotentAnswer(tenant, v.Answer)
	case v.Ticket == core.CorpTicket:
		return seal.ForCorpTicket(tenant, v.CorpID, v.Number)
	}
	return seal.ForAppTicket(tenant, v.AppID, v.Ticket, v.Number)
}
