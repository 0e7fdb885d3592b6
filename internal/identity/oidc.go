package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"time"

	"golang.org/x/oauth2"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// The kinds of ceremonies with the provider, and what their states begin with, by
// which the console's page knows which of them it has come back to.
const (
	ofOIDC       = "oidc"
	ofOIDCStepUp = "oidc_step_up"

	signInState = "in."
	stepUpState = "up."
)

// Leaving is a browser that is about to go to the provider.
type Leaving struct {
	URL   string
	Token core.Secret // for this browser alone, to be shown when it comes back
	Until time.Time
}

// oidcSecrets are what one way to the provider and back hangs on. They are all made of
// what the browser holds, so that no row of ours is worth anything: who reads the
// database can redeem no code, and a code redeems in no other browser.
type oidcSecrets struct{ state, nonce, verifier string }

func secretsOf(token core.Secret, kind string) oidcSecrets {
	derive := func(label string) string {
		mac := hmac.New(sha256.New, []byte(token.Expose()))
		_, _ = mac.Write([]byte("signet oidc 1 " + label)) // a hash never fails
		return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	prefix := signInState
	if kind == ofOIDCStepUp {
		prefix = stepUpState
	}
	return oidcSecrets{state: prefix + derive("state "+kind), nonce: derive("nonce " + kind), verifier: derive("verifier " + kind)}
}

// BeginOIDC sends a browser to the provider. It fails with fault.OIDCNotConfigured,
// fault.OIDCUnavailable and fault.RateLimitedCode.
func (i *Identity) BeginOIDC(ctx context.Context, v Visit) (Leaving, error) {
	return i.leave(ctx, v, ofOIDC, core.Actor{})
}

// BeginOIDCStepUp is BeginOIDC for the actor, who is to sign in there anew.
func (i *Identity) BeginOIDCStepUp(ctx context.Context, actor core.Actor, v Visit) (Leaving, error) {
	if err := requireOwnAccount(actor); err != nil {
		return Leaving{}, err
	}
	return i.leave(ctx, v, ofOIDCStepUp, actor, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
}

func (i *Identity) leave(ctx context.Context, v Visit, kind string, actor core.Actor, more ...oauth2.AuthCodeOption) (Leaving, error) {
	found, err := i.findProvider(ctx, v)
	if err != nil {
		return Leaving{}, err
	}
	w, err := i.wait(ctx, kind, actor.MemberID, actor.SessionID, ceremony{AskedAt: i.clock()})
	if err != nil {
		return Leaving{}, err
	}
	s := secretsOf(w.Token, kind)
	more = append(more, oauth2.SetAuthURLParam("nonce", s.nonce), oauth2.S256ChallengeOption(s.verifier))
	return Leaving{URL: found.oauth.AuthCodeURL(s.state, more...), Token: w.Token, Until: w.Until}, nil
}

func (i *Identity) findProvider(ctx context.Context, v Visit) (*discovered, error) {
	if i.provider == nil {
		return nil, fault.New(fault.OIDCNotConfigured, nil)
	}
	if wait := i.takeClient(v.Client); wait > 0 {
		return nil, rateLimited(wait)
	}
	return i.provider.discover(ctx)
}

// Returned is what a browser brings back from the provider.
type Returned struct {
	Token core.Secret // that it left with
	State string
	Code  core.Secret
}

// FinishOIDC begins a session of whoever the provider says has signed in there, or asks
// for their second factor. It fails with fault.CeremonyOver where another browser comes
// back than has left, or once more; with fault.OIDCRefused, in the same words whatever
// the reason, which is in the audit; and as BeginOIDC does.
func (i *Identity) FinishOIDC(ctx context.Context, v Visit, r Returned) (Entry, error) {
	c, _, err := i.comeBack(ctx, v, ofOIDC, r)
	if err != nil {
		return Entry{}, i.refuseOIDC(ctx, core.Member{}, c, err, v.RequestID)
	}
	m, factors, err := i.whoseOIDC(ctx, c, v.RequestID)
	if err != nil {
		return Entry{}, i.refuseOIDC(ctx, m, c, err, v.RequestID)
	}
	b := begun{way: core.WithOIDC}
	if i.provider.cfg.TrustMFA && c.strong() {
		b.secondFactor, b.detail = true, map[string]string{"factor": "provider"}
	} else if confirmed := counting(factors); len(confirmed) > 0 {
		waiting, err := i.askSecondFactor(ctx, m, confirmed, ceremony{Way: core.WithOIDC, OIDC: &oidcSubject{c.Issuer, c.Subject}})
		return Entry{Waiting: waiting}, err
	}
	s, err := i.begin(ctx, v, m, b, nil)
	return Entry{Session: s}, err
}

// comeBack uses up the ceremony that a browser has left with and redeems its code. The
// ceremony is gone whatever comes of the rest: a code is good for one try.
func (i *Identity) comeBack(ctx context.Context, v Visit, kind string, r Returned) (c attested, held store.Ceremony, err error) {
	if i.provider == nil {
		return c, held, fault.New(fault.OIDCNotConfigured, nil)
	}
	if wait := i.takeClient(v.Client); wait > 0 {
		return c, held, rateLimited(wait)
	}
	s := secretsOf(r.Token, kind)
	if r.Token.IsZero() || subtle.ConstantTimeCompare([]byte(r.State), []byte(s.state)) != 1 {
		return c, held, fault.New(fault.CeremonyOver, nil)
	}
	var asked ceremony
	asked, held, _, err = i.takeCeremony(ctx, kind, r.Token)
	if err != nil {
		return c, held, err
	}
	err = i.store.Platform(ctx, system(v.RequestID), func(tx *store.PlatformTx) error { return tx.UseCeremony(ctx, held.TokenHash) })
	if err != nil {
		return c, held, err
	}
	if c, err = i.provider.redeem(ctx, r.Code, s); err != nil {
		return c, held, err
	}
	if kind == ofOIDCStepUp && !i.freshlySignedIn(c, asked) {
		return c, held, notAccepted("auth_time")
	}
	return c, held, nil
}

// clockSkew is how far the clocks of a provider and of Signet may be apart.
const clockSkew = time.Minute

// freshlySignedIn tells whether somebody has signed in at the provider after they were
// sent there.
func (i *Identity) freshlySignedIn(c attested, asked ceremony) bool {
	at := time.Unix(c.AuthTime, 0)
	return c.AuthTime > 0 && !at.Before(asked.AskedAt.Add(-clockSkew)) && !at.After(i.clock().Add(clockSkew))
}

// whoseOIDC finds the member who is that subject at the provider. Whom it does not know
// yet it finds by the e-mail address that the provider has verified, and binds; from
// then on the address says nothing. It makes nobody. Only who has a role on the
// platform is found.
func (i *Identity) whoseOIDC(ctx context.Context, c attested, requestID string) (m core.Member, factors []store.FactorRow, err error) {
	err = i.store.Platform(ctx, system(requestID), func(tx *store.PlatformTx) error {
		id, bound, err := tx.UseOIDCIdentity(ctx, c.Issuer, c.Subject)
		if err != nil {
			return err
		}
		var row store.MemberRow
		var found bool
		if bound {
			row, found, err = tx.FindMember(ctx, id)
		} else if row, found, err = findVerified(ctx, tx, c); err == nil && found && row.Platform != "" {
			err = bindOIDC(ctx, tx, c, row.Member)
		}
		m = row.Member
		switch {
		case err != nil:
			return err
		case !found:
			return notAccepted("nobody")
		case row.Platform == "":
			return notAccepted("no_platform_role")
		}
		factors, err = tx.ListFactors(ctx, m.ID)
		return err
	})
	return m, factors, err
}

// oidcSubject is who somebody is at the provider.
type oidcSubject struct{ Issuer, Subject string }

// stillFromOIDC tells whether a member who came from the provider a moment ago could do
// so now. It fails with fault.CeremonyOver where they could not.
func (i *Identity) stillFromOIDC(ctx context.Context, from oidcSubject, member core.MemberID, requestID string) error {
	m, _, err := i.whoseOIDC(ctx, attested{Issuer: from.Issuer, Subject: from.Subject}, requestID)
	if errors.As(err, new(notAccepted)) || err == nil && m.ID != member {
		return fault.New(fault.CeremonyOver, nil)
	}
	return err
}

// findVerified finds the member with the address that the provider has verified.
func findVerified(ctx context.Context, tx *store.PlatformTx, c attested) (store.MemberRow, bool, error) {
	if !c.EmailVerified {
		return store.MemberRow{}, false, notAccepted("email_not_verified")
	}
	address, err := core.ParseEmail("/email", c.Email)
	if err != nil {
		return store.MemberRow{}, false, notAccepted("email")
	}
	return tx.FindMemberByEmail(ctx, address)
}

func bindOIDC(ctx context.Context, tx *store.PlatformTx, c attested, m core.Member) error {
	bound, err := tx.BindOIDCIdentity(ctx, c.Issuer, c.Subject, m.ID)
	if err != nil {
		return err
	}
	if !bound {
		return notAccepted("other_subject")
	}
	return tx.Audit(ctx, core.AuditEntry{Action: "oidc.bind", SubjectKind: "member", Subject: m.ID.String(),
		Detail: map[string]string{"email": m.Email, "issuer": c.Issuer, "subject": c.Subject}})
}

// refuseOIDC gives the one refusal for every reason, once it stands in the audit; any
// other error it passes on.
func (i *Identity) refuseOIDC(ctx context.Context, m core.Member, c attested, err error, requestID string) error {
	var reason notAccepted
	if !errors.As(err, &reason) {
		return err
	}
	detail := map[string]string{"with": string(core.WithOIDC), "reason": string(reason)}
	if c.Subject != "" {
		detail["subject"] = c.Subject
	}
	if address, wrong := core.ParseEmail("/email", c.Email); wrong == nil {
		detail["email"] = address
	}
	if noted := i.noteRefusal(ctx, m, detail, requestID); noted != nil {
		return noted
	}
	return fault.New(fault.OIDCRefused, nil)
}

// StepUpOIDC notes in the actor's session that they have just signed in at the provider
// anew. Who has a second factor here shows that instead (StepUp), unless the provider
// has seen one and is trusted with it. It fails as FinishOIDC does, and with
// fault.SecondFactorRefused.
func (i *Identity) StepUpOIDC(ctx context.Context, actor core.Actor, v Visit, r Returned) (until time.Time, err error) {
	if err := requireOwnAccount(actor); err != nil {
		return until, err
	}
	own := core.Member{ID: actor.MemberID, Email: actor.Name}
	c, held, err := i.comeBack(ctx, v, ofOIDCStepUp, r)
	switch {
	case err != nil:
		return until, i.refuseOIDC(ctx, own, c, err, v.RequestID)
	case held.MemberID != actor.MemberID, held.SessionID != actor.SessionID:
		return until, fault.New(fault.CeremonyOver, nil)
	}
	m, factors, err := i.whoseOIDC(ctx, c, v.RequestID)
	if err == nil && m.ID != actor.MemberID {
		err = notAccepted("another_member")
	}
	if err != nil {
		return until, i.refuseOIDC(ctx, own, c, err, v.RequestID)
	}
	strong := i.provider.cfg.TrustMFA && c.strong()
	if !strong && len(counting(factors)) > 0 {
		return until, i.refuseAnswer(ctx, m, fault.New(fault.SecondFactorRefused, nil), v.RequestID)
	}
	err = i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		at, err := tx.ProveSession(ctx, actor.SessionID, strong)
		if err != nil {
			return err
		}
		until = at.Add(core.ProofLife)
		return tx.Audit(ctx, core.AuditEntry{Action: "session.step_up", SubjectKind: "session", Subject: actor.SessionID.String(),
			Detail: map[string]string{"with": string(core.WithOIDC)}})
	})
	return until, err
}

