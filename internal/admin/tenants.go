package admin

import (
	"context"
	"strconv"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// NewTenant is what a tenant is made of, as it was typed.
type NewTenant struct{ Name, CorpID string }

// firstKeyVersion is the version of a new tenant's key.
const firstKeyVersion = 1

// CreateTenant makes a tenant with its first corp and its key. It fails with
// fault.RequestInvalid (/name, /corpId) or fault.PermissionDenied. Two tenants
// may have the same corp: each proves itself with its own secret.
func (a *Actions) CreateTenant(ctx context.Context, actor core.Actor, n NewTenant) (core.Tenant, error) {
	// 1. May the actor, and is the input right?
	if err := actor.May(core.TenantsCreate); err != nil {
		return core.Tenant{}, err
	}
	var wrong fields
	name, err := core.ParseName("/name", n.Name)
	name = check(&wrong, name, err)
	corp, err := core.ParseCorpID("/corpId", n.CorpID)
	corp = check(&wrong, corp, err)
	if err := wrong.err(); err != nil {
		return core.Tenant{}, err
	}
	// 2. A key of its own, and all of it in one transaction.
	id := core.NewTenantID()
	entry := core.AuditEntry{Action: "tenant.create", SubjectKind: "tenant", Subject: id.String(),
		Detail: map[string]string{"name": name, "corp_id": string(corp)}}
	var made core.Tenant
	err = a.withNewKey(ctx, id, firstKeyVersion, func(key store.WrappedKey) error {
		return a.change(ctx, actor, id, entry, func(tx *store.TenantTx) error {
			if err := tx.CreateTenant(ctx, name); err != nil {
				return err
			}
			if err := tx.CreateCorp(ctx, corp); err != nil {
				return err
			}
			if err := tx.CreateTenantKey(ctx, key); err != nil {
				return err
			}
			made, err = tx.GetTenant(ctx)
			return err
		})
	})
	return made, err
}

// GetTenant gives a tenant. It fails with fault.TenantUnknown, also for one that
// the actor does not belong to.
func (a *Actions) GetTenant(ctx context.Context, actor core.Actor, tenant core.TenantID) (core.Tenant, error) {
	return read(ctx, a, actor, tenant, core.TenantRead, func(tx *store.TenantTx) (core.Tenant, error) {
		return tx.GetTenant(ctx)
	})
}

// ListTenants gives the tenants that the filter picks and the actor may read,
// newest first: all of them to the platform's people, to others those they belong to.
func (a *Actions) ListTenants(ctx context.Context, actor core.Actor, filter core.TenantFilter, p core.Page) (core.List[core.Tenant], error) {
	everyone := actor.May(core.TenantsList) == nil
	named := make([]core.TenantID, 0, len(actor.Grants.Tenants))
	for id := range actor.Grants.Tenants {
		if actor.Kind != core.ActorAPIKey || actor.MayIn(id, core.TenantRead) == nil {
			named = append(named, id)
		}
	}
	var list core.List[core.Tenant]
	err := a.Store.System(ctx, func(tx *store.SystemTx) error {
		var err error
		list, err = tx.ListTenants(ctx, everyone, named, filter, p)
		return err
	})
	return list, err
}

// TenantChange is what is to change of a tenant; nil leaves a member as it is.
type TenantChange struct {
	Name, Status     *string
	SecretMaxAgeDays *int64 // 0: no limit

	SecondFactorRequired *bool
}

// UpdateTenant renames, suspends or resumes a tenant. It fails with
// fault.IfMatchConflict if the tenant is no longer at ifVersion, with
// fault.RequestInvalid (/name, /status, /secretMaxAgeDays) or fault.PermissionDenied. A suspended
// tenant is signed for on no node within two seconds.
//
// Of a tenant that is leaving nothing can be changed but that: made active, it stays.
// All else fails with fault.TenantLeaving.
func (a *Actions) UpdateTenant(ctx context.Context, actor core.Actor, tenant core.TenantID, ifVersion *int64, c TenantChange) (core.Tenant, error) {
	if err := mayUpdateTenant(actor, tenant, c); err != nil {
		return core.Tenant{}, err
	}
	change, err := parseTenantChange(c)
	if err != nil {
		return core.Tenant{}, err
	}
	var changed core.Tenant
	err = a.Store.Tenant(ctx, actor, tenant, func(tx *store.TenantTx) error {
		before, err := lockTenant(ctx, tx, ifVersion)
		if err != nil {
			return err
		}
		if before.Status == core.Suspended && before.Deletion == nil && !actor.Grants.Works() {
			return fault.New(fault.TenantSuspended, nil)
		}
		entry, err := updateTenant(ctx, tx, before, change)
		if err != nil {
			return err
		}
		if changed, err = tx.GetTenant(ctx); err != nil || len(entry.Detail) == 0 {
			return err
		}
		return tx.Audit(ctx, entry)
	})
	return changed, err
}

// lockTenant holds the tenant's row, at the version that the caller has read.
func lockTenant(ctx context.Context, tx *store.TenantTx, ifVersion *int64) (core.Tenant, error) {
	now, err := tx.LockTenant(ctx)
	if err != nil {
		return core.Tenant{}, err
	}
	if err := checkVersion(ifVersion, now); err != nil {
		return core.Tenant{}, err
	}
	return tx.GetTenant(ctx)
}

// parseTenantChange checks a change and gives the function that carries it out.
func parseTenantChange(c TenantChange) (func(core.Tenant) core.Tenant, error) {
	var wrong fields
	if c == (TenantChange{}) {
		wrong.list = append(wrong.list, fault.Field{Pointer: "", Reason: fault.ReasonEmpty})
	}
	var name string
	var status core.Status
	var err error
	if c.Name != nil {
		name, err = core.ParseName("/name", *c.Name)
		name = check(&wrong, name, err)
	}
	if c.Status != nil {
		status, err = core.ParseStatus("/status", *c.Status)
		status = check(&wrong, status, err)
	}
	var days int32
	if c.SecretMaxAgeDays != nil {
		days, err = core.ParseSecretAge("/secretMaxAgeDays", *c.SecretMaxAgeDays)
		days = check(&wrong, days, err)
	}
	return func(t core.Tenant) core.Tenant {
		if c.SecretMaxAgeDays != nil {
			t.SecretMaxAgeDays = days
		}
		if c.SecondFactorRequired != nil {
			t.SecondFactor = *c.SecondFactorRequired
		}
		if c.Name != nil {
			t.Name = name
		}
		if c.Status != nil {
			t.Status = status
		}
		return t
	}, wrong.err()
}

// updateTenant carries a change out, tells the nodes, and gives the audit's entry:
// one without details where everything is as it was asked for already.
func updateTenant(ctx context.Context, tx *store.TenantTx, before core.Tenant, change func(core.Tenant) core.Tenant) (core.AuditEntry, error) {
	after := change(before)
	entry := core.AuditEntry{Action: "tenant.update", SubjectKind: "tenant", Subject: before.ID.String(), Detail: map[string]string{}}
	noteChange(entry.Detail, "name", before.Name, after.Name)
	noteChange(entry.Detail, "status", string(before.Status), string(after.Status))
	noteChange(entry.Detail, "secret_max_age_days", daysText(before.SecretMaxAgeDays), daysText(after.SecretMaxAgeDays))
	noteChange(entry.Detail, "second_factor_required", strconv.FormatBool(before.SecondFactor), strconv.FormatBool(after.SecondFactor))
	if before.SecondFactor != after.SecondFactor && before.Deletion == nil {
		if err := tx.SetSecondFactor(ctx, after.SecondFactor); err != nil || onlySecondFactor(before, after) {
			return entry, err
		}
	}
	var err error
	switch {
	case len(entry.Detail) == 0:
		return entry, nil
	case before.Deletion != nil && (after.Status != core.Active || after.Name != before.Name || after.SecretMaxAgeDays != before.SecretMaxAgeDays || after.SecondFactor != before.SecondFactor):
		return entry, fault.New(fault.TenantLeaving, nil)
	case before.Deletion != nil:
		entry.Action = "tenant.restore"
		noteDeletion(entry.Detail, before.Deletion)
		err = tx.RestoreTenant(ctx)
	case after.SecretMaxAgeDays != before.SecretMaxAgeDays:
		if err = tx.SetSecretAge(ctx, after.SecretMaxAgeDays); err != nil || after.Name == before.Name && after.Status == before.Status {
			break
		}
		fallthrough
	default:
		err = tx.UpdateTenant(ctx, after.Name, after.Status)
	}
	if err != nil || before.Status == after.Status {
		return entry, err
	}
	return entry, tx.Announce(ctx, store.Change{Kind: store.TenantChanged})
}

// onlySecondFactor tells whether nothing else of the tenant changes.
func onlySecondFactor(before, after core.Tenant) bool {
	return before.Name == after.Name && before.Status == after.Status && before.SecretMaxAgeDays == after.SecretMaxAgeDays
}

func mayUpdateTenant(actor core.Actor, tenant core.TenantID, c TenantChange) error {
	if c.Status != nil {
		if err := actor.MayIn(tenant, core.TenantSuspend); err != nil {
			return err
		}
	}
	if c.SecondFactorRequired != nil {
		if err := actor.MayIn(tenant, core.TenantSafety); err != nil {
			return err
		}
	}
	return actor.MayIn(tenant, core.TenantUpdate)
}

func daysText(days int32) string { return strconv.Itoa(int(days)) }

// noteChange writes what a member was and is into the audit's detail.
func noteChange(detail map[string]string, member, before, after string) {
	if before != after {
		detail[member+".before"], detail[member+".after"] = before, after
	}
}
