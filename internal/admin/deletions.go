package admin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// DeleteTenant lets a tenant leave: it is suspended at once and destroyed after the
// grace time, by whichever node finds it due (Due.DestroyTenants); until then UpdateTenant
// takes it back. With a grace time of 0 it is destroyed here. Of a tenant that is
// leaving already it changes nothing. It fails with fault.TenantUnknown, with
// fault.IfMatchConflict if the tenant is no longer at ifVersion, or with
// fault.PermissionDenied.
func (a *Actions) DeleteTenant(ctx context.Context, actor core.Actor, tenant core.TenantID, ifVersion *int64) error {
	if a.DeletionGrace == 0 {
		return a.DestroyTenant(ctx, actor, tenant, ifVersion)
	}
	if err := actor.MayIn(tenant, core.TenantDelete); err != nil {
		return err
	}
	return a.Store.Tenant(ctx, actor, tenant, func(tx *store.TenantTx) error {
		before, err := lockTenant(ctx, tx, ifVersion)
		if err != nil || before.Deletion != nil {
			return err
		}
		if err := tx.ScheduleDeletion(ctx, a.DeletionGrace); err != nil {
			return err
		}
		leaving, err := tx.GetTenant(ctx)
		if err != nil {
			return err
		}
		if err := tx.Announce(ctx, store.Change{Kind: store.TenantChanged}); err != nil {
			return err
		}
		entry := core.AuditEntry{Action: "tenant.leave", SubjectKind: "tenant", Subject: tenant.String(), Detail: map[string]string{"name": leaving.Name}}
		noteChange(entry.Detail, "status", string(before.Status), string(leaving.Status))
		noteDeletion(entry.Detail, leaving.Deletion)
		return tx.Audit(ctx, entry)
	})
}

// DestroyTenant destroys a tenant now, whether it is leaving or not. It fails as
// DeleteTenant does.
func (a *Actions) DestroyTenant(ctx context.Context, actor core.Actor, tenant core.TenantID, ifVersion *int64) error {
	if err := actor.MayIn(tenant, core.TenantDelete); err != nil {
		return err
	}
	return a.destroy(ctx, actor, tenant, func(tx *store.TenantTx) (bool, error) {
		_, err := lockTenant(ctx, tx, ifVersion)
		return err == nil, err
	})
}

// destroy takes away the tenant's keys and everything that is the tenant's but its
// audit, if lock, which holds the tenant's row, says so. What was sealed for it can
// be opened by nobody afterwards but by a copy of a key in a backup of the key schema.
//
// The platform's audit tells of it as well, since nobody asks for the audit of a
// tenant that is gone, and so does the list of deletions, which is applied to every
// database that is restored. A transaction sees either a tenant's rows or the
// platform's (ADR 7), so those are a transaction of their own, committed while the
// destruction waits for it: there is no destruction without the rows. Should
// Postgres be lost between the two commits, there are rows without a destruction:
// the tenant stays due, is destroyed by the next who finds it, and until then the
// list leaves it out, because it is still there.
func (a *Actions) destroy(ctx context.Context, actor core.Actor, tenant core.TenantID, lock func(*store.TenantTx) (bool, error)) error {
	// One at a time: it takes two connections, and as many destructions as there are
	// connections would all wait for a second.
	select {
	case a.destruction <- struct{}{}:
		defer func() { <-a.destruction }()
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.StoreUnavailable, nil)
	}
	return a.Store.Tenant(ctx, actor, tenant, func(tx *store.TenantTx) error {
		if locked, err := lock(tx); err != nil || !locked {
			return err
		}
		gone, err := tx.GetTenant(ctx)
		if err != nil {
			return err
		}
		estate, err := tx.GetEstate(ctx)
		if err != nil {
			return err
		}
		if gone.Deletion == nil {
			gone.Deletion = &core.Deletion{RequestedAt: estate.At, DueAt: estate.At, RequestedBy: actor.Name}
		}
		if err := takeAway(ctx, tx); err != nil {
			return err
		}
		end := core.Destroyed{TenantID: tenant, At: estate.At, UnopenableFrom: unopenableFrom(estate.At, a.KeyBackupDays)}
		entry := proofOf(gone, estate, end, a.KeyBackupDays)
		if err := tx.Audit(ctx, entry); err != nil {
			return err
		}
		return a.Store.Platform(ctx, actor, func(platform *store.PlatformTx) error {
			return recordDestruction(ctx, platform, end, entry)
		})
	})
}

