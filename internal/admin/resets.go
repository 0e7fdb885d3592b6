package admin

import (
	"context"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// MadeReset is a reset with what stands in its address, which is given out here and
// nowhere else.
type MadeReset struct {
	core.Reset
	Token  core.LinkToken
	Mailed bool // a letter has gone out

	MailProblem core.MailProblem // "" if it has
}

// CreateReset makes a link by which a member of the tenant chooses a new password. A
// person has one password for all that they are, so an owner of the tenant may make it
// only for who is nothing elsewhere, else they could take the person's place there; an
// operator of the platform for who has no role on it; an owner of the platform for
// anybody. It fails with fault.PermissionDenied and the reason, with
// fault.TenantUnknown or fault.MemberUnknown.
//
// The tenant's audit row is committed first, since no transaction sees both chains:
// should Postgres be lost between the two, there is a row and no link.
func (a *Actions) CreateReset(ctx context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID) (MadeReset, error) {
	if err := actor.MayIn(tenant, core.MembersWrite); err != nil {
		return MadeReset{}, err
	}
	person, err := a.resettable(ctx, actor, tenant, member)
	if err != nil {
		return MadeReset{}, err
	}
	reset := core.Reset{Member: member}
	if !actor.Grants.Platform.Can(core.MembersWrite) {
		reset.Tenant = tenant // looked at again when it is used: the member may have joined another
	}
	made := newReset(reset)
	entry := memberEntry("reset.create", person, member)
	entry.Detail["link"] = made.Token.Link.String()
	err = a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		_, err := tx.GetMembership(ctx, member)
		return err
	})
	if err != nil {
		return MadeReset{}, err
	}
	return a.storeReset(ctx, actor, made, person)
}

// resettable gives a member of the tenant whose password the actor may have reset.
func (a *Actions) resettable(ctx context.Context, actor core.Actor, tenant core.TenantID, member core.MemberID) (core.Member, error) {
	_, err := read(ctx, a, actor, tenant, core.MembersWrite, func(tx *store.TenantTx) (store.MembershipRow, error) {
		return tx.GetMembership(ctx, member)
	})
	if err != nil {
		return core.Member{}, err
	}
	people, err := a.describe(ctx, actor, []core.MemberID{member})
	if err != nil {
		return core.Member{}, err
	}
	person := people[member].Member
	switch actor.Grants.Platform { //nolint:exhaustive // everybody else below
	case core.PlatformOwner:
		return person, nil
	case core.PlatformOperator:
		if person.Platform != "" {
			return core.Member{}, fault.New(fault.PermissionDenied, nil).WithReason(fault.ReasonOfThePlatform)
		}
		return person, nil
	}
	err = a.Store.System(ctx, func(tx *store.SystemTx) error {
		everywhere, err := tx.ListMemberships(ctx, member)
		if err == nil && (len(everywhere) > 1 || person.Platform != "") {
			err = fault.New(fault.PermissionDenied, nil).WithReason(fault.ReasonBelongsBeyond)
		}
		return err
	})
	return person, err
}

// CreatePlatformReset makes a link by which any member chooses a new password; with
// factors their second factors go when it is used. It fails with fault.MemberUnknown
// or fault.PermissionDenied.
func (a *Actions) CreatePlatformReset(ctx context.Context, actor core.Actor, member core.MemberID, n NewReset) (MadeReset, error) {
	if err := actor.May(core.OperatorsWrite); err != nil {
		return MadeReset{}, err
	}
	people, err := a.describe(ctx, actor, []core.MemberID{member})
	if err != nil {
		return MadeReset{}, err
	}
	person, found := people[member]
	if !found {
		return MadeReset{}, fault.New(fault.MemberUnknown, nil)
	}
	return a.storeReset(ctx, actor, newReset(core.Reset{Member: member, Factors: n.Factors}), person.Member)
}

// NewReset is what a reset is made of.
type NewReset struct {
	Factors bool // the second factors go as well
}

func newReset(r core.Reset) MadeReset {
	token := core.NewLinkToken(core.ResetPurpose, core.TenantID{}, core.NewLinkID())
	r.ID = token.Link
	return MadeReset{Reset: r, Token: token}
}

// storeReset keeps a reset, with its row on the platform's chain, and sends the letter.
func (a *Actions) storeReset(ctx context.Context, actor core.Actor, made MadeReset, person core.Member) (MadeReset, error) {
	err := a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		var err error
		if made.Reset, err = tx.CreateReset(ctx, made.Reset, made.Token.Hash(), core.ResetLife); err != nil {
			return err
		}
		entry := memberEntry("reset.create", person, person.ID)
		entry.Detail["link"] = made.ID.String()
		if !made.Tenant.IsZero() {
			entry.Detail["tenant_id"] = made.Tenant.String()
		}
		if made.Factors {
			entry.Detail["factors"] = "true"
		}
		noteTime(entry.Detail, "expires_at", &made.ExpiresAt)
		return tx.Audit(ctx, entry)
	})
	if err == nil {
		made.Mailed, made.MailProblem = a.mail(ctx, actor, core.Letter{Kind: core.ResetLetter, To: person.Email, Link: made.Token, ExpiresAt: made.ExpiresAt, MadeBy: made.MadeBy})
	}
	return made, err
}
