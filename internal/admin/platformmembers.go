package admin

import (
	"context"
	"errors"

	"signet/internal/core"
	"signet/internal/store"
)

// ListPlatformMembers gives the people of the platform, newest first. It fails with
// fault.PermissionDenied.
func (a *Actions) ListPlatformMembers(ctx context.Context, actor core.Actor, p core.Page) (core.List[core.PlatformMember], error) {
	var list core.List[core.PlatformMember]
	if err := actor.May(core.OperatorsRead); err != nil {
		return list, err
	}
	err := a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) (err error) {
		list, err = tx.ListPlatformMembers(ctx, p)
		return err
	})
	return list, err
}

// GetPlatformMember gives one of the platform's people. It fails with
// fault.MemberUnknown or fault.PermissionDenied.
func (a *Actions) GetPlatformMember(ctx context.Context, actor core.Actor, member core.MemberID) (core.PlatformMember, error) {
	var found core.PlatformMember
	if err := actor.May(core.OperatorsRead); err != nil {
		return found, err
	}
	err := a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) (err error) {
		found, err = tx.GetPlatformMember(ctx, member)
		return err
	})
	return found, err
}

// UpdatePlatformMember gives one of the platform's people another role on it. It fails
// with fault.MemberLastOwner where that would leave no owner, with
// fault.IfMatchConflict, fault.RequestInvalid (/role), fault.MemberUnknown or
// fault.PermissionDenied.
func (a *Actions) UpdatePlatformMember(ctx context.Context, actor core.Actor, member core.MemberID, ifVersion *int64, roleText string) (core.PlatformMember, error) {
	if err := actor.May(core.OperatorsWrite); err != nil {
		return core.PlatformMember{}, err
	}
	role, err := core.ParsePlatformRole("/role", roleText)
	if err != nil {
		return core.PlatformMember{}, err
	}
	return a.changePlatformRole(ctx, actor, member, ifVersion, role, "member.role")
}

// DeletePlatformMember takes a person's role on the platform away. What they are to
// tenants stays. It fails as UpdatePlatformMember does.
func (a *Actions) DeletePlatformMember(ctx context.Context, actor core.Actor, member core.MemberID, ifVersion *int64) error {
	if err := actor.May(core.OperatorsWrite); err != nil {
		return err
	}
	_, err := a.changePlatformRole(ctx, actor, member, ifVersion, "", "member.remove")
	return err
}

func (a *Actions) changePlatformRole(ctx context.Context, actor core.Actor, member core.MemberID, ifVersion *int64, role core.Role, action string) (core.PlatformMember, error) {
	var changed core.PlatformMember
	err := a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		owners, err := tx.LockPlatformOwners(ctx)
		if err != nil {
			return err
		}
		if changed, err = tx.LockPlatformMember(ctx, member); err != nil {
			return err
		}
		if err := checkVersion(ifVersion, changed.Version); err != nil {
			return err
		}
		if err := keepAnOwner(owners, member, role == core.PlatformOwner); err != nil {
			return err
		}
		entry := memberEntry(action, changed.Member, member)
		if noteChange(entry.Detail, "role", string(changed.Platform), string(role)); changed.Platform == role {
			return errUnchanged
		}
		if err := tx.SetPlatformRole(ctx, member, role); err != nil {
			return err
		}
		changed.Platform = role
		changed.Version++
		return tx.Audit(ctx, entry)
	})
	if errors.Is(err, errUnchanged) {
		err = nil
	}
	return changed, err
}
