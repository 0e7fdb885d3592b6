package identity

import (
	"context"
	"net/netip"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// InvitationShown is what is shown to who has an invitation.
type InvitationShown struct {
	core.Invitation
	TenantName   string // "" where it is one of the platform
	MemberExists bool   // they accept it signed in, not with a password
}

// ReadInvitation tells who has an invitation what it is for. It fails with
// fault.InvitationUnknown, with the code of what has become of it, or where the tenant
// is leaving or suspended with fault.TenantLeaving or fault.TenantSuspended.
func (i *Identity) ReadInvitation(ctx context.Context, token string, requestID string) (InvitationShown, error) {
	t, ok := core.ParseLinkToken(core.InvitationPurpose, token)
	if !ok {
		return InvitationShown{}, fault.New(fault.InvitationUnknown, nil)
	}
	shown, err := i.openInvitation(ctx, t, requestID)
	if err != nil {
		return InvitationShown{}, err
	}
	_, shown.MemberExists, err = i.findMember(ctx, shown.Email, requestID)
	return shown, err
}

// openInvitation finds an invitation that can be accepted.
func (i *Identity) openInvitation(ctx context.Context, t core.LinkToken, requestID string) (shown InvitationShown, err error) {
	if t.Tenant.IsZero() {
		err = i.store.Platform(ctx, system(requestID), func(tx *store.PlatformTx) error {
			if shown.Invitation, err = tx.Invitations().Find(ctx, t.Link, t.Hash()); err != nil {
				return err
			}
			now, err := tx.Now(ctx)
			if err != nil {
				return err
			}
			return shown.Invitation.RefuseEnded(core.InvitationPurpose, now)
		})
		return shown, err
	}
	err = i.store.Tenant(ctx, system(requestID), t.Tenant, func(tx *store.TenantTx) error {
		if shown.Invitation, err = tx.Invitations().Find(ctx, t.Link, t.Hash()); err != nil {
			return err
		}
		tenant, err := tx.GetTenant(ctx)
		if err != nil {
			return err
		}
		shown.TenantName = tenant.Name
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		if err := shown.Invitation.RefuseEnded(core.InvitationPurpose, now); err != nil {
			return err
		}
		return refuseTenant(store.Hold{Leaving: tenant.Deletion != nil, Suspended: tenant.Status == core.Suspended})
	})
	return shown, err
}

// AcceptInvitation makes the person who has an invitation a member. Somebody new
// chooses a password and signs in with it then; somebody who has an account accepts
// signed in as actor, and no invitation ever changes their password. It fails as
// ReadInvitation does; with fault.InvitationMemberExists where there is an account and
// nobody is signed in, with fault.InvitationOtherMember where somebody else is, with
// fault.MemberExists where they belong to the tenant or the platform already, with
// fault.RequestInvalid (/password) and fault.RateLimitedCode.
//
// A tenant's invitation is accepted behind two doors: the member is made first, who is
// nothing to anybody yet, then what they are to the tenant, with which the link is used
// up. Should Postgres be lost between the two, the link is open and its holder, who has
// an account by then, signs in and accepts it.
func (i *Identity) AcceptInvitation(ctx context.Context, client netip.Prefix, token string, password core.Secret, actor core.Actor, requestID string) (core.Invitation, error) {
	t, ok := core.ParseLinkToken(core.InvitationPurpose, token)
	if !ok {
		return core.Invitation{}, fault.New(fault.InvitationUnknown, nil)
	}
	shown, err := i.openInvitation(ctx, t, requestID)
	if err != nil {
		return core.Invitation{}, err
	}
	invited, exists, err := i.findMember(ctx, shown.Email, requestID)
	switch {
	case err != nil:
		return core.Invitation{}, err
	case !actor.MemberID.IsZero() && (!exists || actor.MemberID != invited.ID):
		return core.Invitation{}, fault.New(fault.InvitationOtherMember, nil)
	case exists && actor.MemberID.IsZero():
		return core.Invitation{}, fault.New(fault.InvitationMemberExists, nil)
	case !actor.OnlyTenant.IsZero(): // who says there who is who has no say about what else somebody is to be
		return core.Invitation{}, fault.New(fault.InvitationMemberExists, nil)
	}
	row := store.MemberRow{Member: invited.Member}
	if !exists {
		row.Member = core.Member{ID: core.NewMemberID(), Email: shown.Email}
		if row.PasswordHash, err = i.hashNewPassword(ctx, client, password, shown.Email); err != nil {
			return core.Invitation{}, err
		}
		actor = actorOf(row.Member, core.Grants{}, requestID)
	}
	return shown.Invitation, i.join(ctx, actor, shown.Invitation, row, exists)
}

// join makes a person what they are invited to be, and the person too where they are
// new.
func (i *Identity) join(ctx context.Context, actor core.Actor, invitation core.Invitation, row store.MemberRow, exists bool) error {
	if invitation.Tenant.IsZero() {
		return i.joinPlatform(ctx, actor, invitation, row, exists)
	}
	if !exists {
		if err := i.makeMember(ctx, actor, row); err != nil {
			return err
		}
	}
	return i.joinTenant(ctx, actor, invitation, row.ID)
}

// makeMember makes a member who is nothing to anybody yet.
func (i *Identity) makeMember(ctx context.Context, actor core.Actor, row store.MemberRow) error {
	return i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		if err := createInvited(ctx, tx, row); err != nil {
			return err
		}
		return tx.Audit(ctx, core.AuditEntry{Action: "member.create", SubjectKind: "member", Subject: row.ID.String(), Detail: map[string]string{"email": row.Email}})
	})
}

