package consoleapi

import (
	"context"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/identity"
)

const (
	goodLeaving = "CANARYleaving0000000000000000000000000000000"
	goodState   = "in.what-the-provider-gave-back"
	upState     = "up.what-the-provider-gave-back"
	goodCode    = "what-the-provider-gave"

	goodWeComApp = "app_examplekeyexamplekeyexampa"
)

func (p *people) Ways(_ context.Context, v identity.Visit, app string) (identity.Ways, error) {
	p.note(v.RequestID)
	return identity.Ways{OIDC: "公司账号", WeCom: app == goodWeComApp, Mail: true}, nil
}

func (p *people) leaving(v identity.Visit) identity.Leaving {
	p.note(v.RequestID)
	return identity.Leaving{URL: "https://login.example.com/authorize?client_id=signet", Token: core.NewSecret(goodLeaving), Until: noon.Add(5 * time.Minute)}
}

func (p *people) BeginOIDC(_ context.Context, v identity.Visit) (identity.Leaving, error) {
	return p.leaving(v), nil
}

func (p *people) BeginOIDCStepUp(_ context.Context, _ core.Actor, v identity.Visit) (identity.Leaving, error) {
	return p.leaving(v), nil
}

func comesBack(r identity.Returned, state string) error {
	switch {
	case r.Token.Expose() != goodLeaving, r.State != state:
		return fault.New(fault.CeremonyOver, nil)
	case r.Code.Expose() != goodCode:
		return fault.New(fault.OIDCRefused, nil)
	}
	return nil
}

func (p *people) FinishOIDC(_ context.Context, v identity.Visit, r identity.Returned) (identity.Entry, error) {
	p.note(v.RequestID)
	return identity.Entry{Session: p.session(goodRefresh)}, comesBack(r, goodState)
}

func (p *people) StepUpOIDC(_ context.Context, _ core.Actor, v identity.Visit, r identity.Returned) (time.Time, error) {
	p.note(v.RequestID)
	return noon.Add(15 * time.Minute), comesBack(r, upState)
}

func (p *people) UnbindOIDC(_ context.Context, _ core.Actor, member core.MemberID) error {
	if member != memberID {
		return fault.New(fault.MemberUnknown, nil)
	}
	return nil
}
