package identity

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// ceremonyLife is how long a step on the way in waits for the next.
const ceremonyLife = 5 * time.Minute

// triesPerCeremony is how often a second factor may be wrong before the password is
// asked for again.
const triesPerCeremony = 5

// The kinds of ceremonies.
const (
	ofSecondFactor = "second_factor"
	ofPasskeyIn    = "passkey_in"
	ofPasskeyNew   = "passkey_new"
	ofStepUp       = "step_up"
)

// Waiting is a step on the way in that waits for the next one, in the same browser.
type Waiting struct {
	Token   core.Secret // names it
	Until   time.Time
	Factors []core.FactorKind // any of which will do; a recovery code will instead of any
	Passkey json.RawMessage   // what navigator.credentials wants, nil where no passkey will do
}

// Answer is what a member shows for a second factor: one of the three.
type Answer struct {
	Code         core.Secret     // of a TOTP
	RecoveryCode core.Secret     // instead
	Passkey      json.RawMessage // what navigator.credentials gave
}

// ceremony is what is kept of one.
type ceremony struct {
	Passkey *webauthn.SessionData `json:"passkey,omitempty"`
	Way     core.SignInWay        `json:"way,omitempty"`     // what came before a second factor
	AskedAt time.Time             `json:"asked_at,omitzero"` // when somebody was sent to the provider
	WeCom   *weComRound           `json:"wecom,omitempty"`
	OIDC    *oidcSubject          `json:"oidc,omitempty"`

	After string `json:"after,omitempty"` // nameOfPassword of the one that was right, where one was asked for
}

// nameOfPassword names a password by its hash, and tells neither.
func nameOfPassword(hash core.Secret) string {
	sum := sha256.Sum256([]byte("signet password 1 " + hash.Expose()))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

const ceremonyTokenLength = 32

func newCeremonyToken() (token core.Secret, hash [32]byte) {
	var raw [ceremonyTokenLength]byte
	_, _ = rand.Read(raw[:]) // crypto/rand never fails (it stops the program instead)
	token = core.NewSecret(base64.RawURLEncoding.EncodeToString(raw[:]))
	return token, hashCeremony(token)
}

func hashCeremony(token core.Secret) [32]byte {
	return sha256.Sum256([]byte("signet ceremony 1 " + token.Expose()))
}

// wait keeps a ceremony, and gives what the browser holds of it.
func (i *Identity) wait(ctx context.Context, kind string, member core.MemberID, session core.SessionID, c ceremony) (Waiting, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return Waiting{}, err
	}
	token, hash := newCeremonyToken()
	err = i.store.Platform(ctx, system(""), func(tx *store.PlatformTx) error {
		return tx.CreateCeremony(ctx, store.Ceremony{TokenHash: hash, Kind: kind, MemberID: member, SessionID: session, Data: data}, ceremonyLife)
	})
	return Waiting{Token: token, Until: i.clock().Add(ceremonyLife)}, err
}

// askSecondFactor lets a member who has come in some way so far go on. c says how they
// came.
func (i *Identity) askSecondFactor(ctx context.Context, m core.Member, factors []store.FactorRow, c ceremony) (*Waiting, error) {
	options, err := i.askPasskey(ctx, m, factors, &c)
	if err != nil {
		return nil, err
	}
	w, err := i.wait(ctx, ofSecondFactor, m.ID, core.SessionID{}, c)
	w.Factors, w.Passkey = kindsOf(factors), options
	return &w, err
}

// takeCeremony counts a try at a ceremony and gives it, with its member and what
// they have. The try stays counted whatever comes of the rest. It fails with
// fault.CeremonyOver.
func (i *Identity) takeCeremony(ctx context.Context, kind string, token core.Secret) (c ceremony, held store.Ceremony, m store.MemberRow, err error) {
	err = i.store.Platform(ctx, system(""), func(tx *store.PlatformTx) error {
		if held, err = tx.TakeCeremony(ctx, hashCeremony(token), kind, triesPerCeremony); err != nil {
			return err
		}
		if held.MemberID.IsZero() {
			return nil
		}
		var found bool
		if m, found, err = tx.FindMember(ctx, held.MemberID); err == nil && !found {
			return fault.New(fault.CeremonyOver, nil)
		}
		return err
	})
	if err != nil {
		return c, held, m, err
	}
	return c, held, m, json.Unmarshal(held.Data, &c)
}

