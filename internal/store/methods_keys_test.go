package store_test

import (
	"context"
	"errors"

	"signet/internal/core"
	"signet/internal/store"
)

// keysCalls has a row for each method of KeysTx. Each succeeds through the keys'
// door where r is a tenant that is there.
var keysCalls = map[string]keysCall{
	"Audit": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		return nil, tx.Audit(ctx, core.AuditEntry{Action: "test.audit", SubjectKind: "test", Subject: "test"})
	},
	"CountKeys": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		counts, err := tx.CountKeys(ctx)
		return counts[1].Sum(), err
	},
	"CountPlatformSealed": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		counts, err := tx.CountPlatformSealed(ctx)
		return len(counts), err
	},
	"DeleteRootKeys": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		gone, err := tx.DeleteRootKeys(ctx, 2)
		if errors.Is(err, store.ErrRootKeyInUse) { // by the tenant, and that is seen through any door
			return "in use", nil
		}
		return len(gone), err
	},
	"DeleteWrap": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		return nil, tx.DeleteWrap(ctx, 1, "age1test")
	},
	"ListPlatformKeys": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		keys, err := tx.ListPlatformKeys(ctx)
		return len(keys), err
	},
	"ListPlatformSealed": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		values, err := tx.ListPlatformSealed(ctx)
		return len(values), err
	},
	"ListRootKeys": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		keys, err := tx.ListRootKeys(ctx)
		return len(keys), err
	},
	"ListTenantKeys": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		keys, err := tx.ListTenantKeys(ctx, store.ScopeKey{}, 10)
		return len(keys), err
	},
	"LockRootKeys": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		return nil, tx.LockRootKeys(ctx)
	},
	"NewestPlatformKey": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		_, found, err := tx.NewestPlatformKey(ctx)
		return found, err
	},
	"PutPlatformKey": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		return nil, tx.PutPlatformKey(ctx, store.WrappedKey{Version: 2, RootEpoch: 1, Wrapped: []byte("newer")})
	},
	"PutPlatformResealed": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		return nil, tx.PutPlatformResealed(ctx, []store.PlatformValue{{Kind: store.ValueOfSessionKey, Subject: "none", Sealed: []byte("anew"), KeyVersion: 2}})
	},
	"PutRootKey": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		k := commonRootKey
		k.Epoch = 2
		return nil, tx.PutRootKey(ctx, k)
	},
	"PutWraps": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		return nil, tx.PutWraps(ctx, commonRootKey)
	},
	"RetirePlatformKeys": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		if err := tx.PutPlatformKey(ctx, store.WrappedKey{Version: 7, RootEpoch: 1, Wrapped: []byte("old")}); err != nil {
			return nil, err
		}
		retired, _, err := tx.RetirePlatformKeys(ctx, 8)
		return len(retired), err
	},
	"RewrapKeys": func(ctx context.Context, tx *store.KeysTx, r tenantRows) (any, error) {
		k := store.ScopeKey{TenantID: r.ID, WrappedKey: store.WrappedKey{Version: 1, RootEpoch: 1, Wrapped: []byte("anew")}}
		return nil, tx.RewrapKeys(ctx, []store.ScopeKey{k})
	},
	"TakePlatformSealed": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		values, err := tx.TakePlatformSealed(ctx, store.ValueOfSessionKey, 2, "", 10)
		return len(values), err
	},
	"TakeKeys": func(ctx context.Context, tx *store.KeysTx, _ tenantRows) (any, error) {
		keys, err := tx.TakeKeys(ctx, 2, store.ScopeKey{}, 10)
		return len(keys), err
	},
}
