package consoleapi

import (
	"context"
	"encoding/json"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/identity"
)

// The second half of people: whoever is signed in has one second factor and one
// session, and whatever token stands in a body but the good one is over.
const goodCeremony = "what-names-this-step-in-the-next-request"

var (
	sessionID = core.NewSessionID()
	factorID  = core.NewFactorID()
)

func (p *people) waiting() identity.Waiting {
	return identity.Waiting{Token: core.NewSecret(goodCeremony), Until: noon.Add(5 * time.Minute), Factors: []core.FactorKind{core.TOTP, core.Passkey}, Passkey: json.RawMessage(`{"challenge":"c2lnbmV0"}`)}
}

func goesOn(token core.Secret) error {
	if token.Expose() != goodCeremony {
		return fault.New(fault.CeremonyOver, nil)
	}
	return nil
}

func (p *people) FinishSignIn(_ context.Context, v identity.Visit, token core.Secret, a identity.Answer) (identity.Session, error) {
	p.note(v.RequestID)
	if a.Code.Expose() != "123456" && a.RecoveryCode.IsZero() && a.Passkey == nil {
		return identity.Session{}, fault.New(fault.SecondFactorRefused, nil)
	}
	s := p.session(goodRefresh)
	s.Device = core.NewSecret(goodDevice)
	return s, goesOn(token)
}

const goodDevice = "CANARYdevice0000000000000000000000000000000"

func (p *people) BeginPasskeySignIn(_ context.Context, v identity.Visit) (identity.Waiting, error) {
	p.note(v.RequestID)
	return p.waiting(), nil
}

func (p *people) FinishPasskeySignIn(_ context.Context, v identity.Visit, token core.Secret, _ json.RawMessage) (identity.Session, error) {
	p.note(v.RequestID)
	return p.session(goodRefresh), goesOn(token)
}

func (p *people) BeginStepUp(_ context.Context, actor core.Actor) (identity.Waiting, bool, error) {
	p.note(actor.RequestID)
	return p.waiting(), true, nil
}

func (p *people) StepUp(_ context.Context, actor core.Actor, _ identity.Visit, token, _ core.Secret, _ identity.Answer) (time.Time, error) {
	p.note(actor.RequestID)
	return noon.Add(core.ProofLife), goesOn(token)
}

func (p *people) ListSessions(_ context.Context, actor core.Actor) ([]core.Session, error) {
	p.note(actor.RequestID)
	return []core.Session{{ID: sessionID, BegunWith: core.WithPassword, CreatedAt: noon, RefreshedAt: noon, EndsAt: noon.Add(time.Hour)}}, nil
}

func (p *people) EndOwnSession(_ context.Context, actor core.Actor, session core.SessionID) error {
	p.note(actor.RequestID)
	if session != sessionID {
		return fault.New(fault.SessionUnknown, nil)
	}
	return nil
}

func (p *people) EndOtherSessions(_ context.Context, actor core.Actor) (int64, error) {
	p.note(actor.RequestID)
	return 2, nil
}

func (p *people) EndSessionsOf(_ context.Context, actor core.Actor, member core.MemberID) (int64, error) {
	p.note(actor.RequestID)
	if member != memberID {
		return 0, fault.New(fault.MemberUnknown, nil)
	}
	return 2, nil
}

func (p *people) ChangePassword(_ context.Context, actor core.Actor, _ identity.Visit, _, _ core.Secret) error {
	p.note(actor.RequestID)
	return nil
}

func (p *people) factor() core.Factor {
	confirmed := noon
	return core.Factor{ID: factorID, Kind: core.TOTP, Name: "手机", CreatedAt: noon, ConfirmedAt: &confirmed}
}

func (p *people) ListFactors(_ context.Context, actor core.Actor) (identity.Factors, error) {
	p.note(actor.RequestID)
	return identity.Factors{Items: []core.Factor{p.factor()}, RecoveryCodes: 10, HasPassword: true}, nil
}

func (p *people) BeginTOTP(_ context.Context, actor core.Actor, name string) (identity.NewTOTP, error) {
	p.note(actor.RequestID)
	_, err := core.ParseName("/name", name)
	return identity.NewTOTP{Factor: p.factor(), Seed: core.NewSecret("SEED"), URI: core.NewSecret("otpauth://totp/x")}, err
}

