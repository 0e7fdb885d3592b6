package identity

import (
	"context"
	"strconv"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// Entry is what a step on the way in came to: a session, or the next step.
type Entry struct {
	Session Session
	Waiting *Waiting // not nil: there is no session yet
}

// SignIn begins a session of the member with that e-mail address and password, or
// asks for the second factor of one who has any.
//
// It fails with fault.SessionRefused, in the same words and the same time
// whether the member or the password is wrong; with fault.RateLimitedCode and a
// RetryAfter where one of the brakes of brakes.go holds, or too many sign in at
// once; and with fault.StoreUnavailable. A sign-in and a refusal leave an audit
// row each on the platform's chain; of a flood of refusals only some do, and
// those say how many did not.
func (i *Identity) SignIn(ctx context.Context, v Visit, email string, password core.Secret) (Entry, error) {
	address, err := core.ParseEmail("/email", email)
	counted := address
	if err != nil {
		address, counted = "", email // nobody has it; it is refused as any other
	}
	if wait := i.takeClient(v.Client); wait > 0 {
		return Entry{}, rateLimited(wait)
	}
	p, err := i.prove(ctx, v, counted, address, password)
	if err != nil || p.right {
		i.undoTry(ctx, p.taken) // what was right, or was not tried, does not count
	}
	switch {
	case err != nil:
		return Entry{}, err
	case !p.right:
		return Entry{}, i.refuse(ctx, p.member.Member, address, v.RequestID)
	}
	return i.passed(ctx, v, p)
}

// proof is what came of checking a password.
type proof struct {
	taken   taken
	member  store.MemberRow // zero where nobody has the address
	factors []store.FactorRow
	right   bool
	renewed core.Secret // to be stored in place of the hash, if that was made too cheaply
}

// prove finds the member and checks the password. It takes the same steps where
// there is no such member. (A member whose hash was made more cheaply answers
// sooner than nobody does, until they sign in once.)
func (i *Identity) prove(ctx context.Context, v Visit, counted, address string, password core.Secret) (p proof, err error) {
	var found bool
	var wait time.Duration
	err = i.store.Platform(ctx, system(""), func(tx *store.PlatformTx) (err error) {
		if p.taken, wait, err = takeTry(ctx, tx, v, counted, address); err != nil {
			return err
		}
		if wait > 0 {
			return rateLimited(wait)
		}
		if p.member, found, err = tx.FindMemberByEmail(ctx, address); err != nil {
			return err
		}
		p.factors, err = tx.ListFactors(ctx, p.member.ID)
		return err
	})
	if err != nil {
		p.taken = taken{} // the transaction was undone
		return p, err
	}
	hash := p.member.PasswordHash
	if hash.IsZero() {
		hash, found = i.passwords.dummy, false // nobody's, or of one who has no password
	}
	if password.Len() > core.MaxPasswordLength {
		password = core.Secret{} // nobody's; not worth hashing a novel
	}
	right, outdated, err := i.passwords.verify(ctx, v.Client, password, hash)
	if err != nil {
		return p, err
	}
	if p.right = right && found; p.right && outdated {
		if renewed, err := i.passwords.hash(ctx, v.Client, password); err == nil {
			p.renewed = renewed // with no place to hash in, the next sign-in will do
		}
	}
	return p, nil
}

// undoTry gives a try back. Where that cannot be done the member has one less.
func (i *Identity) undoTry(ctx context.Context, t taken) {
	if t == (taken{}) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = i.store.Platform(ctx, system(""), func(tx *store.PlatformTx) error { return giveTryBack(ctx, tx, t) })
}

// passed goes on with a member whose password was right.
func (i *Identity) passed(ctx context.Context, v Visit, p proof) (Entry, error) {
	if !p.renewed.IsZero() {
		err := i.store.Platform(ctx, system(v.RequestID), func(tx *store.PlatformTx) error {
			return tx.UpdatePasswordHash(ctx, p.member.ID, p.member.PasswordHash, p.renewed)
		})
		if err != nil {
			return Entry{}, err
		}
	}
	hash := p.member.PasswordHash
	if !p.renewed.IsZero() {
		hash = p.renewed
	}
	if confirmed := counting(p.factors); len(confirmed) > 0 {
		waiting, err := i.askSecondFactor(ctx, p.member.Member, confirmed, ceremony{Way: core.WithPassword, After: nameOfPassword(hash)})
		return Entry{Waiting: waiting}, err
	}
	s, err := i.begin(ctx, v, p.member.Member, begun{way: core.WithPassword, password: hash}, nil)
	if fault.Has(err, fault.CeremonyOver) {
		err = i.refuse(ctx, p.member.Member, p.member.Email, v.RequestID)
	}
	return Entry{Session: s}, err
}

// begun is what a session begins with.
type begun struct {
	way          core.SignInWay
	secondFactor bool
	onlyTenant   core.TenantID // zero: it holds wherever the member belongs
	detail       map[string]string
	password     core.Secret // the hash that must still be the member's, zero: it was not asked for
}

// begin makes a session of a member who has shown who they are. also, if it is not
// nil, is done in the same transaction. It fails with fault.CeremonyOver where the
// password that they gave was changed meanwhile: that has ended all sessions, and must
// not leave this one.
func (i *Identity) begin(ctx context.Context, v Visit, m core.Member, b begun, also func(*store.PlatformTx) error) (Session, error) {
	i.keyring.renew(ctx, keysLookAgain)
	grants, err := i.grantsOf(ctx, m, b.secondFactor, b.onlyTenant)
	if err != nil {
		return Session{}, err
	}
	id := core.NewSessionID()
	ends := i.clock().Add(sessionLife)
	s, hash, err := i.session(m, grants, id, ends)
	if err != nil {
		return Session{}, err
	}
	device, known := v.device()
	if !known {
		s.Device = newDevice()
		device, _ = Visit{Device: s.Device}.device()
	}
	detail := map[string]string{"with": string(b.way), "client": v.Client.String()}
	if b.secondFactor {
		detail["second_factor"] = "true"
	}
	for name, text := range b.detail {
		detail[name] = text
	}
	var before [][32]byte // not empty: they have come in from here
	err = i.store.Platform(ctx, actorOf(m, grants, v.RequestID), func(tx *store.PlatformTx) (err error) {
		if !b.password.IsZero() {
			if err := tx.HoldPassword(ctx, m.ID, b.password); err != nil {
				return err
			}
		}
		if also != nil {
			if err := also(tx); err != nil {
				return err
			}
		}
		if before, err = tx.KnownDevices(ctx, [][]byte{device[:]}, m.Email); err != nil {
			return err
		}
		err = tx.CreateSession(ctx, store.NewSession{
			ID: id, MemberID: m.ID, ExpiresAt: ends, BegunWith: b.way, SecondFactor: b.secondFactor,
			Client: v.Client.String(), Agent: v.agent(), OnlyTenant: b.onlyTenant,
		})
		if err != nil {
			return err
		}
		if err := tx.CreateRefreshToken(ctx, hash, id, s.RefreshUntil); err != nil {
			return err
		}
		for _, from := range [][32]byte{device, v.home()} {
			if err := tx.KnowDevice(ctx, from, m.ID); err != nil {
				return err
			}
		}
		return tx.Audit(ctx, core.AuditEntry{Action: "session.create", SubjectKind: "session", Subject: id.String(), Detail: detail})
	})
	if err != nil {
		return Session{}, err
	}
	if len(before) == 0 {
		i.notify(core.NewDeviceNotice, m.Email, v)
	}
	return s, nil
}

// refuse gives the refusal once it stands in the audit, or was counted for the
// next row that will.
func (i *Identity) refuse(ctx context.Context, m core.Member, address, requestID string) error {
	refused := fault.New(fault.SessionRefused, nil)
	if err := i.noteRefusal(ctx, m, map[string]string{"email": address}, requestID); err != nil {
		return err
	}
	return refused
}

// noteRefusal writes that somebody was not let in, or counts it for the next row.
func (i *Identity) noteRefusal(ctx context.Context, m core.Member, detail map[string]string, requestID string) error {
	skipped, write := i.refusals.next(i.clock())
	if !write {
		return nil
	}
	entry := core.AuditEntry{Action: "session.refuse", SubjectKind: "member", Detail: detail}
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
	}
	return err
}
