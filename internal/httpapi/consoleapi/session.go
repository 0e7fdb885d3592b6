package consoleapi

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/identity"
)

// The prefix makes the browser insist on Secure, Path=/ and no Domain.
const refreshCookie = "__Host-signet_refresh"

// The bound on a refresh token, far above what identity makes.
const maxRefreshLength = 512

// CreateSession signs in.
func (a *api) CreateSession(ctx context.Context, r CreateSessionRequestObject) (CreateSessionResponseObject, error) {
	s, err := a.identity.SignIn(ctx, clientOf(ctx), r.Body.Email, r.Body.Password.Secret, requestIDOf(ctx))
	if err != nil {
		return nil, err
	}
	return CreateSession200JSONResponse{
		Body:    sessionAnswer(s),
		Headers: CreateSession200ResponseHeaders{SetCookie: a.setCookie(s)},
	}, nil
}

// RefreshSession gives a new access token for the refresh cookie.
func (a *api) RefreshSession(ctx context.Context, r RefreshSessionRequestObject) (RefreshSessionResponseObject, error) {
	token := refreshOf(r.Params.RefreshCookie)
	if token.IsZero() {
		return nil, fault.New(fault.SessionRequired, nil)
	}
	s, err := a.identity.Refresh(ctx, token, requestIDOf(ctx))
	if err != nil {
		return nil, err
	}
	return RefreshSession200JSONResponse{
		Body:    sessionAnswer(s),
		Headers: RefreshSession200ResponseHeaders{SetCookie: a.setCookie(s)},
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
	return DeleteSession204Response{Headers: DeleteSession204ResponseHeaders{SetCookie: cookieText("", -1)}}, nil
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

func (a *api) setCookie(s identity.Session) string {
	return cookieText(s.Refresh.Expose(), max(int(s.RefreshUntil.Sub(a.now())/time.Second), 1))
}

// cookieText writes the refresh cookie; a negative age removes it.
func cookieText(value string, age int) string {
	return (&http.Cookie{
		Name: refreshCookie, Value: value, Path: "/", MaxAge: age,
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
	if grants.Platform != "" {
		m.PlatformRole = &grants.Platform
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
