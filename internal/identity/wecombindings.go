package identity

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// bindWeCom binds the member who began a round, by a session that must still be theirs.
func (i *Identity) bindWeCom(ctx context.Context, v Visit, round weComRound, m core.Member, session core.SessionID) (WeComReturn, error) {
	var s store.LiveSession
	err := i.store.Platform(ctx, system(v.RequestID), func(tx *store.PlatformTx) (err error) {
		s, err = tx.GetSession(ctx, session)
		return err
	})
	if err != nil {
		return WeComReturn{}, err
	}
	grants, err := i.grantsOf(ctx, m, s.SecondFactor, s.OnlyTenant)
	if err != nil {
		return WeComReturn{}, err
	}
	actor := actorOf(m, grants, v.RequestID)
	if err := actor.MayIn(round.Tenant, core.TenantRead); err != nil {
		return WeComReturn{}, err
	}
	detail := round.detail()
	detail["app"] = round.App.String()
	err = i.store.Tenant(ctx, actor, round.Tenant, func(tx *store.TenantTx) error {
		if _, err := tx.BindWeComPerson(ctx, round.Corp, round.User, m.ID); err != nil {
			return err
		}
		return tx.Audit(ctx, core.AuditEntry{Action: "wecom.bind", SubjectKind: "member", Subject: m.ID.String(), Detail: detail})
	})
	return WeComReturn{Bound: err == nil}, err
}

// ListWeComBindings gives who the actor is in the corps of their tenants, by tenant.
func (i *Identity) ListWeComBindings(ctx context.Context, actor core.Actor) ([]core.WeComPerson, error) {
	if err := requireOwnAccount(actor); err != nil {
		return nil, err
	}
	tenants := slices.SortedFunc(maps.Keys(actor.Grants.Tenants), func(a, b core.TenantID) int { return bytes.Compare(a.UUID[:], b.UUID[:]) })
	var list []core.WeComPerson
	for _, tenant := range tenants {
		err := i.store.Tenant(ctx, actor, tenant, func(tx *store.TenantTx) error {
			people, err := tx.ListWeComPeopleOf(ctx, actor.MemberID)
			list = append(list, people...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// UnbindWeCom takes the actor's binding in a tenant away, and ends the sessions that
// they began by it. Where there is none it fails with fault.TenantUnknown; it fails
// with fault.StepUpRequired besides.
func (i *Identity) UnbindWeCom(ctx context.Context, actor core.Actor, tenant core.TenantID) error {
	if err := requireProof(actor); err != nil {
		return err
	}
	if _, belongs := actor.Grants.Tenants[tenant]; !belongs {
		return fault.New(fault.TenantUnknown, nil)
	}
	unbound, err := i.unbindWeCom(ctx, actor, tenant, actor.MemberID, anyTenant)
	if err == nil && !unbound {
		err = fault.New(fault.TenantUnknown, nil)
	}
	return err
}

// anyTenant lets members end bindings of their own, whatever the tenant is.
func anyTenant(store.Hold) error { return nil }

// UnbindMemberWeCom takes a member's binding in a tenant away, and ends the sessions
// that they began by it. Where there is none it fails with fault.MemberUnknown; it
// fails with fault.TenantUnknown, fault.PermissionDenied, fault.StepUpRequired,
// fault.TenantLeaving and, for a suspended tenant's own people, fault.TenantSuspended
// besides.
func (i *Identity) UnbindMemberWeCom(ctx context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID) error {
	if err := actor.MayIn(tenant, core.MembersWrite); err != nil {
		return err
	}
	unbound, err := i.unbindWeCom(ctx, actor, tenant, member, func(held store.Hold) error {
		if actor.Grants.Works() {
			held.Suspended = false
		}
		return refuseTenant(held)
	})
	if err == nil && !unbound {
		err = fault.New(fault.MemberUnknown, nil)
	}
	return err
}

// unbindWeCom works in two transactions, because no door sees both kinds of rows. The
// sessions come last and are ended also where nothing was bound any more, so that who
// asks again after a failure ends them. may tells whether the tenant lets it happen.
func (i *Identity) unbindWeCom(ctx context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID, may func(store.Hold) error) (unbound bool, err error) {
	err = i.store.Tenant(ctx, actor, tenant, func(tx *store.TenantTx) error {
		if _, err := tx.GetTenant(ctx); err != nil {
			return err
		}
		held, err := tx.HoldTenant(ctx)
		if err != nil {
			return err
		}
		if err := may(held); err != nil {
			return err
		}
		people, err := tx.UnbindWeComPeopleOf(ctx, member)
		if err != nil {
			return err
		}
		for _, p := range people {
			unbound = true
			err := tx.Audit(ctx, core.AuditEntry{Action: "wecom.unbind", SubjectKind: "member", Subject: member.String(),
				Detail: map[string]string{"corp_id": string(p.CorpID), "user_id": string(p.UserID)}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	return unbound, i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		ended, err := tx.EndTenantSessionsOf(ctx, member, tenant)
		if err != nil || ended == 0 {
			return err
		}
		return tx.Audit(ctx, core.AuditEntry{Action: "session.end_all", SubjectKind: "member", Subject: member.String(),
			Detail: map[string]string{"reason": "wecom_unbound", "tenant": tenant.String()}})
	})
}