func (p *people) ConfirmTOTP(_ context.Context, actor core.Actor, factor core.FactorID, _ core.Secret) ([]core.Secret, error) {
	p.note(actor.RequestID)
	if factor != factorID {
		return nil, fault.New(fault.FactorUnknown, nil)
	}
	return []core.Secret{core.NewSecret("k3fw-9q2d-m7xa-p4tz")}, nil
}

func (p *people) BeginPasskey(_ context.Context, actor core.Actor) (identity.Waiting, error) {
	p.note(actor.RequestID)
	return p.waiting(), nil
}

func (p *people) AddPasskey(_ context.Context, actor core.Actor, token core.Secret, _ string, _ json.RawMessage) (core.Factor, []core.Secret, error) {
	p.note(actor.RequestID)
	return p.factor(), nil, goesOn(token)
}

func (p *people) RenewRecoveryCodes(_ context.Context, actor core.Actor) ([]core.Secret, error) {
	p.note(actor.RequestID)
	return []core.Secret{core.NewSecret("k3fw-9q2d-m7xa-p4tz")}, nil
}

func (p *people) RemoveFactor(_ context.Context, actor core.Actor, factor core.FactorID) error {
	p.note(actor.RequestID)
	if factor != factorID {
		return fault.New(fault.FactorUnknown, nil)
	}
	return nil
}

func (p *people) round(key string) (identity.WeComRound, error) {
	if key != goodWeComApp {
		return identity.WeComRound{}, fault.New(fault.AppUnknown, nil)
	}
	return identity.WeComRound{URL: "https://login.work.weixin.qq.com/wwlogin/sso/login?state=x", Browser: core.NewSecret(goodBrowser), Until: noon.Add(5 * time.Minute)}, nil
}

func (p *people) BeginWeCom(_ context.Context, v identity.Visit, key string) (identity.WeComRound, error) {
	p.note(v.RequestID)
	return p.round(key)
}

// ReturnFromWeCom goes by the code.
func (p *people) ReturnFromWeCom(_ context.Context, v identity.Visit, browser core.Secret, _, code string) (identity.WeComReturn, error) {
	p.note(v.RequestID)
	switch {
	case browser.Expose() != goodBrowser:
		return identity.WeComReturn{}, fault.New(fault.CeremonyOver, nil)
	case code == "factor":
		return identity.WeComReturn{Factor: core.NewSecret("nextbrowser")}, nil
	case code == "bind":
		return identity.WeComReturn{Bound: true}, nil
	case code == "":
		return identity.WeComReturn{}, fault.New(fault.WeComCancelled, nil)
	}
	return identity.WeComReturn{Session: p.session(goodRefresh)}, nil
}

func (p *people) AskFactorAfterWeCom(_ context.Context, v identity.Visit, token core.Secret) (identity.Waiting, error) {
	p.note(v.RequestID)
	if token.Expose() != goodBrowser {
		return identity.Waiting{}, fault.New(fault.CeremonyOver, nil)
	}
	return p.waiting(), nil
}

func (p *people) BeginWeComBinding(_ context.Context, actor core.Actor, _ identity.Visit, key string) (identity.WeComRound, error) {
	p.note(actor.RequestID)
	return p.round(key)
}

func (p *people) ListWeComBindings(_ context.Context, actor core.Actor) ([]core.WeComPerson, error) {
	p.note(actor.RequestID)
	return []core.WeComPerson{{TenantID: tenantID, CorpID: "wwexamplecorp00001", UserID: "zhangsan", MemberID: memberID, BoundAt: noon}}, nil
}

func (p *people) UnbindWeCom(_ context.Context, actor core.Actor, tenant core.TenantID) error {
	p.note(actor.RequestID)
	if tenant != tenantID {
		return fault.New(fault.TenantUnknown, nil)
	}
	return nil
}

func (p *people) UnbindMemberWeCom(_ context.Context, actor core.Actor, _ core.TenantID, member core.MemberID) error {
	p.note(actor.RequestID)
	if member != memberID {
		return fault.New(fault.MemberUnknown, nil)
	}
	return nil
}
