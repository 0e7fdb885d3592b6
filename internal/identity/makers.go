package identity

import (
	"context"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// A link is worth what its maker may do when it is used, and not what they might when
// they made it: who is taken out must not come back in by a link that they have put by.

// makerOf gives the member who made a link, with all that they may do now. found is
// false where Signet itself made it. Members keep their addresses and are never deleted.
func (i *Identity) makerOf(ctx context.Context, name, requestID string) (maker core.Actor, found bool, err error) {
	m, found, err := i.findMember(ctx, name, requestID)
	if err != nil || !found {
		return maker, false, err
	}
	grants, err := i.grantsOf(ctx, m.Member, true, core.TenantID{})
	maker = actorOf(m.Member, grants, requestID)
	maker.Proved = true
	return maker, true, err
}

// refuseInvitationOf refuses an invitation whose maker may not make it any more.
func (i *Identity) refuseInvitationOf(ctx context.Context, invitation core.Invitation, requestID string) error {
	maker, found, err := i.makerOf(ctx, invitation.MadeBy, requestID)
	switch {
	case err != nil || !found:
		return err
	case invitation.Tenant.IsZero():
		err = maker.May(core.OperatorsWrite)
	default:
		err = maker.MayGiveRole(invitation.Tenant, invitation.Role)
	}
	if err != nil {
		return fault.New(fault.InvitationRevoked, fault.At(i.clock())).WithReason(fault.ReasonMakerMayNot)
	}
	return nil
}

// refuseResetOf refuses a reset whose maker may not make it any more: for a member
// with a role on the platform, or to take the second factors away, an owner of the
// platform alone may.
func (i *Identity) refuseResetOf(ctx context.Context, r core.Reset, m core.Member, requestID string) error {
	maker, found, err := i.makerOf(ctx, r.MadeBy, requestID)
	switch {
	case err != nil || !found:
		return err
	case !r.Tenant.IsZero():
		err = maker.MayIn(r.Tenant, core.MembersWrite)
	case m.Platform != "" || r.Factors:
		err = maker.May(core.OperatorsWrite)
	case !maker.Grants.Platform.Can(core.MembersWrite):
		err = fault.New(fault.PermissionDenied, nil)
	}
	if err != nil {
		return fault.New(fault.ResetRevoked, fault.At(i.clock())).WithReason(fault.ReasonMakerMayNot)
	}
	return nil
}

// refuseOutgrown refuses a reset that an owner of a tenant has made, once its member is
// something elsewhere: by it they would come in there.
func (i *Identity) refuseOutgrown(ctx context.Context, r core.Reset) error {
	if r.Tenant.IsZero() {
		return nil
	}
	return i.store.System(ctx, func(tx *store.SystemTx) error {
		everywhere, err := tx.ListMemberships(ctx, r.Member)
		if err != nil {
			return err
		}
		if len(everywhere) != 1 || everywhere[0].TenantID != r.Tenant {
			return outgrown(i.clock())
		}
		return nil
	})
}
