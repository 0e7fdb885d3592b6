package identity

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// Mailer sends letters. Send takes a letter over at once and waits for no mail server;
// an error says that it could not be taken.
type Mailer interface {
	Send(ctx context.Context, letter core.Letter) error
}

// ResetShown is what is shown to who has a reset.
type ResetShown struct {
	core.Reset
	Email string
}

// ReadReset tells who has a reset whose password it is for. It fails with
// fault.ResetUnknown, or with the code of what has become of it.
func (i *Identity) ReadReset(ctx context.Context, token string, requestID string) (ResetShown, error) {
	t, ok := core.ParseLinkToken(core.ResetPurpose, token)
	if !ok {
		return ResetShown{}, fault.New(fault.ResetUnknown, nil)
	}
	var shown ResetShown
	var m core.Member
	err := i.store.Platform(ctx, system(requestID), func(tx *store.PlatformTx) (err error) {
		m, err = shown.hold(ctx, tx, t)
		shown.Email = m.Email
		return err
	})
	if err != nil {
		return ResetShown{}, err
	}
	if err := i.refuseOutgrown(ctx, shown.Reset); err != nil {
		return ResetShown{}, err
	}
	return shown, i.refuseResetOf(ctx, shown.Reset, m, requestID)
}

// hold locks a reset that can be used, and gives whose it is.
func (r *ResetShown) hold(ctx context.Context, tx *store.PlatformTx, t core.LinkToken) (core.Member, error) {
	var err error
	if r.Reset, err = tx.LockReset(ctx, t.Link, t.Hash()); err != nil {
		return core.Member{}, err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return core.Member{}, err
	}
	if err := r.RefuseEnded(core.ResetPurpose, now); err != nil {
		return core.Member{}, err
	}
	m, found, err := tx.FindMember(ctx, r.Member)
	if err == nil && (!found || !r.Tenant.IsZero() && m.Platform != "") {
		err = outgrown(now)
	}
	return m.Member, err
}

// UseReset gives the member of a reset the password that its holder has chosen. All
// their sessions end, and their other resets. Their second factors stay, but where an
// owner of the platform has said otherwise. It fails as ReadReset does, and with
// fault.RequestInvalid (/password) or fault.RateLimitedCode.
func (i *Identity) UseReset(ctx context.Context, client netip.Prefix, token string, password core.Secret, requestID string) error {
	shown, err := i.ReadReset(ctx, token, requestID)
	if err != nil {
		return err
	}
	hash, err := i.hashNewPassword(ctx, client, password, shown.Email)
	if err != nil {
		return err
	}
	t, _ := core.ParseLinkToken(core.ResetPurpose, token)
	actor := actorOf(core.Member{ID: shown.Member, Email: shown.Email}, core.Grants{}, requestID)
	err = i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		m, err := shown.hold(ctx, tx, t)
		if err != nil {
			return err
		}
		ended, err := resetPassword(ctx, tx, shown.Reset, hash)
		if err != nil {
			return err
		}
		detail := map[string]string{"email": m.Email, "link": shown.ID.String(), "made_by": shown.MadeBy, "sessions": strconv.FormatInt(ended, 10)}
		if shown.Factors {
			detail["factors"] = "removed"
		}
		return tx.Audit(ctx, core.AuditEntry{Action: "reset.use", SubjectKind: "member", Subject: m.ID.String(), Detail: detail})
	})
	if err == nil {
		i.notify(core.PasswordNotice, shown.Email, Visit{Client: client})
	}
	return err
}

// resetPassword does what a reset is for, and gives how many sessions it ended.
func resetPassword(ctx context.Context, tx *store.PlatformTx, r core.Reset, hash core.Secret) (ended int64, err error) {
	if err := tx.SetPasswordHash(ctx, r.Member, hash); err != nil {
		return 0, err
	}
	if err := tx.UseReset(ctx, r.ID); err != nil {
		return 0, err
	}
	if err := tx.RevokeResetsOf(ctx, r.Member, r.ID); err != nil {
		return 0, err
	}
	if r.Factors {
		if _, err := tx.RemoveFactorsOf(ctx, r.Member); err != nil {
			return 0, err
		}
		if err := tx.ReplaceRecoveryCodes(ctx, r.Member, nil); err != nil {
			return 0, err
		}
	}
	return tx.EndSessionsOf(ctx, r.Member, core.SessionID{})
}

