package store_test

import (
	"context"
	"maps"
	"strings"
	"time"

	"signet/internal/core"
	"signet/internal/store"
)

// joined gives the rows of two tables.
func joined[C any](one, other map[string]C) map[string]C {
	both := maps.Clone(one)
	maps.Copy(both, other)
	return both
}

// apiKeyCalls are the rows of tenantCalls about API keys and answers.
var apiKeyCalls = map[string]tenantCall{
	"BeginAnswer": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return tx.BeginAnswer(ctx, r.Answer) // there is one
	},
	"FindAnswer": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		a, found, err := tx.FindAnswer(ctx, r.Answer.Answer)
		return []any{string(a.Sealed), a.State, found}, err
	},
	"EndAnswer": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		fresh := r.Answer
		fresh.Answer = strings.Repeat("1", 64)
		if _, err := tx.BeginAnswer(ctx, fresh); err != nil {
			return nil, err
		}
		fresh.State = store.AnswerFree
		return tx.EndAnswer(ctx, fresh)
	},
	"CreateAPIKey": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		_, err := tx.CreateAPIKey(ctx, r.apiKey(core.NewAPIKeyID(), "new"))
		return nil, err
	},
	"GetAPIKey": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		key, err := tx.GetAPIKey(ctx, r.APIKey)
		return key.Name, err
	},
	"FindAPIKey": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		key, found, err := tx.FindAPIKey(ctx, r.APIKey)
		return []any{key.Name, key.Hash, key.Suspended, found}, err
	},
	"ListAPIKeys": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		list, err := tx.ListAPIKeys(ctx, wholePage)
		return len(list.Items), err
	},
	"CountAPIKeys": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) { return tx.CountAPIKeys(ctx) },
	"LockAPIKeys": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		return nil, tx.LockAPIKeys(ctx)
	},
	"ReplaceAPIKey": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		_, err := tx.ReplaceAPIKey(ctx, r.APIKey, core.NewAPIKeyID(), time.Minute)
		return nil, err
	},
	"FindReplacedAPIKey": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		next := core.NewAPIKeyID()
		if _, err := tx.ReplaceAPIKey(ctx, r.APIKey, next, time.Minute); err != nil {
			return nil, err
		}
		_, found, err := tx.FindReplacedAPIKey(ctx, next)
		return found, err
	},
	"RevokeAPIKey": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.RevokeAPIKey(ctx, r.APIKey)
	},
	"UseAPIKey": func(ctx context.Context, tx *store.TenantTx, r tenantRows) (any, error) {
		return nil, tx.UseAPIKey(ctx, r.APIKey, time.Now(), "192.0.2.7/32")
	},
}

// platformAnswerCalls are the rows of platformCalls about API keys and answers.
var platformAnswerCalls = map[string]platformCall{
	"BeginAnswer": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		return tx.BeginAnswer(ctx, r.Answer)
	},
	"FindAnswer": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		_, found, err := tx.FindAnswer(ctx, r.Answer.Answer)
		return found, err
	},
	"EndAnswer": func(ctx context.Context, tx *store.PlatformTx, r tenantRows) (any, error) {
		if _, err := tx.BeginAnswer(ctx, r.Answer); err != nil {
			return nil, err
		}
		return tx.EndAnswer(ctx, r.keptAnswer("new"))
	},
	"NewestPlatformKey": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		_, found, err := tx.NewestPlatformKey(ctx)
		return found, err
	},
	"TrimAPIKeys": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) { return tx.TrimAPIKeys(ctx) },
	"TrimAnswers": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) { return tx.TrimAnswers(ctx) },
}

// signingKeyCalls are the rows of systemCalls about API keys.
var signingKeyCalls = map[string]systemCall{
	"ListEverySigningKey": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		keys, err := tx.ListEverySigningKey(ctx)
		return len(keys), err
	},
	"ListSigningKeys": func(ctx context.Context, tx *store.SystemTx, r tenantRows) (any, error) {
		keys, err := tx.ListSigningKeys(ctx, []core.TenantID{r.ID})
		return len(keys), err
	},
}
