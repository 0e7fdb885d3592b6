package store_test

import (
	"context"
	"time"

	"signet/internal/core"
	"signet/internal/store"
)

var longAgo, farOff = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)

// The calls of what reads the audit whole and keeps its keys, for the tables of
// methods_test.go.
var auditCalls = map[string]tenantCall{
	"GetAuditEnd": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		end, err := tx.GetAuditEnd(ctx)
		return []any{end.Headed, end.Seq, end.Last}, err
	},
	"ReadAudit": func(ctx context.Context, tx *store.TenantTx, _ tenantRows) (any, error) {
		rows, err := tx.ReadAudit(ctx, store.AuditSpan{Until: 100, From: longAgo, To: farOff}, 10)
		return len(rows), err
	},
}

var platformAuditCalls = map[string]platformCall{
	"AuditBy": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		sign := func(core.AuditChain, []byte) ([]byte, string, error) { return []byte("mac"), "k1", nil }
		return nil, tx.AuditBy(ctx, sign, core.AuditEntry{Action: "test.audit", SubjectKind: "test", Subject: "test"})
	},
	"CreateAuditKey": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return nil, tx.CreateAuditKey(ctx, store.AuditKeyRow{ID: "k1", PublicKey: []byte("public"), Sealed: []byte("sealed"), KeyVersion: 1})
	},
	"GetAuditEnd": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		end, err := tx.GetAuditEnd(ctx)
		return end.Headed, err
	},
	"ListAudit": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		list, err := tx.ListAudit(ctx, wholePage)
		return len(list.Items), err
	},
	"ListAuditKeys": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		keys, err := tx.ListAuditKeys(ctx)
		return len(keys), err
	},
	"LockAuditKeys": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		return nil, tx.LockAuditKeys(ctx)
	},
	"ReadAudit": func(ctx context.Context, tx *store.PlatformTx, _ tenantRows) (any, error) {
		rows, err := tx.ReadAudit(ctx, store.AuditSpan{Until: 100, From: longAgo, To: farOff}, 10)
		return len(rows), err
	},
}

var systemAuditCalls = map[string]systemCall{
	"ListAuditHeads": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		heads, err := tx.ListAuditHeads(ctx)
		return len(heads), err
	},
	"ListAuditedTenants": func(ctx context.Context, tx *store.SystemTx, _ tenantRows) (any, error) {
		tenants, err := tx.ListAuditedTenants(ctx)
		return len(tenants), err
	},
}
