package consoleapi

import (
	"context"
	"encoding/hex"

	"signet/internal/core"
)

// ListAudit lists what was done in a tenant, newest first.
func (a *api) ListAudit(ctx context.Context, r ListAuditRequestObject) (ListAuditResponseObject, error) {
	tenant, err := parseTenantID(r.TenantID)
	if err != nil {
		return nil, err
	}
	page, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListAudit(ctx, actorOf(ctx), tenant, page)
	if err != nil {
		return nil, err
	}
	return ListAudit200JSONResponse{Items: mapped(list.Items, auditAnswer), NextCursor: nextCursor(list.NextCursor)}, nil
}

// ListPlatformAudit lists what was done on the platform, newest first.
func (a *api) ListPlatformAudit(ctx context.Context, r ListPlatformAuditRequestObject) (ListPlatformAuditResponseObject, error) {
	page, err := parsePage(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := a.admin.ListPlatformAudit(ctx, actorOf(ctx), page)
	if err != nil {
		return nil, err
	}
	return ListPlatformAudit200JSONResponse{Items: mapped(list.Items, auditAnswer), NextCursor: nextCursor(list.NextCursor)}, nil
}

func auditAnswer(row core.AuditRow) AuditRow {
	return AuditRow{
		Seq:          row.Seq,
		At:           row.At.UTC(),
		Action:       row.Action,
		Subject:      AuditSubject{Kind: row.SubjectKind, ID: row.Subject},
		Actor:        AuditActor{Kind: row.ActorKind, ID: row.ActorID, Name: row.ActorName},
		Detail:       row.Detail,
		RequestID:    row.RequestID,
		PreviousHash: hex.EncodeToString(row.PreviousHash),
		Hash:         hex.EncodeToString(row.Hash),
		Mac:          hex.EncodeToString(row.MAC),
		MacKey:       row.MACKey,
	}
}
