package admin

import (
	"cmp"
	"context"
	"errors"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// NewInvitation is what an invitation is made of, as it was typed.
type NewInvitation struct{ Email, Role string }

// MadeInvitation is an invitation with what stands in its address, which is given out
// here and nowhere else.
type MadeInvitation struct {
	core.Invitation
	Token  core.LinkToken
	Mailed bool // a letter has gone out

	MailProblem core.MailProblem // "" if it has
}

// CreateInvitation invites a person into the tenant; what was open for the same
// address is taken back. It fails with fault.MemberExists where they belong to it
// already, with fault.RequestInvalid (/email, /role), fault.TenantUnknown or
// fault.PermissionDenied.
func (a *Actions) CreateInvitation(ctx context.Context, actor core.Actor, tenant core.TenantID, n NewInvitation) (MadeInvitation, error) {
	if err := actor.MayIn(tenant, core.MembersWrite); err != nil {
		return MadeInvitation{}, err
	}
	email, role, err := n.parse(core.ParseTenantRole)
	if err != nil {
		return MadeInvitation{}, err
	}
	if err := actor.MayGiveRole(tenant, role); err != nil {
		return MadeInvitation{}, err
	}
	invited, exists, err := a.findByEmail(ctx, actor, email)
	if err != nil {
		return MadeInvitation{}, err
	}
	made := MadeInvitation{Token: core.NewLinkToken(core.InvitationPurpose, tenant, core.NewLinkID())}
	var name string
	entry := invitationEntry("invitation.create", made.Token.Link, core.Invitation{Email: email, Role: role})
	err = a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		found, err := tx.GetTenant(ctx)
		if err != nil {
			return err
		}
		name = found.Name
		if exists {
			if _, err := tx.GetMembership(ctx, invited.ID); !fault.Has(err, fault.MemberUnknown) {
				return cmp.Or(err, error(fault.New(fault.MemberExists, nil)))
			}
		}
		made.Invitation, err = tx.Invitations().Create(ctx, made.Token.Link, email, role, made.Token.Hash(), core.InvitationLife)
		noteTime(entry.Detail, "expires_at", &made.ExpiresAt)
		return err
	})
	if err == nil {
		made.Mailed, made.MailProblem = a.mail(ctx, actor, made.letter(name))
	}
	return made, err
}

// CreatePlatformInvitation invites a person to be one of the platform's people. It
// fails as CreateInvitation does.
func (a *Actions) CreatePlatformInvitation(ctx context.Context, actor core.Actor, n NewInvitation) (MadeInvitation, error) {
	if err := actor.May(core.OperatorsWrite); err != nil {
		return MadeInvitation{}, err
	}
	email, role, err := n.parse(core.ParsePlatformRole)
	if err != nil {
		return MadeInvitation{}, err
	}
	made := MadeInvitation{Token: core.NewLinkToken(core.InvitationPurpose, core.TenantID{}, core.NewLinkID())}
	err = a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		invited, _, err := tx.FindMemberByEmail(ctx, email)
		switch {
		case err != nil:
			return err
		case invited.Platform != "":
			return fault.New(fault.MemberExists, nil)
		}
		made.Invitation, err = tx.Invitations().Create(ctx, made.Token.Link, email, role, made.Token.Hash(), core.InvitationLife)
		if err != nil {
			return err
		}
		entry := invitationEntry("invitation.create", made.ID, made.Invitation)
		noteTime(entry.Detail, "expires_at", &made.ExpiresAt)
		return tx.Audit(ctx, entry)
	})
	if err == nil {
		made.Mailed, made.MailProblem = a.mail(ctx, actor, made.letter(""))
	}
	return made, err
}

// ListInvitations gives the tenant's invitations, newest first, without what stands in
// their addresses. It fails with fault.TenantUnknown or fault.PermissionDenied.
func (a *Actions) ListInvitations(ctx context.Context, actor core.Actor, tenant core.TenantID, p core.Page) (core.List[core.Invitation], error) {
	return read(ctx, a, actor, tenant, core.MembersRead, func(tx *store.TenantTx) (core.List[core.Invitation], error) {
		return tx.Invitations().List(ctx, p)
	})
}

// ListPlatformInvitations is ListInvitations for those of the platform.
func (a *Actions) ListPlatformInvitations(ctx context.Context, actor core.Actor, p core.Page) (core.List[core.Invitation], error) {
	var list core.List[core.Invitation]
	if err := actor.May(core.OperatorsRead); err != nil {
		return list, err
	}
	err := a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) (err error) {
		list, err = tx.Invitations().List(ctx, p)
		return err
	})
	return list, err
}