// takeAway deletes what is the tenant's and tells the nodes of each app by its name,
// because afterwards there is nothing left by which one could find them.
func takeAway(ctx context.Context, tx *store.TenantTx) error {
	apps, err := tx.ListAppNames(ctx)
	if err != nil {
		return err
	}
	for _, app := range apps {
		if err := tx.Announce(ctx, store.Change{Kind: store.AppChanged, AppID: app.ID, AppKey: app.Key}); err != nil {
			return err
		}
	}
	return tx.DeleteTenant(ctx)
}

func recordDestruction(ctx context.Context, tx *store.PlatformTx, end core.Destroyed, entry core.AuditEntry) error {
	if err := tx.RecordDeletion(ctx, end); err != nil {
		return err
	}
	return tx.Audit(ctx, entry)
}

// unopenableFrom is the day from which nothing that was sealed for a tenant can be
// opened: the last backup that may hold its key was made on the day of its
// destruction, and a backup of the keys is deleted so many days after it was made.
func unopenableFrom(destroyed time.Time, backupDays int) time.Time {
	return destroyed.UTC().Truncate(24*time.Hour).AddDate(0, 0, backupDays)
}

// proofOf is what stays of a tenant: whom it was, what was destroyed, who asked for
// it, and from which day nothing can be opened, if backups of the keys are gone after
// so many days and none was copied.
func proofOf(gone core.Tenant, e store.Estate, end core.Destroyed, keyBackupDays int) core.AuditEntry {
	detail := map[string]string{
		"name":            gone.Name,
		"apps":            strconv.FormatInt(e.Apps, 10),
		"secrets":         strconv.FormatInt(e.Secrets, 10),
		"fingerprints":    strings.Join(e.Fingerprints, " "),
		"keys":            strings.Join(e.Keys, " "),
		"unopenable_from": end.UnopenableFrom.Format(time.DateOnly),
		"key_backup_days": strconv.Itoa(keyBackupDays),
	}
	noteDeletion(detail, gone.Deletion)
	return core.AuditEntry{Action: "tenant.delete", SubjectKind: "tenant", Subject: gone.ID.String(), Detail: detail}
}

// noteDeletion writes into the audit's detail who asked for a deletion, and for when.
func noteDeletion(detail map[string]string, d *core.Deletion) {
	detail["requested_by"] = d.RequestedBy
	detail["requested_at"] = d.RequestedAt.UTC().Format(time.RFC3339)
	detail["due_at"] = d.DueAt.UTC().Format(time.RFC3339)
}

// refuseChange refuses what would be refused once it is to be written, before anybody
// else is asked: of a tenant that is leaving, and to its own people of a suspended one.
func refuseChange(actor core.Actor, t core.Tenant) error {
	if err := refuseLeaving(t); err != nil {
		return err
	}
	if t.Status == core.Suspended && !actor.Grants.Works() {
		return fault.New(fault.TenantSuspended, nil)
	}
	return nil
}

// refuseLeaving fails with fault.TenantLeaving for a tenant that is leaving.
func refuseLeaving(t core.Tenant) error {
	if t.Deletion != nil {
		return fault.New(fault.TenantLeaving, nil)
	}
	return nil
}

// Forgotten is what was found of a tenant that is on the list of deletions.
type Forgotten struct {
	core.Destroyed
	store.Estate
	Name      string    // "" where its row was not there
	There     bool      // its row was there
	LastTrace time.Time // see TenantTx.LastTrace
}

