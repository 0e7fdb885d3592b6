package identity

import (
	"context"
	"net/netip"
	"strconv"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// SignIn begins a session of the member with that e-mail address and password.
// client is the network from which they ask, as httpapi.NetworkOf gives it.
//
// It fails with fault.SessionRefused, in the same words and the same time
// whether the member or the password is wrong; with fault.RateLimitedCode and a
// RetryAfter where one of the brakes of brakes.go holds, or too many sign in at
// once; and with fault.StoreUnavailable. A sign-in and a refusal leave an audit
// row each on the platform's chain; of a flood of refusals only some do, and
// those say how many did not.
func (i *Identity) SignIn(ctx context.Context, client netip.Prefix, email string, password core.Secret, requestID string) (Session, error) {
	address, err := core.ParseEmail("/email", email)
	t := try{client: client, email: address}
	if err != nil {
		address, t.email = "", email // nobody has it; it is refused as any other
	}
	giveBack, wait := i.brakes.take(t, i.clock())
	if wait > 0 {
		return Session{}, rateLimited(wait)
	}
	p, err := i.prove(ctx, client, address, password)
	if err != nil || p.right {
		giveBack() // what was right, or was not tried, does not count
	}
	switch {
	case err != nil:
		return Session{}, err
	case !p.right:
		return Session{}, i.refuse(ctx, p.member, address, requestID)
	}
	i.brakes.remember(t)
	return i.begin(ctx, p, requestID)
}

// proof is what came of checking a password.
type proof struct {
	member  core.Member // zero where nobody has the address
	right   bool
	hash    core.Secret // as it is stored
	renewed core.Secret // in its place if it was made too cheaply
}

// prove finds the member and checks the password. It takes the same steps where
// there is no such member. (A member whose hash was made more cheaply answers
// sooner than nobody does, until they sign in once.)
func (i *Identity) prove(ctx context.Context, client netip.Prefix, address string, password core.Secret) (proof, error) {
	var m store.MemberRow
	var found bool
	err := i.store.Platform(ctx, system(""), func(tx *store.PlatformTx) (err error) {
		m, found, err = tx.FindMemberByEmail(ctx, address)
		return err
	})
	if err != nil {
		return proof{}, err
	}
	p := proof{member: m.Member, hash: m.PasswordHash}
	if !found {
		p.hash = i.passwords.dummy
	}
	if password.Len() > core.MaxPasswordLength {
		password = core.Secret{} // nobody's; not worth hashing a novel
	}
	right, outdated, err := i.passwords.verify(ctx, client, password, p.hash)
	if err != nil {
		return proof{}, err
	}
	if p.right = right && found; p.right && outdated {
		if renewed, err := i.passwords.hash(ctx, client, password); err == nil {
			p.renewed = renewed // with no place to hash in, the next sign-in will do
		}
	}
	return p, nil
}

// begin makes the session.
func (i *Identity) begin(ctx context.Context, p proof, requestID string) (Session, error) {
	grants, err := i.grantsOf(ctx, p.member)
	if err != nil {
		return Session{}, err
	}
	id := core.NewSessionID()
	ends := i.clock().Add(sessionLife)
	s, hash, err := i.session(p.member, grants, id, ends)
	if err != nil {
		return Session{}, err
	}
	err = i.store.Platform(ctx, actorOf(p.member, grants, requestID), func(tx *store.PlatformTx) error {
		if !p.renewed.IsZero() {
			if err := tx.UpdatePasswordHash(ctx, p.member.ID, p.hash, p.renewed); err != nil {
				return err
			}
		}
		if err := tx.CreateSession(ctx, id, p.member.ID, ends); err != nil {
			return err
		}
		if err := tx.CreateRefreshToken(ctx, hash, id, s.RefreshUntil); err != nil {
			return err
		}
		return tx.Audit(ctx, core.AuditEntry{
			Action: "session.create", SubjectKind: "session", Subject: id.String(),
		})
	})
	if err != nil {
		return Session{}, err
	}
	return s, nil
}

// refuse gives the refusal once it stands in the audit, or was counted for the
// next row that will.
func (i *Identity) refuse(ctx context.Context, m core.Member, address, requestID string) error {
	refused := fault.New(fault.SessionRefused, nil)
	skipped, write := i.refusals.next(i.clock())
	if !write {
		return refused
	}
	entry := core.AuditEntry{Action: "session.refuse", SubjectKind: "member", Detail: map[string]string{"email": address}}
	if !m.ID.IsZero() {
		entry.Subject = m.ID.String()
	}
	if skipped > 0 {
		entry.Detail["unrecorded"] = strconv.Itoa(skipped)
	}
	err := i.store.Platform(ctx, system(requestID), func(tx *store.PlatformTx) error {
		return tx.Audit(ctx, entry)
	})
	if err != nil {
		i.refusals.skip(skipped + 1)
		return err
	}
	return refused
}