// RevokeInvitation takes an invitation of the tenant back. One that is revoked or
// expired already stays so; for one that was accepted it fails with
// fault.InvitationUsed, else with fault.InvitationUnknown.
func (a *Actions) RevokeInvitation(ctx context.Context, actor core.Actor, tenant core.TenantID, id core.LinkID) error {
	if err := actor.MayIn(tenant, core.MembersWrite); err != nil {
		return err
	}
	entry := invitationEntry("invitation.revoke", id, core.Invitation{})
	return a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		return revokeInvitation(ctx, tx.Invitations(), id, now, entry.Detail)
	})
}

// RevokePlatformInvitation is RevokeInvitation for those of the platform.
func (a *Actions) RevokePlatformInvitation(ctx context.Context, actor core.Actor, id core.LinkID) error {
	if err := actor.May(core.OperatorsWrite); err != nil {
		return err
	}
	entry := invitationEntry("invitation.revoke", id, core.Invitation{})
	err := a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		if err := revokeInvitation(ctx, tx.Invitations(), id, now, entry.Detail); err != nil {
			return err
		}
		return tx.Audit(ctx, entry)
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

func revokeInvitation(ctx context.Context, tx *store.InvitationTx, id core.LinkID, now time.Time, detail map[string]string) error {
	invitation, err := tx.Lock(ctx, id)
	if err != nil {
		return err
	}
	switch state, at := invitation.State(now); state {
	case core.LinkUsed:
		return fault.New(fault.InvitationUsed, fault.At(at))
	case core.LinkRevoked, core.LinkExpired:
		return errUnchanged
	case core.LinkOpen:
	}
	detail["email"], detail["role"] = invitation.Email, string(invitation.Role)
	return tx.Revoke(ctx, id)
}

// parse checks what was typed.
func (n NewInvitation) parse(parseRole func(pointer, text string) (core.Role, error)) (string, core.Role, error) {
	var wrong fields
	email, err := core.ParseEmail("/email", n.Email)
	email = check(&wrong, email, err)
	role, err := parseRole("/role", n.Role)
	role = check(&wrong, role, err)
	return email, role, wrong.err()
}

func (m MadeInvitation) letter(tenantName string) core.Letter {
	return core.Letter{Kind: core.InvitationLetter, To: m.Email, Link: m.Token, ExpiresAt: m.ExpiresAt, TenantName: tenantName, Role: m.Role, MadeBy: m.MadeBy}
}

func invitationEntry(action string, link core.LinkID, i core.Invitation) core.AuditEntry {
	return core.AuditEntry{Action: action, SubjectKind: "invitation", Subject: link.String(),
		Detail: map[string]string{"email": i.Email, "role": string(i.Role)}}
}

func (a *Actions) findByEmail(ctx context.Context, actor core.Actor, email string) (m store.MemberRow, found bool, err error) {
	err = a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) (err error) {
		m, found, err = tx.FindMemberByEmail(ctx, email)
		return err
	})
	return m, found, err
}

// The letters that go out in Signet's name at somebody's word, over all nodes: enough to
// invite a department, and not to fill the mailbox of a stranger.
var (
	lettersPerMember  = store.Allowance{Burst: 60, Interval: 2 * time.Minute}
	lettersPerAddress = store.Allowance{Burst: 6, Interval: time.Hour}
)

// mail sends a letter besides, where there is mail, and tells whether the mail server
// has taken it, or why not: who made the link has its address to send in any case.
func (a *Actions) mail(ctx context.Context, actor core.Actor, letter core.Letter) (bool, core.MailProblem) {
	if a.Mailer == nil {
		return false, core.MailNotConfigured
	}
	err := a.takeLetter(ctx, actor, letter.To)
	if err == nil {
		err = a.Mailer.Send(ctx, letter)
	}
	if err == nil {
		return true, ""
	}
	a.Log.WarnContext(ctx, "a letter could not be sent; its link can be sent by hand", "kind", letter.Kind, "link_id", letter.Link.Link, "error", err)
	var refused core.MailError
	if errors.As(err, &refused) {
		return false, refused.Problem
	}
	return false, core.MailUnavailable
}

// takeLetter counts a letter of a member to an address. It fails with a core.MailError
// where either has had too many.
func (a *Actions) takeLetter(ctx context.Context, actor core.Actor, to string) error {
	return a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		for _, counted := range []struct {
			key  [32]byte
			most store.Allowance
		}{
			{store.TryKey("letters of", actor.MemberID.String()), lettersPerMember},
			{store.TryKey("letters to", to), lettersPerAddress},
		} {
			switch wait, err := tx.TakeTry(ctx, counted.key, counted.most); {
			case err != nil:
				return err
			case wait > 0:
				return core.MailError{Problem: core.MailTooMany}
			}
		}
		return nil
	})
}