// FinishSignIn begins a session of a member whose password was right, or who came from
// the provider or from WeCom, once their second factor is shown. It fails with fault.SecondFactorRefused,
// fault.PasskeyRefused, fault.CeremonyOver where the password is to be given again,
// and with fault.RateLimitedCode.
func (i *Identity) FinishSignIn(ctx context.Context, v Visit, token core.Secret, a Answer) (Session, error) {
	if wait := i.takeClient(v.Client); wait > 0 {
		return Session{}, rateLimited(wait)
	}
	c, held, m, err := i.takeCeremony(ctx, ofSecondFactor, token)
	if err != nil {
		return Session{}, err
	}
	b, err := i.soFar(ctx, v, c, m)
	if err != nil {
		return Session{}, err
	}
	shown, err := i.checkAnswer(ctx, m.Member, c, a)
	if err != nil {
		return Session{}, i.refuseAnswer(ctx, m.Member, err, v.RequestID)
	}
	b.detail["factor"] = shown.name
	s, err := i.begin(ctx, v, m.Member, b, func(tx *store.PlatformTx) error {
		if err := tx.UseCeremony(ctx, held.TokenHash); err != nil {
			return err
		}
		return shown.use(ctx, tx)
	})
	if err != nil {
		return Session{}, i.refuseAnswer(ctx, m.Member, err, v.RequestID)
	}
	return s, nil
}

// soFar tells what a session begins with of a member who has come so far, if they could
// come so far now: the password was not changed meanwhile, and the provider or WeCom
// still leads to them. It fails with fault.CeremonyOver.
func (i *Identity) soFar(ctx context.Context, v Visit, c ceremony, m store.MemberRow) (begun, error) {
	b := begun{way: cmp.Or(c.Way, core.WithPassword), secondFactor: true, detail: map[string]string{}}
	over := fault.New(fault.CeremonyOver, nil)
	switch {
	case c.WeCom != nil:
		if still, err := i.memberOf(ctx, v, *c.WeCom); err != nil || still.ID != m.ID {
			return b, cmp.Or(err, error(over))
		}
		b.way, b.onlyTenant, b.detail = core.WithWeCom, c.WeCom.Tenant, c.WeCom.detail()
	case c.OIDC != nil:
		return b, i.stillFromOIDC(ctx, *c.OIDC, m.ID, v.RequestID)
	case c.After != "":
		if b.password = m.PasswordHash; c.After != nameOfPassword(b.password) {
			return b, over
		}
	}
	return b, nil
}

// refuseAnswer writes into the audit that a second factor was wrong; any other
// error it passes on.
func (i *Identity) refuseAnswer(ctx context.Context, m core.Member, err error, requestID string) error {
	if !fault.Has(err, fault.SecondFactorRefused) && !fault.Has(err, fault.PasskeyRefused) {
		return err
	}
	detail := map[string]string{"email": m.Email, "reason": string(fault.Find(err).Code)}
	if noted := i.noteRefusal(ctx, m, detail, requestID); noted != nil {
		return noted
	}
	return err
}

// shown is a second factor that was right, to be used up with what it is shown for.
type shown struct {
	name string // its kind, for the audit
	use  func(context.Context, *store.PlatformTx) error
}

// checkAnswer looks whether what a member shows is right. Codes are counted, and
// given back when one that was right is used. It fails with
// fault.SecondFactorRefused, fault.PasskeyRefused and fault.RateLimitedCode.
func (i *Identity) checkAnswer(ctx context.Context, m core.Member, c ceremony, a Answer) (shown, error) {
	if len(a.Passkey) > 0 {
		return i.checkPasskey(ctx, m, c.Passkey, a.Passkey)
	}
	if err := i.takeCode(ctx, m.ID); err != nil {
		return shown{}, err
	}
	if !a.RecoveryCode.IsZero() {
		return shown{name: "recovery_code", use: func(ctx context.Context, tx *store.PlatformTx) error {
			return usedOnce(ctx, tx, m.ID, func() (bool, error) { return tx.UseRecoveryCode(ctx, m.ID, hashRecoveryCode(m.ID, a.RecoveryCode)) })
		}}, nil
	}
	row, step, err := i.findStep(ctx, m.ID, a.Code)
	return shown{name: string(core.TOTP), use: func(ctx context.Context, tx *store.PlatformTx) error {
		return usedOnce(ctx, tx, m.ID, func() (bool, error) { return tx.UseStep(ctx, row, step) })
	}}, err
}

// usedOnce uses a code up, and gives its try back; a code that was used before is
// refused.
func usedOnce(ctx context.Context, tx *store.PlatformTx, m core.MemberID, use func() (bool, error)) error {
	used, err := use()
	if err != nil {
		return err
	}
	if !used {
		return fault.New(fault.SecondFactorRefused, nil)
	}
	return tx.GiveTryBack(ctx, codeKey(m), codesPerMember)
}

// findStep finds the TOTP of a member whose code this is, and its step.
func (i *Identity) findStep(ctx context.Context, m core.MemberID, code core.Secret) (factor core.FactorID, step int64, err error) {
	err = i.onPlatformKey(ctx, system(""), func(tx *store.PlatformTx) error {
		rows, err := tx.ListFactors(ctx, m)
		if err != nil {
			return err
		}
		for _, row := range counting(rows) {
			if row.Kind != core.TOTP {
				continue
			}
			seed, err := i.openFactor(ctx, tx, row)
			if err != nil {
				return err
			}
			if at, right := i.stepOf(seed, code); right {
				factor, step = row.ID, at
				return nil
			}
		}
		return fault.New(fault.SecondFactorRefused, nil)
	})
	return factor, step, err
}
