package consoleapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/identity"
)

// The cookie by which a browser is known that comes back from WeCom. It must come
// along when a page of WeCom's leads here, so it is laxer than the others; by itself it
// lets nobody in.
const (
	weComCookie    = "__Host-signet_wecom"
	maxWeComCookie = 64
	weComFactorAge = 5 * time.Minute
)

// BeginWeComSignIn begins to sign in through WeCom.
func (a *api) BeginWeComSignIn(ctx context.Context, r BeginWeComSignInRequestObject) (BeginWeComSignInResponseObject, error) {
	round, err := a.identity.BeginWeCom(ctx, identityVisit(ctx), r.Body.App)
	if err != nil {
		return nil, err
	}
	return BeginWeComSignIn200JSONResponse{
		Body:    roundAnswer(round),
		Headers: BeginWeComSignIn200ResponseHeaders{SetCookie: a.roundCookie(round)},
	}, nil
}

// ReturnFromWeCom takes a browser back from WeCom and sends it on to the console,
// however that went: what came of it stands behind the "#", where no server sees it.
func (a *api) ReturnFromWeCom(ctx context.Context, r ReturnFromWeComRequestObject) (ReturnFromWeComResponseObject, error) {
	v := ctx.Value(visitKey{}).(visit)
	came, err := a.identity.ReturnFromWeCom(ctx, identityVisit(ctx), browserOf(r.Params.WeComCookie), orEmpty(r.Params.State), orEmpty(r.Params.Code))
	to, cookie := "/", weComCookieText("", -1)
	switch {
	case err != nil:
		code := fault.Find(err).Code
		v.note(slog.String("code", string(code)))
		to = "/#error=" + url.QueryEscape(string(code))
	case !came.Factor.IsZero():
		to, cookie = "/#second_factor", weComCookieText(came.Factor.Expose(), weComFactorAge)
	case came.Bound:
		to = "/#wecom=bound"
	default:
		v.setCookie(a.begun(ctx, came.Session))
	}
	return ReturnFromWeCom303Response{Headers: ReturnFromWeCom303ResponseHeaders{Location: a.consoleURL + to, SetCookie: cookie}}, nil
}

// AskFactorAfterWeCom asks for the second factor of a member who came from WeCom.
func (a *api) AskFactorAfterWeCom(ctx context.Context, r AskFactorAfterWeComRequestObject) (AskFactorAfterWeComResponseObject, error) {
	w, err := a.identity.AskFactorAfterWeCom(ctx, identityVisit(ctx), browserOf(r.Params.WeComCookie))
	if err != nil {
		return nil, err
	}
	return AskFactorAfterWeCom200JSONResponse{
		Body:    waitingAnswer(w),
		Headers: AskFactorAfterWeCom200ResponseHeaders{SetCookie: weComCookieText("", -1)},
	}, nil
}

// BeginWeComBinding begins to bind the member to a WeCom account.
func (a *api) BeginWeComBinding(ctx context.Context, r BeginWeComBindingRequestObject) (BeginWeComBindingResponseObject, error) {
	round, err := a.identity.BeginWeComBinding(ctx, actorOf(ctx), identityVisit(ctx), r.Body.App)
	if err != nil {
		return nil, err
	}
	return BeginWeComBinding200JSONResponse{
		Body:    roundAnswer(round),
		Headers: BeginWeComBinding200ResponseHeaders{SetCookie: a.roundCookie(round)},
	}, nil
}

// ListWeComBindings lists who the member is in WeCom.
func (a *api) ListWeComBindings(ctx context.Context, _ ListWeComBindingsRequestObject) (ListWeComBindingsResponseObject, error) {
	list, err := a.identity.ListWeComBindings(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return ListWeComBindings200JSONResponse{Items: mapped(list, func(p core.WeComPerson) WeComBinding {
		return WeComBinding{TenantID: p.TenantID.String(), CorpID: string(p.CorpID), UserID: string(p.UserID), BoundAt: p.BoundAt.UTC()}
	})}, nil
}

// UnbindWeCom unbinds the member in a tenant.
func (a *api) UnbindWeCom(ctx context.Context, r UnbindWeComRequestObject) (UnbindWeComResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	if err := a.identity.UnbindWeCom(ctx, actorOf(ctx), tenant); err != nil {
		return nil, err
	}
	return UnbindWeCom204Response{}, nil
}

// UnbindMemberWeCom unbinds another member in a tenant.
func (a *api) UnbindMemberWeCom(ctx context.Context, r UnbindMemberWeComRequestObject) (UnbindMemberWeComResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	member, err := parseMemberID(r.MemberID)
	if err != nil {
		return nil, err
	}
	if err := a.identity.UnbindMemberWeCom(ctx, actorOf(ctx), tenant, member); err != nil {
		return nil, err
	}
	return UnbindMemberWeCom204Response{}, nil
}

func roundAnswer(r identity.WeComRound) WeComRound {
	return WeComRound{URL: r.URL, Until: r.Until.UTC()}
}

func (a *api) roundCookie(r identity.WeComRound) string {
	return weComCookieText(r.Browser.Expose(), max(r.Until.Sub(a.now()), time.Second))
}

func browserOf(cookie *string) core.Secret {
	if cookie == nil || len(*cookie) > maxWeComCookie {
		return core.Secret{}
	}
	return core.NewSecret(*cookie)
}

// weComCookieText writes the cookie; a negative age removes it.
func weComCookieText(value string, age time.Duration) string {
	seconds := int(age / time.Second)
	if age < 0 {
		seconds = -1
	}
	return (&http.Cookie{
		Name: weComCookie, Value: value, Path: "/", MaxAge: seconds,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}).String()
}
