package consoleapi

import (
	"context"
	"time"

	"signet/internal/core"
	"signet/internal/identity"
)

// The cookie by which a browser that comes back from the sign-in provider is known to be
// the one that has left. It is as strict as the others, although the way back is a
// navigation from another site: that leads to a page, which brings the cookie itself.
const (
	oidcCookie    = "__Host-signet_oidc"
	maxOIDCCookie = 64
)

// GetWays tells which ways in there are.
func (a *api) GetWays(ctx context.Context, r GetWaysRequestObject) (GetWaysResponseObject, error) {
	app := orEmpty(r.Params.App)
	there, err := a.identity.Ways(ctx, identityVisit(ctx), app)
	if err != nil {
		return nil, err
	}
	answer := GetWays200JSONResponse{Password: true, Passkey: true, Mail: there.Mail}
	if there.OIDC != "" {
		answer.Oidc = &struct {
			Name string `json:"name"`
		}{there.OIDC}
	}
	if there.WeCom {
		answer.Wecom = &struct {
			App string `json:"app"`
		}{app}
	}
	return answer, nil
}

// BeginOIDC sends a browser to the sign-in provider.
func (a *api) BeginOIDC(ctx context.Context, _ BeginOIDCRequestObject) (BeginOIDCResponseObject, error) {
	l, err := a.identity.BeginOIDC(ctx, identityVisit(ctx))
	if err != nil {
		return nil, err
	}
	return BeginOIDC200JSONResponse{
		Body:    Leaving{URL: l.URL, Until: l.Until.UTC()},
		Headers: BeginOIDC200ResponseHeaders{SetCookie: a.oidcCookieOf(l)},
	}, nil
}

// FinishOIDC signs in as the provider says, or asks for a second factor.
func (a *api) FinishOIDC(ctx context.Context, r FinishOIDCRequestObject) (FinishOIDCResponseObject, error) {
	entry, err := a.identity.FinishOIDC(ctx, identityVisit(ctx), returnedOf(r.Params.OIDCCookie, r.Body))
	if err != nil {
		return nil, err
	}
	dropOIDCCookie(ctx)
	if entry.Waiting != nil {
		return FinishOIDC202JSONResponse(waitingAnswer(*entry.Waiting)), nil
	}
	return FinishOIDC200JSONResponse{
		Body:    sessionAnswer(entry.Session),
		Headers: FinishOIDC200ResponseHeaders{SetCookie: a.begun(ctx, entry.Session)},
	}, nil
}

// BeginOIDCStepUp sends a browser to the provider to sign in there anew.
func (a *api) BeginOIDCStepUp(ctx context.Context, _ BeginOIDCStepUpRequestObject) (BeginOIDCStepUpResponseObject, error) {
	l, err := a.identity.BeginOIDCStepUp(ctx, actorOf(ctx), identityVisit(ctx))
	if err != nil {
		return nil, err
	}
	return BeginOIDCStepUp200JSONResponse{
		Body:    Leaving{URL: l.URL, Until: l.Until.UTC()},
		Headers: BeginOIDCStepUp200ResponseHeaders{SetCookie: a.oidcCookieOf(l)},
	}, nil
}

// StepUpOIDC proves once more who the member is, as the provider says.
func (a *api) StepUpOIDC(ctx context.Context, r StepUpOIDCRequestObject) (StepUpOIDCResponseObject, error) {
	until, err := a.identity.StepUpOIDC(ctx, actorOf(ctx), identityVisit(ctx), returnedOf(r.Params.OIDCCookie, r.Body))
	if err != nil {
		return nil, err
	}
	dropOIDCCookie(ctx)
	return StepUpOIDC200JSONResponse{Until: until.UTC()}, nil
}

// UnbindOIDC forgets who a member is at the provider.
func (a *api) UnbindOIDC(ctx context.Context, r UnbindOIDCRequestObject) (UnbindOIDCResponseObject, error) {
	member, err := parseMemberID(r.MemberID)
	if err != nil {
		return nil, err
	}
	if err := a.identity.UnbindOIDC(ctx, actorOf(ctx), member); err != nil {
		return nil, err
	}
	return UnbindOIDC204Response{}, nil
}

// returnedOf is what a browser brings back from the provider.
func returnedOf(cookie *string, body *OIDCReturn) identity.Returned {
	r := identity.Returned{State: body.State, Code: body.Code.Secret}
	if cookie != nil && len(*cookie) <= maxOIDCCookie {
		r.Token = core.NewSecret(*cookie)
	}
	return r
}

func (a *api) oidcCookieOf(l identity.Leaving) string {
	return cookieText(oidcCookie, l.Token.Expose(), max(int(l.Until.Sub(a.now())/time.Second), 1))
}

func dropOIDCCookie(ctx context.Context) {
	ctx.Value(visitKey{}).(visit).setCookie(cookieText(oidcCookie, "", -1))
}