// ErrNotDestroyed means that a line of the list of deletions cannot be true.
var ErrNotDestroyed = errors.New("it was not destroyed then")

// clocksApart is how far the clocks of nodes and of two clusters may differ before a
// line is taken for a false one.
const clocksApart = 5 * time.Minute

// FindForgotten tells what there is of a tenant that is on the list of deletions, and
// changes nothing. It fails with ErrNotDestroyed, which tells the mend, where the
// tenant goes on after its destruction, or that is yet to come.
func FindForgotten(ctx context.Context, st *store.Store, d core.Destroyed) (Forgotten, error) {
	found := Forgotten{Destroyed: d}
	err := st.Tenant(ctx, core.System("forget"), d.TenantID, func(tx *store.TenantTx) error {
		return found.look(ctx, tx)
	})
	return found, err
}

// look finds what there is, and refuses what was not destroyed.
func (f *Forgotten) look(ctx context.Context, tx *store.TenantTx) error {
	tenant, err := tx.GetTenant(ctx)
	if err != nil && !fault.Has(err, fault.TenantUnknown) {
		return err
	}
	f.Name, f.There = tenant.Name, err == nil
	if f.Estate, err = tx.GetEstate(ctx); err != nil {
		return err
	}
	if f.LastTrace, err = tx.LastTrace(ctx); err != nil {
		return err
	}
	text := func(t time.Time) string { return t.UTC().Format(time.DateTime) }
	switch latest := f.Destroyed.At.Add(clocksApart); {
	case latest.Before(f.LastTrace):
		return fmt.Errorf("%w: the list says %s, and of %s there is something of it here; if the line is wrong, find out whose it is and take it out, and if this database has served since it was restored, delete the tenant in the console and run this again",
			ErrNotDestroyed, text(f.Destroyed.At), text(f.LastTrace))
	case f.Estate.At.Add(clocksApart).Before(f.Destroyed.At):
		return fmt.Errorf("%w: the list says %s, and it is %s by the clock of Postgres; if that is wrong, set it, and if the line is wrong, find out whose it is and take it out",
			ErrNotDestroyed, text(f.Destroyed.At), text(f.Estate.At))
	}
	return nil
}

// Forget destroys in a restored database what there is of a tenant that is on the
// list of deletions, keys without a tenant too, and puts it on this database's own
// list, as it stood on the one given. Where nothing was found, it changes nothing
// but that list. It needs neither keys nor WeCom. It fails as FindForgotten does, and
// then nothing has changed.
func Forget(ctx context.Context, st *store.Store, d core.Destroyed) (Forgotten, error) {
	actor := core.System("forget")
	found := Forgotten{Destroyed: d}
	err := st.Tenant(ctx, actor, d.TenantID, func(tx *store.TenantTx) error {
		if _, err := tx.LockTenant(ctx); err != nil && !fault.Has(err, fault.TenantUnknown) {
			return err
		}
		if err := found.look(ctx, tx); err != nil {
			return err
		}
		entry := core.AuditEntry{Action: "tenant.forget", SubjectKind: "tenant", Subject: d.TenantID.String(), Detail: map[string]string{
			"destroyed_at":    d.At.UTC().Format(time.RFC3339),
			"unopenable_from": d.UnopenableFrom.Format(time.DateOnly),
			"apps":            strconv.FormatInt(found.Apps, 10),
			"secrets":         strconv.FormatInt(found.Secrets, 10),
			"keys":            strings.Join(found.Keys, " "),
		}}
		if found.Anything() {
			if err := takeAway(ctx, tx); err != nil {
				return err
			}
			if err := tx.Audit(ctx, entry); err != nil {
				return err
			}
		}
		return st.Platform(ctx, actor, func(platform *store.PlatformTx) error {
			if !found.Anything() {
				return platform.RecordDeletion(ctx, d)
			}
			return recordDestruction(ctx, platform, d, entry)
		})
	})
	return found, err
}

// Anything tells whether there was anything to destroy.
func (f Forgotten) Anything() bool { return f.There || len(f.Keys) > 0 }
