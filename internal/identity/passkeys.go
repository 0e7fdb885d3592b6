package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// maxPasskeyAnswer bounds what a browser says of a passkey, in bytes.
const maxPasskeyAnswer = 16 << 10

// newRelyingParty is what passkeys are made for: the console at its one address. A
// passkey of any other does not sign for it, and what one has signed elsewhere is
// refused. The holder is always verified by it, so that a passkey is two factors.
func newRelyingParty(consoleURL string) (*webauthn.WebAuthn, error) {
	at, err := url.Parse(consoleURL)
	if err != nil || at.Hostname() == "" {
		return nil, fmt.Errorf("passkeys need the console's address, and %q is none", consoleURL)
	}
	return webauthn.New(&webauthn.Config{
		RPID: at.Hostname(), RPDisplayName: totpIssuer, RPOrigins: []string{at.Scheme + "://" + at.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{
			Login:        webauthn.TimeoutConfig{Enforce: true, Timeout: ceremonyLife, TimeoutUVD: ceremonyLife},
			Registration: webauthn.TimeoutConfig{Enforce: true, Timeout: ceremonyLife, TimeoutUVD: ceremonyLife},
		},
	})
}

// holder is a member as the library wants them.
type holder struct {
	member   core.Member
	passkeys []passkey
}

// passkey is a factor with its record.
type passkey struct {
	factor core.FactorID
	record webauthn.Credential
}

// WebAuthnID implements webauthn.User.
func (h holder) WebAuthnID() []byte { return h.member.ID.UUID[:] }

// WebAuthnName implements webauthn.User.
func (h holder) WebAuthnName() string { return h.member.Email }

// WebAuthnDisplayName implements webauthn.User.
func (h holder) WebAuthnDisplayName() string { return h.member.Email }

// WebAuthnCredentials implements webauthn.User.
func (h holder) WebAuthnCredentials() []webauthn.Credential {
	list := make([]webauthn.Credential, len(h.passkeys))
	for n, p := range h.passkeys {
		list[n] = p.record
	}
	return list
}

// holderOf opens the passkeys of a member.
func (i *Identity) holderOf(ctx context.Context, m core.Member) (h holder, err error) {
	err = i.onPlatformKey(ctx, system(""), func(tx *store.PlatformTx) error {
		h = holder{member: m}
		rows, err := tx.ListFactors(ctx, m.ID)
		if err != nil {
			return err
		}
		for _, row := range counting(rows) {
			if row.Kind != core.Passkey {
				continue
			}
			text, err := i.openFactor(ctx, tx, row)
			if err != nil {
				return err
			}
			p := passkey{factor: row.ID}
			if err := json.Unmarshal([]byte(text.Expose()), &p.record); err != nil {
				return fmt.Errorf("read the record of passkey %s: %w", row.ID, err)
			}
			p.record.Authenticator.SignCount = uint32(row.SignCount)
			h.passkeys = append(h.passkeys, p)
		}
		return nil
	})
	return h, err
}

// askPasskey gives what a browser asks the passkeys of a member with, and notes in
// the ceremony what it asked. A member without any is not asked.
func (i *Identity) askPasskey(ctx context.Context, m core.Member, factors []store.FactorRow, c *ceremony) (json.RawMessage, error) {
	has := false
	for _, f := range factors {
		has = has || f.Kind == core.Passkey
	}
	if !has {
		return nil, nil
	}
	h, err := i.holderOf(ctx, m)
	if err != nil {
		return nil, err
	}
	options, asked, err := i.relying.BeginLogin(h)
	if err != nil {
		return nil, fmt.Errorf("ask for a passkey: %w", err)
	}
	c.Passkey = asked
	return json.Marshal(options.Response)
}

// checkPasskey looks whether a passkey of the member has signed what it was asked.
func (i *Identity) checkPasskey(ctx context.Context, m core.Member, asked *webauthn.SessionData, answer json.RawMessage) (shown, error) {
	refused := fault.New(fault.PasskeyRefused, nil)
	if asked == nil || len(answer) > maxPasskeyAnswer {
		return shown{}, refused
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return shown{}, fault.Wrap(err, fault.PasskeyRefused, nil)
	}
	h, err := i.holderOf(ctx, m)
	if err != nil {
		return shown{}, err
	}
	used, err := i.relying.ValidateLogin(h, *asked, parsed)
	if err != nil {
		return shown{}, fault.Wrap(err, fault.PasskeyRefused, nil)
	}
	return i.shownPasskey(h, used)
}

// shownPasskey is a passkey that was right, unless it was copied: one that counts its
// uses and tells fewer than before is another.
func (i *Identity) shownPasskey(h holder, used *webauthn.Credential) (shown, error) {
	for _, p := range h.passkeys {
		if string(p.record.ID) != string(used.ID) || used.Authenticator.CloneWarning {
			continue
		}
		return shown{name: string(core.Passkey), use: func(ctx context.Context, tx *store.PlatformTx) error {
			return tx.UsePasskey(ctx, p.factor, int64(used.Authenticator.SignCount))
		}}, nil
	}
	return shown{}, fault.New(fault.PasskeyRefused, nil)
}

// BeginPasskeySignIn asks the browser for any passkey of the console's.
func (i *Identity) BeginPasskeySignIn(ctx context.Context, v Visit) (Waiting, error) {
	if wait := i.takeClient(v.Client); wait > 0 {
		return Waiting{}, rateLimited(wait)
	}
	options, asked, err := i.relying.BeginDiscoverableLogin()
	if err != nil {
		return Waiting{}, fmt.Errorf("ask for a passkey: %w", err)
	}
	w, err := i.wait(ctx, ofPasskeyIn, core.MemberID{}, core.SessionID{}, ceremony{Passkey: asked})
	if err != nil {
		return Waiting{}, err
	}
	w.Factors = []core.FactorKind{core.Passkey}
	w.Passkey, err = json.Marshal(options.Response)
	return w, err
}

// FinishPasskeySignIn begins a session of whoever the passkey belongs to. It fails
// with fault.PasskeyRefused, fault.CeremonyOver and fault.RateLimitedCode.
func (i *Identity) FinishPasskeySignIn(ctx context.Context, v Visit, token core.Secret, answer json.RawMessage) (Session, error) {
	if wait := i.takeClient(v.Client); wait > 0 {
		return Session{}, rateLimited(wait)
	}
	c, held, _, err := i.takeCeremony(ctx, ofPasskeyIn, token)
	if err != nil {
		return Session{}, err
	}
	m, right, err := i.whosePasskey(ctx, c.Passkey, answer)
	if err != nil {
		return Session{}, i.refuseAnswer(ctx, m, err, v.RequestID)
	}
	return i.begin(ctx, v, m, begun{way: core.WithPasskey, secondFactor: true}, func(tx *store.PlatformTx) error {
		if err := tx.UseCeremony(ctx, held.TokenHash); err != nil {
			return err
		}
		return right.use(ctx, tx)
	})
}

// whosePasskey finds the member whom a passkey names, and looks whether it has signed.
func (i *Identity) whosePasskey(ctx context.Context, asked *webauthn.SessionData, answer json.RawMessage) (m core.Member, right shown, err error) {
	if asked == nil || len(answer) > maxPasskeyAnswer {
		return m, right, fault.New(fault.PasskeyRefused, nil)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return m, right, fault.Wrap(err, fault.PasskeyRefused, nil)
	}
	id, err := uuid.FromBytes(parsed.Response.UserHandle)
	if err != nil {
		return m, right, fault.Wrap(err, fault.PasskeyRefused, nil)
	}
	var row store.MemberRow
	var found bool
	err = i.store.Platform(ctx, system(""), func(tx *store.PlatformTx) (err error) {
		row, found, err = tx.FindMember(ctx, core.MemberID{UUID: id})
		return err
	})
	if err != nil || !found {
		return m, right, orElse(err, fault.PasskeyRefused)
	}
	h, err := i.holderOf(ctx, row.Member)
	if err != nil {
		return m, right, err
	}
	_, used, err := i.relying.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return h, nil }, *asked, parsed)
	if err != nil {
		return row.Member, right, fault.Wrap(err, fault.PasskeyRefused, nil)
	}
	right, err = i.shownPasskey(h, used)
	return row.Member, right, err
}

