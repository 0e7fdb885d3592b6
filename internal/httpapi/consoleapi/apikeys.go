package consoleapi

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"signet/internal/admin"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/httpapi"
	"signet/internal/identity"
)

// Each request with what could be an API key asks Postgres, over the few connections
// that people have: a client has ten a second on and on, and six hundred in a rush.
var keysPerClient = httpapi.Rate{PerSecond: 10, Burst: 600}

// maxKeyClients bounds the memory of it, about 100 bytes a client.
const maxKeyClients = 1 << 14

// authenticate finds out whose bearer token a request brings: a member's, or an API
// key. What is spelt wrongly is refused before it is counted, since that asks nobody.
func (a *api) authenticate(c *fiber.Ctx, v *visit) error {
	bearer, err := bearerOf(c)
	if err != nil {
		return err
	}
	v.actor, err = a.actorBehind(httpapi.EventOf(c), bearer, v)
	return err
}

func (a *api) actorBehind(event *httpapi.Event, bearer string, v *visit) (core.Actor, error) {
	if !identity.IsAPIKey(bearer) {
		actor, err := a.identity.Authenticate(event.Context(), bearer, v.requestID)
		if err == nil {
			event.Note(slog.String("member_id", actor.MemberID.String()))
		}
		return actor, err
	}
	token, err := identity.ParseAPIKey(bearer)
	if err != nil {
		return core.Actor{}, err
	}
	if !v.client.Addr().IsLoopback() { // as for intake links
		if wait := a.keys.Take(v.client, a.now()); wait > 0 {
			return core.Actor{}, fault.New(fault.RateLimitedCode, nil).WithRetryAfter(wait)
		}
	}
	actor, err := a.identity.AuthenticateAPIKey(event.Context(), v.client, token, v.requestID)
	if err == nil {
		event.Note(slog.String("api_key_id", actor.APIKeyID.String()))
	}
	return actor, err
}

// CreateAPIKey makes an API key.
func (a *api) CreateAPIKey(ctx context.Context, r CreateAPIKeyRequestObject) (CreateAPIKeyResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	n := admin.NewAPIKey{Name: r.Body.Name, Scopes: r.Body.Scopes, AppID: orEmpty(r.Body.AppID), Days: r.Body.Days}
	key, token, err := a.admin.CreateAPIKey(ctx, actorOf(ctx), tenant, n)
	if err != nil {
		return nil, err
	}
	return CreateAPIKey201JSONResponse{
		Body:    ShownAPIKey{Key: token.Text().Expose(), APIKey: a.apiKeyAnswer(key)},
		Headers: CreateAPIKey201ResponseHeaders{Location: apiKeyPath(tenant, key.ID)},
	}, nil
}

// ListAPIKeys lists the API keys of a tenant.
func (a *api) ListAPIKeys(ctx context.Context, r ListAPIKeysRequestObject) (ListAPIKeysResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	page, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListAPIKeys(ctx, actorOf(ctx), tenant, page)
	if err != nil {
		return nil, err
	}
	return ListAPIKeys200JSONResponse{Items: mapped(list.Items, a.apiKeyAnswer), NextCursor: nextCursor(list.NextCursor)}, nil
}

// GetAPIKey gives an API key.
func (a *api) GetAPIKey(ctx context.Context, r GetAPIKeyRequestObject) (GetAPIKeyResponseObject, error) {
	tenant, id, err := parseAPIKeyPath(r.TenantID, r.KeyID)
	if err != nil {
		return nil, err
	}
	key, err := a.admin.GetAPIKey(ctx, actorOf(ctx), tenant, id)
	if err != nil {
		return nil, err
	}
	return GetAPIKey200JSONResponse(a.apiKeyAnswer(key)), nil
}

// RevokeAPIKey ends an API key.
func (a *api) RevokeAPIKey(ctx context.Context, r RevokeAPIKeyRequestObject) (RevokeAPIKeyResponseObject, error) {
	tenant, id, err := parseAPIKeyPath(r.TenantID, r.KeyID)
	if err != nil {
		return nil, err
	}
	if err := a.admin.RevokeAPIKey(ctx, actorOf(ctx), tenant, id); err != nil {
		return nil, err
	}
	return RevokeAPIKey204Response{}, nil
}

// RotateAPIKey makes the successor of an API key.
func (a *api) RotateAPIKey(ctx context.Context, r RotateAPIKeyRequestObject) (RotateAPIKeyResponseObject, error) {
	tenant, id, err := parseAPIKeyPath(r.TenantID, r.KeyID)
	if err != nil {
		return nil, err
	}
	overlap, err := parseOverlap(r.Params.OverlapHours)
	if err != nil {
		return nil, err
	}
	key, token, err := a.admin.RotateAPIKey(ctx, actorOf(ctx), tenant, id, overlap)
	if err != nil {
		return nil, err
	}
	return RotateAPIKey201JSONResponse{
		Body:    ShownAPIKey{Key: token.Text().Expose(), APIKey: a.apiKeyAnswer(key)},
		Headers: RotateAPIKey201ResponseHeaders{Location: apiKeyPath(tenant, key.ID)},
	}, nil
}

func apiKeyPath(tenant core.TenantID, id core.APIKeyID) string {
	return tenantPath(tenant) + "/api-keys/" + id.String()
}

// parseAPIKeyPath reads the two ids of a path below an API key.
func parseAPIKeyPath(tenantText, keyText string) (core.TenantID, core.APIKeyID, error) {
	tenant, err := parseTenantID(tenantText)
	if err != nil {
		return tenant, core.APIKeyID{}, err
	}
	id, err := core.ParseAPIKeyID(keyText)
	return tenant, id, unknownIf(err, fault.APIKeyUnknown)
}

// parseOverlap reads how long a key goes on beside its successor.
func parseOverlap(hours *string) (time.Duration, error) {
	if hours == nil {
		return core.DefaultAPIKeyOverlap, nil
	}
	const most = int(core.MaxAPIKeyOverlap / time.Hour)
	n, err := strconv.Atoi(*hours)
	if err != nil || n < 0 || n > most || strconv.Itoa(n) != *hours {
		return 0, fault.InvalidField("?overlapHours", fault.ReasonOverlap, nil)
	}
	return time.Duration(n) * time.Hour, nil
}

func (a *api) apiKeyAnswer(k core.APIKey) APIKey {
	now := a.now()
	answer := APIKey{
		ID: k.ID.String(), Name: k.Name, Prefix: k.Prefix, Scopes: k.Scopes, State: k.State(now), MadeBy: k.MadeBy,
		CreatedAt: k.CreatedAt.UTC(), ExpiresAt: k.ExpiresAt.UTC(), LastUsedAt: utc(k.LastUsedAt),
		RevokedAt: utc(k.RevokedAt), OverlapUntil: utc(k.OverlapUntil), Notes: k.Notes(now),
	}
	if answer.Notes == nil {
		answer.Notes = []core.APIKeyNote{}
	}
	if !k.AppID.IsZero() {
		id := k.AppID.String()
		answer.AppID = &id
	}
	if k.LastUsedFrom != "" {
		answer.LastUsedNetwork = &k.LastUsedFrom
	}
	if !k.ReplacedBy.IsZero() {
		id := k.ReplacedBy.String()
		answer.ReplacedBy = &id
	}
	return answer
}