// UnbindOIDC forgets who a member is at the provider, for a person who has got another
// account there: their next sign-in from there binds anew, by their address. It fails
// with fault.MemberUnknown, fault.PermissionDenied and fault.StepUpRequired.
func (i *Identity) UnbindOIDC(ctx context.Context, actor core.Actor, member core.MemberID) error {
	if err := actor.May(core.OperatorsWrite); err != nil {
		return err
	}
	return i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
		m, found, err := tx.FindMember(ctx, member)
		if err != nil {
			return err
		}
		if !found || m.Platform == "" {
			return fault.New(fault.MemberUnknown, nil)
		}
		forgotten, err := tx.UnbindOIDCIdentities(ctx, member)
		if err != nil || forgotten == 0 {
			return err
		}
		return tx.Audit(ctx, core.AuditEntry{Action: "oidc.unbind", SubjectKind: "member", Subject: member.String(), Detail: map[string]string{"email": m.Email}})
	})
}

// Ways are the ways in that there are.
type Ways struct {
	OIDC  string // the provider's name, "": none
	WeCom bool   // people sign in through the app that was named
	Mail  bool   // who has forgotten their password can ask for a letter
}

// Ways tells which ways in there are: a password and a passkey always, and WeCom for
// who names the key of an app. An app that nobody signs in through, one that does not
// exist and a key that is none are told alike. It fails with fault.RateLimitedCode and
// fault.StoreUnavailable, both only where an app is named.
func (i *Identity) Ways(ctx context.Context, v Visit, app string) (Ways, error) {
	w := Ways{Mail: i.mailer != nil}
	if i.provider != nil {
		w.OIDC = i.provider.cfg.Name
	}
	if app == "" {
		return w, nil
	}
	if wait := i.takeClient(v.Client); wait > 0 {
		return Ways{}, rateLimited(wait)
	}
	_, err := i.findSignInApp(ctx, app)
	w.WeCom = err == nil
	if fault.Has(err, fault.AppUnknown) {
		err = nil
	}
	return w, err
}
