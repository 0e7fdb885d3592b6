package admin

import (
	"context"
	"slices"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// A person lies behind the platform's door and what they are to a tenant behind the
// tenant's, and no transaction sees both (ADR 7): each is read by itself.

// ListMembers gives the tenant's members, newest first. It fails with
// fault.TenantUnknown or fault.PermissionDenied.
func (a *Actions) ListMembers(ctx context.Context, actor core.Actor, tenant core.TenantID, p core.Page) (core.List[core.Membership], error) {
	rows, err := read(ctx, a, actor, tenant, core.MembersRead, func(tx *store.TenantTx) (core.List[store.MembershipRow], error) {
		return tx.ListMemberships(ctx, p)
	})
	if err != nil {
		return core.List[core.Membership]{}, err
	}
	ids := make([]core.MemberID, len(rows.Items))
	for i, row := range rows.Items {
		ids[i] = row.Member
	}
	people, err := a.describe(ctx, actor, ids)
	list := core.List[core.Membership]{NextCursor: rows.NextCursor}
	for _, row := range rows.Items {
		list.Items = append(list.Items, membershipOf(row, people[row.Member]))
	}
	return list, err
}

// GetMember gives a member of the tenant. It fails with fault.TenantUnknown,
// fault.MemberUnknown or fault.PermissionDenied.
func (a *Actions) GetMember(ctx context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID) (core.Membership, error) {
	row, err := read(ctx, a, actor, tenant, core.MembersRead, func(tx *store.TenantTx) (store.MembershipRow, error) {
		return tx.GetMembership(ctx, member)
	})
	if err != nil {
		return core.Membership{}, err
	}
	people, err := a.describe(ctx, actor, []core.MemberID{member})
	return membershipOf(row, people[member]), err
}

// UpdateMember gives a member of the tenant another role. It fails with
// fault.MemberLastOwner where that would leave no owner, with fault.IfMatchConflict,
// fault.RequestInvalid (/role), fault.TenantUnknown, fault.MemberUnknown or
// fault.PermissionDenied.
func (a *Actions) UpdateMember(ctx context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID, ifVersion *int64, roleText string) (core.Membership, error) {
	if err := actor.MayIn(tenant, core.MembersWrite); err != nil {
		return core.Membership{}, err
	}
	role, err := core.ParseTenantRole("/role", roleText)
	if err != nil {
		return core.Membership{}, err
	}
	if err := actor.MayGiveRole(tenant, role); err != nil {
		return core.Membership{}, err
	}
	people, err := a.describe(ctx, actor, []core.MemberID{member})
	if err != nil {
		return core.Membership{}, err
	}
	var changed store.MembershipRow
	entry := memberEntry("member.role", people[member].Member, member)
	err = a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		before, err := lockMember(ctx, tx, member, ifVersion, role)
		if err != nil {
			return err
		}
		if before.Role == role {
			changed = before
			return errUnchanged
		}
		noteChange(entry.Detail, "role", string(before.Role), string(role))
		if err := tx.UpdateMembership(ctx, member, role); err != nil {
			return err
		}
		changed, err = tx.GetMembership(ctx, member)
		return err
	})
	return membershipOf(changed, people[member]), err
}

// DeleteMember takes a member out of the tenant; anybody may take themselves out. It
// fails as UpdateMember does.
func (a *Actions) DeleteMember(ctx context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID, ifVersion *int64) error {
	if err := mayDeleteMember(actor, tenant, member); err != nil {
		return err
	}
	people, err := a.describe(ctx, actor, []core.MemberID{member})
	if err != nil {
		return err
	}
	entry := memberEntry("member.remove", people[member].Member, member)
	return a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		before, err := lockMember(ctx, tx, member, ifVersion, "")
		if err != nil {
			return err
		}
		entry.Detail["role"] = string(before.Role)
		return tx.DeleteMembership(ctx, member)
	})
}

func mayDeleteMember(actor core.Actor, tenant core.TenantID, member core.MemberID) error {
	if _, own := actor.Grants.Tenants[tenant]; own && actor.Kind == core.ActorMember && actor.MemberID == member {
		return actor.MayLeave(tenant)
	}
	return actor.MayIn(tenant, core.MembersWrite)
}

// lockMember holds a membership at the version that the caller has read, and the
// owners with it, so that one stays whoever changes others at the same time. next is
// the role that the member is to have, "" for none.
func lockMember(ctx context.Context, tx *store.TenantTx, member core.MemberID, ifVersion *int64, next core.Role) (store.MembershipRow, error) {
	owners, err := tx.LockOwners(ctx)
	if err != nil {
		return store.MembershipRow{}, err
	}
	row, err := tx.LockMembership(ctx, member)
	if err != nil {
		return store.MembershipRow{}, err
	}
	if err := checkVersion(ifVersion, row.Version); err != nil {
		return store.MembershipRow{}, err
	}
	return row, keepAnOwner(owners, member, next == core.TenantOwner)
}

// keepAnOwner fails with fault.MemberLastOwner where a member who is not to stay an
// owner is the only one.
func keepAnOwner(owners []core.MemberID, member core.MemberID, stays bool) error {
	if !stays && len(owners) == 1 && slices.Contains(owners, member) {
		return fault.New(fault.MemberLastOwner, nil)
	}
	return nil
}

// describe reads who people are.
func (a *Actions) describe(ctx context.Context, actor core.Actor, ids []core.MemberID) (map[core.MemberID]store.Person, error) {
	var people map[core.MemberID]store.Person
	err := a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) (err error) {
		people, err = tx.DescribeMembers(ctx, ids)
		return err
	})
	return people, err
}

func membershipOf(row store.MembershipRow, p store.Person) core.Membership {
	return core.Membership{Member: p.Member, Role: row.Role, Since: row.Since, Version: row.Version, LastSignInAt: p.LastSignInAt, SecondFactor: p.SecondFactor}
}

// memberEntry begins an audit entry about a person, who stands in it with their
// address: an id says nothing to who reads it a year later.
func memberEntry(action string, m core.Member, id core.MemberID) core.AuditEntry {
	return core.AuditEntry{Action: action, SubjectKind: "member", Subject: id.String(), Detail: map[string]string{"email": m.Email}}
}
