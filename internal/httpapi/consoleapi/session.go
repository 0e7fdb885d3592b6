package consoleapi

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/identity"
)

// The prefix makes the browser insist on Secure, Path=/ and no Domain.
const refreshCookie = "__Host-signet_refresh"

// The bound on a refresh token, far above what identity makes.
const maxRefreshLength = 512

// The cookie by which a browser is known again; it lets nobody in.
const (
	deviceCookie = "__Host-signet_device"
	deviceLife   = 180 * 24 * time.Hour
	maxDevice    = 64
)

// CreateSession signs in, or asks for a second factor.
func (a *api) CreateSession(ctx context.Context, r CreateSessionRequestObject) (CreateSessionResponseObject, error) {
	entry, err := a.identity.SignIn(ctx, identityVisit(ctx), r.Body.Email, r.Body.Password.Secret)
	if err != nil {
		return nil, err
	}
	if entry.Waiting != nil {
		return CreateSession202JSONResponse(waitingAnswer(*entry.Waiting)), nil
	}
	return CreateSession200JSONResponse{
		Body:    sessionAnswer(entry.Session),
		Headers: CreateSession200ResponseHeaders{SetCookie: a.begun(ctx, entry.Session)},
	}, nil
}

// FinishSignIn goes on with a second factor.
func (a *api) FinishSignIn(ctx context.Context, r FinishSignInRequestObject) (FinishSignInResponseObject, error) {
	shown, err := answerOf(nil, r.Body.Code, r.Body.RecoveryCode, r.Body.Passkey)
	if err != nil {
		return nil, err
	}
	s, err := a.identity.FinishSignIn(ctx, identityVisit(ctx), r.Body.Token.Secret, shown)
	if err != nil {
		return nil, err
	}
	return FinishSignIn200JSONResponse{
		Body:    sessionAnswer(s),
		Headers: FinishSignIn200ResponseHeaders{SetCookie: a.begun(ctx, s)},
	}, nil
}

// BeginPasskeySignIn asks for a passkey.
func (a *api) BeginPasskeySignIn(ctx context.Context, _ BeginPasskeySignInRequestObject) (BeginPasskeySignInResponseObject, error) {
	w, err := a.identity.BeginPasskeySignIn(ctx, identityVisit(ctx))
	if err != nil {
		return nil, err
	}
	return BeginPasskeySignIn200JSONResponse(waitingAnswer(w)), nil
}

// FinishPasskeySignIn signs in with a passkey.
func (a *api) FinishPasskeySignIn(ctx context.Context, r FinishPasskeySignInRequestObject) (FinishPasskeySignInResponseObject, error) {
	s, err := a.identity.FinishPasskeySignIn(ctx, identityVisit(ctx), r.Body.Token.Secret, r.Body.Passkey.Raw)
	if err != nil {
		return nil, err
	}
	return FinishPasskeySignIn200JSONResponse{
		Body:    sessionAnswer(s),
		Headers: FinishPasskeySignIn200ResponseHeaders{SetCookie: a.begun(ctx, s)},
	}, nil
}