func outgrown(now time.Time) error {
	return fault.New(fault.ResetRevoked, fault.At(now)).WithReason(fault.ReasonNoLongerAllows)
}

// askedBy names in the rows who asked for a reset that nobody made for them.
const askedBy = "forgotten"

// The brakes of a node on asking for letters: somebody's mailbox must not be filled by
// who knows its address.
var (
	asksPerClient = allowance{burst: 10, interval: time.Minute}
	asksPerEmail  = allowance{burst: 3, interval: 20 * time.Minute}
)

// Forget sends a reset to the member with that address, if there is one. Whether there
// is stands in nothing that the caller sees: the same rows are written for nobody, and a
// letter is only handed over. It takes as long too: Postgres looks longer at a row that
// names a member, a tenth of a millisecond, and so the answer waits for the next step of
// forgetStep. It fails with fault.MailNotConfigured where there is no
// mail, with fault.RequestInvalid (/email), fault.RateLimitedCode and
// fault.StoreUnavailable.
func (i *Identity) Forget(ctx context.Context, client netip.Prefix, email string, requestID string) error {
	if i.mailer == nil {
		return fault.New(fault.MailNotConfigured, nil)
	}
	email, err := core.ParseEmail("/email", email)
	if err != nil {
		return err
	}
	if !isEverybody(client) {
		if wait := i.asks.clients.take(client, i.clock()); wait > 0 {
			return rateLimited(wait)
		}
	}
	defer awaitStep(ctx, time.Now())
	// An address that is asked for too often is answered as any other; it has its
	// letters, or is nobody's.
	if i.asks.emails.take(email, i.clock()) > 0 {
		return nil
	}
	token := core.NewLinkToken(core.ResetPurpose, core.TenantID{}, core.NewLinkID())
	reset := core.Reset{ID: token.Link}
	actor := system(requestID)
	actor.Name = askedBy
	err = i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		m, _, err := tx.FindMemberByEmail(ctx, email)
		if err != nil {
			return err
		}
		reset.Member = m.ID
		if reset, err = tx.CreateReset(ctx, reset, token.Hash(), core.ResetLife); err != nil {
			return err
		}
		if _, write := i.asks.rows.next(i.clock()); !write {
			return nil // a stranger must not fill the audit; what a reset does is always in it
		}
		return tx.Audit(ctx, core.AuditEntry{Action: "reset.ask", SubjectKind: "reset", Subject: reset.ID.String(), Detail: map[string]string{"email": email}})
	})
	if err == nil && !reset.Member.IsZero() {
		// What becomes of the letter is for the Mailer to tell: an error here would say
		// that somebody has the address.
		_ = i.mailer.Send(ctx, core.Letter{Kind: core.ForgottenLetter, To: email, Link: token, ExpiresAt: reset.ExpiresAt, MadeBy: askedBy})
	}
	return err
}

// forgetStep is the step in which answers about forgotten passwords are given: far more
// than the work takes, and less than a person notices.
const forgetStep = 50 * time.Millisecond

// awaitStep waits until a whole number of steps has gone since a time, or ctx ends.
func awaitStep(ctx context.Context, since time.Time) {
	rest := time.NewTimer(forgetStep - time.Since(since)%forgetStep)
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
	}
}

// asks are the brakes on asking for letters.
type asks struct {
	clients *tries[netip.Prefix]
	emails  *tries[string]
	rows    *refusals // which of them get an audit row
}

func newAsks() *asks {
	return &asks{clients: newTries[netip.Prefix](asksPerClient), emails: newTries[string](asksPerEmail), rows: &refusals{}}
}

// hashNewPassword checks a password that somebody has chosen and hashes it in a place
// of its own. It fails with fault.RequestInvalid (/password) and as passwords.hash does.
func (i *Identity) hashNewPassword(ctx context.Context, client netip.Prefix, password core.Secret, email string) (core.Secret, error) {
	password, err := checkNewPassword(i.breached, "/password", password, email)
	if err != nil {
		return core.Secret{}, err
	}
	return i.passwords.hash(ctx, client, password)
}
