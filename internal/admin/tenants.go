package admin

import (
	"context"

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

// ListTenants gives the tenants that the actor may read, newest first: all of
// them to the platform's people, to others those they belong to.
func (a *Actions) ListTenants(ctx context.Context, actor core.Actor, p core.Page) (core.List[core.Tenant], error) {
	everyone := actor.May(core.TenantsList) == nil
	named := make([]core.TenantID, 0, len(actor.Grants.Tenants))
	for id := range actor.Grants.Tenants {
		named = append(named, id)
	}
	var list core.List[core.Tenant]
	err := a.Store.System(ctx, func(tx *store.SystemTx) error {
		var err error
		list, err = tx.ListTenants(ctx, everyone, named, p)
		return err
	})
	return list, err
}

// TenantChange is what is to change of a tenant; nil leaves a member as it is.
type TenantChange struct{ Name, Status *string }

// UpdateTenant renames, suspends or resumes a tenant. It fails with
// fault.IfMatchConflict if the tenant is no longer at ifVersion, with
// fault.RequestInvalid (/name, /status) or fault.PermissionDenied. A suspended
// tenant is signed for on no node within two seconds.
func (a *Actions) UpdateTenant(ctx context.Context, actor core.Actor, tenant core.TenantID, ifVersion *int64, c TenantChange) (core.Tenant, error) {
	if err := mayUpdateTenant(actor, tenant, c); err != nil {
		return core.Tenant{}, err
	}
	var wrong fields
	if c.Name == nil && c.Status == nil {
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
	if err := wrong.err(); err != nil {
		return core.Tenant{}, err
	}
	var changed core.Tenant
	entry := core.AuditEntry{Action: "tenant.update", SubjectKind: "tenant", Subject: tenant.String(), Detail: map[string]string{}}
	err = a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		now, err := tx.LockTenant(ctx)
		if err != nil {
			return err
		}
		if err := checkVersion(ifVersion, now); err != nil {
			return err
		}
		before, err := tx.GetTenant(ctx)
		if err != nil {
			return err
		}
		after := before
		if c.Name != nil {
			after.Name = name
			noteChange(entry.Detail, "name", before.Name, after.Name)
		}
		if c.Status != nil {
			after.Status = status
			noteChange(entry.Detail, "status", string(before.Status), string(after.Status))
		}
		if len(entry.Detail) == 0 {
			changed = before
			return errUnchanged
		}
		if err := tx.UpdateTenant(ctx, after.Name, after.Status); err != nil {
			return err
		}
		if before.Status != after.Status {
			if err := tx.Announce(ctx, store.Change{Kind: store.TenantChanged}); err != nil {
				return err
			}
		}
		changed, err = tx.GetTenant(ctx)
		return err
	})
	return changed, err
}

func mayUpdateTenant(actor core.Actor, tenant core.TenantID, c TenantChange) error {
	if c.Status != nil {
		if err := actor.MayIn(tenant, core.TenantSuspend); err != nil {
			return err
		}
	}
	return actor.MayIn(tenant, core.TenantUpdate)
}

// noteChange writes what a member was and is into the audit's detail.
func noteChange(detail map[string]string, member, before, after string) {
	if before != after {
		detail[member+".before"], detail[member+".after"] = before, after
	}
}

// DeleteTenant destroys the tenant's keys and everything that is the tenant's
// but its audit. What was sealed for it can be opened by nobody afterwards but
// by a copy of the key in a backup of the key schema. It fails with
// fault.TenantUnknown, with fault.IfMatchConflict if the tenant is no longer at
// ifVersion, or with fault.PermissionDenied.
//
// The platform's audit tells of it as well, since nobody asks for the audit of a
// tenant that is gone. A transaction sees either a tenant's rows or the
// platform's (ADR 7), so that row is a transaction of its own, committed while
// the deletion waits for it: there is no deletion without the row. Should
// Postgres be lost between the two commits, there is a row without a deletion.
func (a *Actions) DeleteTenant(ctx context.Context, actor core.Actor, tenant core.TenantID, ifVersion *int64) error {
	if err := actor.MayIn(tenant, core.TenantDelete); err != nil {
		return err
	}
	entry := core.AuditEntry{Action: "tenant.delete", SubjectKind: "tenant", Subject: tenant.String(), Detail: map[string]string{}}
	// One at a time: it takes two connections, and as many deletions as there are
	// connections would all wait for a second.
	select {
	case a.deletion <- struct{}{}:
		defer func() { <-a.deletion }()
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.StoreUnavailable, nil)
	}
	return a.Store.Tenant(ctx, actor, tenant, func(tx *store.TenantTx) error {
		now, err := tx.LockTenant(ctx)
		if err != nil {
			return err
		}
		if err := checkVersion(ifVersion, now); err != nil {
			return err
		}
		gone, err := tx.GetTenant(ctx)
		if err != nil {
			return err
		}
		entry.Detail["name"] = gone.Name
		// Each app by its name, because after the deletion there is nothing left
		// by which a node could find them.
		apps, err := tx.ListAppNames(ctx)
		if err != nil {
			return err
		}
		for _, app := range apps {
			if err := tx.Announce(ctx, store.Change{Kind: store.AppChanged, AppID: app.ID, AppKey: app.Key}); err != nil {
				return err
			}
		}
		if err := tx.DeleteTenant(ctx); err != nil {
			return err
		}
		if err := tx.Audit(ctx, entry); err != nil {
			return err
		}
		return a.Store.Platform(ctx, actor, func(platform *store.PlatformTx) error {
			return platform.Audit(ctx, entry)
		})
	})
}