// BeginStepUp tells with what the member can prove once more who they are.
func (a *api) BeginStepUp(ctx context.Context, _ BeginStepUpRequestObject) (BeginStepUpResponseObject, error) {
	w, password, err := a.identity.BeginStepUp(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	answer := waitingAnswer(w)
	return BeginStepUp200JSONResponse{Token: answer.Token, Until: answer.Until, Factors: answer.Factors, Passkey: answer.Passkey, Password: password}, nil
}

// StepUp proves once more who the member is.
func (a *api) StepUp(ctx context.Context, r StepUpRequestObject) (StepUpResponseObject, error) {
	shown, err := answerOf(r.Body.Password, r.Body.Code, r.Body.RecoveryCode, r.Body.Passkey)
	if err != nil {
		return nil, err
	}
	var password core.Secret
	if r.Body.Password != nil {
		password = r.Body.Password.Secret
	}
	until, err := a.identity.StepUp(ctx, actorOf(ctx), identityVisit(ctx), r.Body.Token.Secret, password, shown)
	if err != nil {
		return nil, err
	}
	return StepUp200JSONResponse{Until: until.UTC()}, nil
}

// answerOf is what a member shows for a second factor. It fails with
// fault.RequestInvalid where that, or the password, is not exactly one thing.
func answerOf(password, code, recoveryCode *SecretText, passkey *PasskeyJSON) (identity.Answer, error) {
	var a identity.Answer
	given := 0
	for _, text := range []*SecretText{password, code, recoveryCode} {
		if text != nil {
			given++
		}
	}
	if code != nil {
		a.Code = code.Secret
	}
	if recoveryCode != nil {
		a.RecoveryCode = recoveryCode.Secret
	}
	if passkey != nil {
		given++
		a.Passkey = passkey.Raw
	}
	if given != 1 {
		return a, fault.InvalidField("", fault.ReasonOneProof, nil)
	}
	return a, nil
}

func waitingAnswer(w identity.Waiting) Waiting {
	answer := Waiting{Token: w.Token.Expose(), Until: w.Until.UTC(), Factors: append([]core.FactorKind{}, w.Factors...)}
	if w.Passkey != nil {
		answer.Passkey = &PasskeyJSON{Raw: w.Passkey}
	}
	return answer
}

// RefreshSession gives a new access token for the refresh cookie.
func (a *api) RefreshSession(ctx context.Context, r RefreshSessionRequestObject) (RefreshSessionResponseObject, error) {
	token := refreshOf(r.Params.RefreshCookie)
	if token.IsZero() {
		return nil, fault.New(fault.SessionRequired, nil)
	}
	s, err := a.identity.Refresh(ctx, identityVisit(ctx), token)
	if err != nil {
		return nil, err
	}
	return RefreshSession200JSONResponse{
		Body:    sessionAnswer(s),
		Headers: RefreshSession200ResponseHeaders{SetCookie: a.setCookie(ctx, s)},
	}, nil
}

// DeleteSession signs out. A session that is over already is signed out as well.
func (a *api) DeleteSession(ctx context.Context, r DeleteSessionRequestObject) (DeleteSessionResponseObject, error) {
	if token := refreshOf(r.Params.RefreshCookie); !token.IsZero() {
		err := a.identity.SignOut(ctx, token, requestIDOf(ctx))
		if err != nil && !fault.Has(err, fault.SessionRequired) {
			return nil, err
		}
	}
	return DeleteSession204Response{Headers: DeleteSession204ResponseHeaders{SetCookie: cookieText(refreshCookie, "", -1)}}, nil
}

// GetSession tells who is signed in.
func (a *api) GetSession(ctx context.Context, _ GetSessionRequestObject) (GetSessionResponseObject, error) {
	actor := actorOf(ctx)
	if actor.Kind != core.ActorMember {
		return nil, fault.New(fault.PermissionDenied, nil)
	}
	return GetSession200JSONResponse(memberAnswer(actor.MemberID, actor.Name, actor.Grants)), nil
}

func refreshOf(cookie *string) core.Secret {
	if cookie == nil || len(*cookie) > maxRefreshLength {
		return core.Secret{}
	}
	return core.NewSecret(*cookie)
}

// setCookie gives the refresh cookie of a session, and lets the browser be known.
func (a *api) setCookie(ctx context.Context, s identity.Session) string {
	if !s.Device.IsZero() {
		ctx.Value(visitKey{}).(visit).setCookie(cookieText(deviceCookie, s.Device.Expose(), int(deviceLife/time.Second)))
	}
	return cookieText(refreshCookie, s.Refresh.Expose(), max(int(s.RefreshUntil.Sub(a.now())/time.Second), 1))
}

// begun is setCookie for a session that has just begun. The one that the browser was
// in until now is over: nobody could end it any more from where it was begun. Where
// that fails the member is in all the same, and the log says so.
func (a *api) begun(ctx context.Context, s identity.Session) string {
	v := ctx.Value(visitKey{}).(visit)
	if !v.former.IsZero() {
		if err := a.identity.SignOut(ctx, v.former, v.requestID); err != nil && !fault.Has(err, fault.SessionRequired) {
			v.note(slog.String("former_session", "not ended"))
		}
	}
	return a.setCookie(ctx, s)
}

func formerOf(c *fiber.Ctx) core.Secret {
	value := string(c.Request().Header.Cookie(refreshCookie))
	return refreshOf(&value)
}

// deviceOf is what the browser was given to be known by.
func deviceOf(c *fiber.Ctx) core.Secret {
	value := c.Request().Header.Cookie(deviceCookie)
	if len(value) > maxDevice {
		return core.Secret{}
	}
	return core.NewSecret(string(value))
}

// cookieText writes a cookie that no script and no other site sees; a negative age
// removes it.
func cookieText(name, value string, age int) string {
	return (&http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: age,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}).String()
}

func sessionAnswer(s identity.Session) Session {
	return Session{
		AccessToken: s.AccessToken.Expose(),
		ExpiresIn:   int(s.ExpiresIn / time.Second),
		Member:      memberAnswer(s.Member.ID, s.Member.Email, s.Grants),
	}
}

func memberAnswer(id core.MemberID, email string, grants core.Grants) Member {
	m := Member{ID: id.String(), Email: email, TenantRoles: make([]TenantRole, 0, len(grants.Tenants))}
	if role := cmp.Or(grants.Platform, grants.Withheld); role != "" {
		m.PlatformRole = &role
	}
	tenants := make([]core.TenantID, 0, len(grants.Tenants))
	for tenant := range grants.Tenants {
		tenants = append(tenants, tenant)
	}
	slices.SortFunc(tenants, func(x, y core.TenantID) int { return bytes.Compare(x.UUID[:], y.UUID[:]) })
	for _, tenant := range tenants {
		m.TenantRoles = append(m.TenantRoles, TenantRole{TenantID: tenant.String(), Role: grants.Tenants[tenant]})
	}
	return m
}
