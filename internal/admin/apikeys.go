package admin

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
)

// NewAPIKey is what an API key is made of, as it was typed.
type NewAPIKey struct {
	Name   string
	Scopes []string
	AppID  string // "": every app; only for a key whose one scope is pages.sign
	Days   *int64 // until it expires; nil: core.DefaultAPIKeyDays
}

const day = 24 * time.Hour

// CreateAPIKey makes an API key of a tenant. Its token is given out here and nowhere
// else. It fails with fault.RequestInvalid (/name, /scopes, /appId, /days), with
// fault.PermissionDenied for a scope that the actor does not hold, and with
// fault.TenantUnknown, fault.TenantLeaving or fault.AppUnknown.
func (a *Actions) CreateAPIKey(ctx context.Context, actor core.Actor, tenant core.TenantID, n NewAPIKey) (core.APIKey, core.APIKeyToken, error) {
	if err := actor.MayIn(tenant, core.APIKeysWrite); err != nil {
		return core.APIKey{}, core.APIKeyToken{}, err
	}
	key, life, err := parseAPIKey(n)
	if err != nil {
		return core.APIKey{}, core.APIKeyToken{}, err
	}
	if err := mayGiveAll(actor, tenant, key.Scopes); err != nil {
		return core.APIKey{}, core.APIKeyToken{}, err
	}
	var token core.APIKeyToken
	entry := core.AuditEntry{Action: "api_key.create", SubjectKind: "api_key", Subject: key.ID.String(), Detail: map[string]string{}}
	err = a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		if err := tx.LockAPIKeys(ctx); err != nil {
			return err
		}
		held, err := tx.CountAPIKeys(ctx)
		if err != nil {
			return err
		}
		if held >= core.MaxAPIKeys {
			return fault.InvalidField("", fault.ReasonTooMany, fault.Args{"max": strconv.Itoa(core.MaxAPIKeys)})
		}
		key, token, err = makeAPIKey(ctx, tx, tenant, key, life, entry.Detail)
		return err
	})
	return key, token, err
}

func parseAPIKey(n NewAPIKey) (core.APIKey, time.Duration, error) {
	var wrong fields
	key := core.APIKey{ID: core.NewAPIKeyID()}
	name, err := core.ParseName("/name", n.Name)
	key.Name = check(&wrong, name, err)
	scopes, err := core.ParseScopes("/scopes", n.Scopes)
	key.Scopes = check(&wrong, scopes, err)
	days := int64(core.DefaultAPIKeyDays)
	if n.Days != nil {
		if days = *n.Days; days < 1 || days > core.MaxAPIKeyDays {
			wrong.list = append(wrong.list, fault.Field{Pointer: "/days", Reason: fault.ReasonKeyDays})
		}
	}
	if n.AppID != "" {
		switch app, err := core.ParseAppID(n.AppID); {
		case err != nil:
			wrong.list = append(wrong.list, fault.Field{Pointer: "/appId", Reason: fault.ReasonID})
		case !slices.Equal(n.Scopes, []string{string(core.PagesSign)}):
			wrong.list = append(wrong.list, fault.Field{Pointer: "/appId", Reason: fault.ReasonKeyApp})
		default:
			key.AppID = app
		}
	}
	return key, time.Duration(days) * day, wrong.err()
}

// mayGiveAll tells whether nobody is made to hold more than who makes the key.
func mayGiveAll(actor core.Actor, tenant core.TenantID, scopes []core.Permission) error {
	for _, scope := range scopes {
		if err := actor.MayGiveScope(tenant, scope); err != nil {
			return err
		}
	}
	return nil
}

// makeAPIKey stores a key with a token of its own, tells the nodes, and notes what
// the key may in the audit.
func makeAPIKey(ctx context.Context, tx *store.TenantTx, tenant core.TenantID, key core.APIKey, life time.Duration, detail map[string]string) (core.APIKey, core.APIKeyToken, error) {
	token := core.NewAPIKeyToken(tenant, key.ID)
	key.Prefix = token.Shown()
	made, err := tx.CreateAPIKey(ctx, store.NewAPIKey{APIKey: key, Hash: token.Hash(), SignHash: token.SignHash(), Life: life})
	if err != nil {
		return core.APIKey{}, core.APIKeyToken{}, err
	}
	detail["name"], detail["prefix"], detail["scopes"] = made.Name, made.Prefix, scopesText(made.Scopes)
	noteTime(detail, "expires_at", &made.ExpiresAt)
	if !made.AppID.IsZero() {
		detail["app_id"] = made.AppID.String()
	}
	return made, token, tx.Announce(ctx, store.Change{Kind: store.APIKeyChanged})
}

func scopesText(scopes []core.Permission) string {
	texts := make([]string, len(scopes))
	for n, scope := range scopes {
		texts[n] = string(scope)
	}
	return strings.Join(texts, " ")
}