// orElse gives err, or the code where there is none.
func orElse(err error, code fault.Code) error {
	if err != nil {
		return err
	}
	return fault.New(code, nil)
}

// BeginPasskey asks the browser of the actor for a new passkey. It fails with
// fault.StepUpRequired.
func (i *Identity) BeginPasskey(ctx context.Context, actor core.Actor) (Waiting, error) {
	if err := requireProof(actor); err != nil {
		return Waiting{}, err
	}
	h, err := i.holderOf(ctx, core.Member{ID: actor.MemberID, Email: actor.Name})
	if err != nil {
		return Waiting{}, err
	}
	has := webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()
	options, asked, err := i.relying.BeginRegistration(h, webauthn.WithExclusions(has))
	if err != nil {
		return Waiting{}, fmt.Errorf("ask for a new passkey: %w", err)
	}
	w, err := i.wait(ctx, ofPasskeyNew, actor.MemberID, actor.SessionID, ceremony{Passkey: asked})
	if err != nil {
		return Waiting{}, err
	}
	w.Passkey, err = json.Marshal(options.Response)
	return w, err
}

// AddPasskey gives the actor the passkey that their browser has made, and recovery
// codes with the first factor that counts. It fails with fault.PasskeyRefused,
// fault.CeremonyOver, fault.FactorExists, fault.FactorsFull, fault.RequestInvalid
// (/name) and fault.StepUpRequired.
func (i *Identity) AddPasskey(ctx context.Context, actor core.Actor, token core.Secret, name string, made json.RawMessage) (core.Factor, []core.Secret, error) {
	if err := requireProof(actor); err != nil {
		return core.Factor{}, nil, err
	}
	name, err := core.ParseName("/name", name)
	if err != nil {
		return core.Factor{}, nil, err
	}
	c, held, _, err := i.takeCeremony(ctx, ofPasskeyNew, token)
	if err != nil {
		return core.Factor{}, nil, err
	}
	if held.MemberID != actor.MemberID || held.SessionID != actor.SessionID {
		return core.Factor{}, nil, fault.New(fault.CeremonyOver, nil)
	}
	record, err := i.newPasskey(actor, c.Passkey, made)
	if err != nil {
		return core.Factor{}, nil, err
	}
	text, err := json.Marshal(record)
	if err != nil {
		return core.Factor{}, nil, fmt.Errorf("write the record of a passkey: %w", err)
	}
	err = i.store.Platform(ctx, actor, func(tx *store.PlatformTx) error { return tx.UseCeremony(ctx, held.TokenHash) })
	if err != nil {
		return core.Factor{}, nil, err
	}
	row := store.FactorRow{
		Factor: core.Factor{ID: core.NewFactorID(), Kind: core.Passkey, Name: name}, MemberID: actor.MemberID,
		CredentialHash: credentialHash(record.ID), SignCount: int64(record.Authenticator.SignCount),
	}
	return i.addFactor(ctx, actor, row, core.NewSecret(string(text)), true)
}

// newPasskey reads what a browser has made, as it was asked.
func (i *Identity) newPasskey(actor core.Actor, asked *webauthn.SessionData, made json.RawMessage) (*webauthn.Credential, error) {
	if asked == nil || len(made) > maxPasskeyAnswer {
		return nil, fault.New(fault.PasskeyRefused, nil)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(made)
	if err != nil {
		return nil, fault.Wrap(err, fault.PasskeyRefused, nil)
	}
	record, err := i.relying.CreateCredential(holder{member: core.Member{ID: actor.MemberID, Email: actor.Name}}, *asked, parsed)
	if err != nil {
		return nil, fault.Wrap(err, fault.PasskeyRefused, nil)
	}
	// No attestation is asked for, and none is kept: it would say which device it is.
	record.Attestation = webauthn.CredentialAttestation{}
	return record, nil
}