// createInvited makes a member. Somebody who was made by another holder of the link at
// the same time has an account now.
func createInvited(ctx context.Context, tx *store.PlatformTx, row store.MemberRow) error {
	err := tx.CreateMember(ctx, row)
	if fault.Has(err, fault.MemberExists) {
		return fault.New(fault.InvitationMemberExists, nil)
	}
	return err
}

// joinTenant makes the membership and uses the link up, in one transaction of the
// tenant.
func (i *Identity) joinTenant(ctx context.Context, actor core.Actor, invitation core.Invitation, member core.MemberID) error {
	return i.store.Tenant(ctx, actor, invitation.Tenant, func(tx *store.TenantTx) error {
		held, err := tx.HoldTenant(ctx)
		if err != nil {
			return err
		}
		if err := refuseTenant(held); err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		if err := useInvitation(ctx, tx.Invitations(), invitation.ID, now); err != nil {
			return err
		}
		if err := tx.CreateMembership(ctx, member, invitation.Role); err != nil {
			return err
		}
		return tx.Audit(ctx, acceptEntry(invitation, member))
	})
}

// joinPlatform gives the role on the platform and uses the link up, in one transaction.
func (i *Identity) joinPlatform(ctx context.Context, actor core.Actor, invitation core.Invitation, row store.MemberRow, exists bool) error {
	return i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		if err := useInvitation(ctx, tx.Invitations(), invitation.ID, now); err != nil {
			return err
		}
		if err := takeUpRole(ctx, tx, row, invitation.Role, exists); err != nil {
			return err
		}
		return tx.Audit(ctx, acceptEntry(invitation, row.ID))
	})
}

// takeUpRole makes a member with the role, or gives it to one who has none. One who
// has a role keeps it: an invitation that lay about must not make an owner less.
func takeUpRole(ctx context.Context, tx *store.PlatformTx, row store.MemberRow, role core.Role, exists bool) error {
	if !exists {
		row.Platform = role
		return createInvited(ctx, tx, row)
	}
	if _, err := tx.LockPlatformMember(ctx, row.ID); !fault.Has(err, fault.MemberUnknown) {
		if err == nil {
			err = fault.New(fault.MemberExists, nil)
		}
		return err
	}
	return tx.SetPlatformRole(ctx, row.ID, role)
}

func useInvitation(ctx context.Context, tx *store.InvitationTx, link core.LinkID, now time.Time) error {
	invitation, err := tx.Lock(ctx, link)
	if err != nil {
		return err
	}
	if err := invitation.RefuseEnded(core.InvitationPurpose, now); err != nil {
		return err
	}
	return tx.Use(ctx, link)
}

func acceptEntry(invitation core.Invitation, member core.MemberID) core.AuditEntry {
	return core.AuditEntry{Action: "invitation.accept", SubjectKind: "invitation", Subject: invitation.ID.String(), Detail: map[string]string{
		"email": invitation.Email, "role": string(invitation.Role), "member_id": member.String(), "made_by": invitation.MadeBy}}
}

// refuseTenant refuses what is about to change in a tenant that is leaving or
// suspended.
func refuseTenant(held store.Hold) error {
	switch {
	case held.Leaving:
		return fault.New(fault.TenantLeaving, nil)
	case held.Suspended:
		return fault.New(fault.TenantSuspended, nil)
	}
	return nil
}

func (i *Identity) findMember(ctx context.Context, email, requestID string) (m store.MemberRow, found bool, err error) {
	err = i.store.Platform(ctx, system(requestID), func(tx *store.PlatformTx) (err error) {
		m, found, err = tx.FindMemberByEmail(ctx, email)
		return err
	})
	return m, found, err
}
