package consoleapi

import (
	"context"
	"sync"
	"time"

	"signet/internal/admin"
	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/replay"
)

func theAPIKey() core.APIKey {
	return core.APIKey{ID: keyID, Name: "夜间同步", Prefix: "signet_abcdefgh…", Scopes: []core.Permission{core.AppsWrite, core.TenantRead}, MadeBy: goodEmail,
		CreatedAt: noon, ExpiresAt: noon.Add(90 * 24 * time.Hour)}
}

func checkKey(tenant core.TenantID, key core.APIKeyID) error {
	if err := checkPlace(tenant, appID); err != nil {
		return err
	}
	if key != keyID {
		return fault.New(fault.APIKeyUnknown, nil)
	}
	return nil
}

func (a *actions) CreateAPIKey(_ context.Context, actor core.Actor, tenant core.TenantID, n admin.NewAPIKey) (core.APIKey, core.APIKeyToken, error) {
	if err := checkPlace(tenant, appID); err != nil {
		return core.APIKey{}, core.APIKeyToken{}, err
	}
	if _, err := core.ParseScopes("/scopes", n.Scopes); err != nil {
		return core.APIKey{}, core.APIKeyToken{}, err
	}
	return theAPIKey(), goodKey, a.changed(actor, "CreateAPIKey", n)
}

func (a *actions) GetAPIKey(_ context.Context, _ core.Actor, tenant core.TenantID, key core.APIKeyID) (core.APIKey, error) {
	return theAPIKey(), checkKey(tenant, key)
}

func (a *actions) ListAPIKeys(_ context.Context, _ core.Actor, tenant core.TenantID, p core.Page) (core.List[core.APIKey], error) {
	over, replaced := theAPIKey(), theAPIKey()
	over.RevokedAt, over.LastUsedAt, over.LastUsedFrom = &noon, &noon, "192.0.2.7/32"
	until := noon.Add(time.Hour)
	replaced.ReplacedBy, replaced.OverlapUntil, replaced.AppID = core.NewAPIKeyID(), &until, appID
	return core.List[core.APIKey]{Items: []core.APIKey{theAPIKey(), over, replaced}, NextCursor: a.sees(p)}, checkPlace(tenant, appID)
}

func (a *actions) RevokeAPIKey(_ context.Context, actor core.Actor, tenant core.TenantID, key core.APIKeyID) error {
	if err := checkKey(tenant, key); err != nil {
		return err
	}
	return a.changed(actor, "RevokeAPIKey", key)
}

func (a *actions) RotateAPIKey(_ context.Context, actor core.Actor, tenant core.TenantID, key core.APIKeyID, overlap time.Duration) (core.APIKey, core.APIKeyToken, error) {
	if err := checkKey(tenant, key); err != nil {
		return core.APIKey{}, core.APIKeyToken{}, err
	}
	return theAPIKey(), goodKey, a.changed(actor, "RotateAPIKey", overlap)
}

// calls keeps answers as the keeper does, for as long as a test.
type calls struct {
	mu     sync.Mutex // guards what follows
	begun  []replay.Call
	kept   map[string]replay.Answer
	failed []error
	last   string
}

func newCalls() *calls { return &calls{kept: map[string]replay.Answer{}} }

func (k *calls) Begin(_ context.Context, c replay.Call) (replay.Run, *replay.Answer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.begun = append(k.begun, c)
	k.last = c.Actor.ID() + " " + c.Tenant.String() + " " + c.Key
	if a, ok := k.kept[k.last]; ok {
		return replay.Run{}, &a, nil
	}
	return replay.Run{}, nil, nil
}

func (k *calls) End(_ context.Context, _ replay.Run, a replay.Answer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept[k.last] = a
}

func (k *calls) Fail(_ context.Context, _ replay.Run, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failed = append(k.failed, err)
}
