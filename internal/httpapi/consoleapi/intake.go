package consoleapi

import (
	"context"
	"net/netip"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/httpapi"
)

// Nobody has to sign in to hand a secret in, and each request with what could be a
// link asks Postgres, over the few connections that people have. So a client has as
// many as for signing in: sixty in a rush and thirty a minute on and on.
var intakePerClient = httpapi.Rate{PerSecond: 0.5, Burst: 60}

// maxIntakeClients bounds the memory of it, about 100 bytes a client.
const maxIntakeClients = 1 << 14

// takeIntake counts a request with a link. It fails with fault.RateLimitedCode. A
// client on the machine itself is not counted: it is a proxy that is not listed,
// behind which everybody would share one allowance.
func (a *api) takeIntake(ctx context.Context) error { return a.take(a.intakes, clientOf(ctx)) }

func (a *api) take(from *httpapi.Limiter[netip.Prefix], client netip.Prefix) error {
	if client.Addr().IsLoopback() {
		return nil
	}
	if wait := from.Take(client, a.now()); wait > 0 {
		return fault.New(fault.RateLimitedCode, nil).WithRetryAfter(wait)
	}
	return nil
}

// CreateIntakeLink makes a one-time address for handing a secret in.
func (a *api) CreateIntakeLink(ctx context.Context, r CreateIntakeLinkRequestObject) (CreateIntakeLinkResponseObject, error) {
	tenant, app, err := parseAppPath(r.TenantID, r.AppID)
	if err != nil {
		return nil, err
	}
	link, token, err := a.admin.CreateIntakeLink(ctx, actorOf(ctx), tenant, app)
	if err != nil {
		return nil, err
	}
	state, _ := link.State(a.now())
	return CreateIntakeLink201JSONResponse{
		ID: link.ID.String(), AppID: link.AppID.String(), State: state, MadeBy: link.MadeBy,
		CreatedAt: link.CreatedAt.UTC(), ExpiresAt: link.ExpiresAt.UTC(),
		Address: token.Address(a.consoleURL).Expose(),
	}, nil
}

// ListIntakeLinks lists the intake links of an app.
func (a *api) ListIntakeLinks(ctx context.Context, r ListIntakeLinksRequestObject) (ListIntakeLinksResponseObject, error) {
	tenant, app, err := parseAppPath(r.TenantID, r.AppID)
	if err != nil {
		return nil, err
	}
	page, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListIntakeLinks(ctx, actorOf(ctx), tenant, app, page)
	if err != nil {
		return nil, err
	}
	return ListIntakeLinks200JSONResponse{Items: mapped(list.Items, a.intakeAnswer), NextCursor: nextCursor(list.NextCursor)}, nil
}

// RevokeIntakeLink takes an intake link back.
func (a *api) RevokeIntakeLink(ctx context.Context, r RevokeIntakeLinkRequestObject) (RevokeIntakeLinkResponseObject, error) {
	tenant, app, err := parseAppPath(r.TenantID, r.AppID)
	if err != nil {
		return nil, err
	}
	link, err := parseIntakeID(r.LinkID)
	if err != nil {
		return nil, err
	}
	if err := a.admin.RevokeIntakeLink(ctx, actorOf(ctx), tenant, app, link); err != nil {
		return nil, err
	}
	return RevokeIntakeLink204Response{}, nil
}

// ReadIntake tells who has a link what it is for.
func (a *api) ReadIntake(ctx context.Context, r ReadIntakeRequestObject) (ReadIntakeResponseObject, error) {
	if err := a.takeIntake(ctx); err != nil {
		return nil, err
	}
	intake, err := a.admin.ReadIntake(ctx, r.Body.Token.Expose(), requestIDOf(ctx))
	if err != nil {
		return nil, err
	}
	return ReadIntake200JSONResponse{
		TenantName: intake.Tenant.Name, AppName: intake.App.Name,
		CorpID: string(intake.App.CorpID), AgentID: string(intake.App.AgentID), ExpiresAt: intake.Link.ExpiresAt.UTC(),
	}, nil
}

// HandInSecret takes the secret that somebody hands in with a link.
func (a *api) HandInSecret(ctx context.Context, r HandInSecretRequestObject) (HandInSecretResponseObject, error) {
	if err := a.takeIntake(ctx); err != nil {
		return nil, err
	}
	version, err := a.admin.HandInSecret(ctx, r.Body.Token.Expose(), r.Body.Secret.Secret, requestIDOf(ctx))
	if err != nil {
		return nil, err
	}
	return HandInSecret201JSONResponse{State: version.State}, nil
}

func (a *api) intakeAnswer(l core.IntakeLink) IntakeLink {
	state, _ := l.State(a.now())
	answer := IntakeLink{
		ID: l.ID.String(), AppID: l.AppID.String(), State: state, MadeBy: l.MadeBy,
		CreatedAt: l.CreatedAt.UTC(), ExpiresAt: l.ExpiresAt.UTC(), UsedAt: utc(l.UsedAt), RevokedAt: utc(l.RevokedAt),
	}
	if l.UsedVersion > 0 {
		answer.UsedVersion = &l.UsedVersion
	}
	return answer
}