// GetAPIKey gives an API key without its token, and the time by which its state is
// told.
func (a *Actions) GetAPIKey(ctx context.Context, actor core.Actor, tenant core.TenantID, key core.APIKeyID) (core.APIKey, error) {
	return read(ctx, a, actor, tenant, core.APIKeysRead, func(tx *store.TenantTx) (core.APIKey, error) {
		return tx.GetAPIKey(ctx, key)
	})
}

// ListAPIKeys gives a tenant's API keys, newest first, without their tokens.
func (a *Actions) ListAPIKeys(ctx context.Context, actor core.Actor, tenant core.TenantID, p core.Page) (core.List[core.APIKey], error) {
	return read(ctx, a, actor, tenant, core.APIKeysRead, func(tx *store.TenantTx) (core.List[core.APIKey], error) {
		return tx.ListAPIKeys(ctx, p)
	})
}

// RevokeAPIKey ends an API key; one that is over already stays so. It fails with
// fault.APIKeyUnknown. The key is refused on every node within two seconds.
func (a *Actions) RevokeAPIKey(ctx context.Context, actor core.Actor, tenant core.TenantID, id core.APIKeyID) error {
	if err := actor.MayIn(tenant, core.APIKeysWrite); err != nil {
		return err
	}
	entry := core.AuditEntry{Action: "api_key.revoke", SubjectKind: "api_key", Subject: id.String(), Detail: map[string]string{}}
	return a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		key, now, err := lockAPIKey(ctx, tx, id)
		if err != nil {
			return err
		}
		if !key.Lives(now) {
			return errUnchanged
		}
		entry.Detail["name"], entry.Detail["prefix"] = key.Name, key.Prefix
		if err := tx.RevokeAPIKey(ctx, id); err != nil {
			return err
		}
		return tx.Announce(ctx, store.Change{Kind: store.APIKeyChanged})
	})
}

// lockAPIKey gives a key as it stays until the transaction ends, and the time.
func lockAPIKey(ctx context.Context, tx *store.TenantTx, id core.APIKeyID) (core.APIKey, time.Time, error) {
	if _, err := tx.GetTenant(ctx); err != nil {
		return core.APIKey{}, time.Time{}, err
	}
	if err := tx.LockAPIKeys(ctx); err != nil {
		return core.APIKey{}, time.Time{}, err
	}
	key, err := tx.GetAPIKey(ctx, id)
	if err != nil {
		return key, time.Time{}, err
	}
	now, err := tx.Now(ctx)
	return key, now, err
}

// RotateAPIKey makes the successor of an API key: of the same name, scopes, app and
// length of life. The key itself goes on for overlap, and ends now if that is zero.
// It fails with fault.APIKeyOver for one that is over, with fault.APIKeyRotating while
// it, or the one that it has replaced, goes on beside its successor, and as
// CreateAPIKey does.
func (a *Actions) RotateAPIKey(ctx context.Context, actor core.Actor, tenant core.TenantID, id core.APIKeyID, overlap time.Duration) (core.APIKey, core.APIKeyToken, error) {
	if err := actor.MayIn(tenant, core.APIKeysWrite); err != nil {
		return core.APIKey{}, core.APIKeyToken{}, err
	}
	if overlap < 0 || overlap > core.MaxAPIKeyOverlap {
		return core.APIKey{}, core.APIKeyToken{}, fault.InvalidField("?overlapHours", fault.ReasonOverlap, nil)
	}
	next := core.APIKey{ID: core.NewAPIKeyID()}
	var token core.APIKeyToken
	entry := core.AuditEntry{Action: "api_key.rotate", SubjectKind: "api_key", Subject: id.String(), Detail: map[string]string{"successor": next.ID.String()}}
	err := a.change(ctx, actor, tenant, entry, func(tx *store.TenantTx) error {
		key, now, err := lockAPIKey(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := refuseRotation(ctx, tx, key, now); err != nil {
			return err
		}
		if err := mayGiveAll(actor, tenant, key.Scopes); err != nil {
			return err
		}
		next.Name, next.Scopes, next.AppID = key.Name, key.Scopes, key.AppID
		if next, token, err = makeAPIKey(ctx, tx, tenant, next, key.ExpiresAt.Sub(key.CreatedAt), entry.Detail); err != nil {
			return err
		}
		former, err := tx.ReplaceAPIKey(ctx, id, next.ID, overlap)
		noteTime(entry.Detail, "overlap_until", former.OverlapUntil)
		return err
	})
	return next, token, err
}

func refuseRotation(ctx context.Context, tx *store.TenantTx, key core.APIKey, now time.Time) error {
	switch state := key.State(now); state {
	case core.APIKeyActive:
	case core.APIKeyOverlapping:
		return fault.New(fault.APIKeyRotating, fault.Args{"old": key.Prefix})
	case core.APIKeyReplaced, core.APIKeyExpired, core.APIKeyRevoked:
		return fault.New(fault.APIKeyOver, nil)
	}
	former, overlaps, err := tx.FindReplacedAPIKey(ctx, key.ID)
	if err == nil && overlaps {
		err = fault.New(fault.APIKeyRotating, fault.Args{"old": former.Prefix})
	}
	return err
}
