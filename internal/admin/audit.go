package admin

import (
	"context"
	"strconv"
	"time"

	"signet/internal/core"
	"signet/internal/store"
)

// ListAudit gives a tenant's audit, newest first. Who reads it and is no member of the
// tenant stands in it afterwards.
func (a *Actions) ListAudit(ctx context.Context, actor core.Actor, tenant core.TenantID, p core.Page) (core.List[core.AuditRow], error) {
	return read(ctx, a, actor, tenant, core.AuditRead, func(tx *store.TenantTx) (core.List[core.AuditRow], error) {
		list, err := tx.ListAudit(ctx, p)
		if err != nil {
			return list, err
		}
		detail := map[string]string{"what": "list"}
		if n := len(list.Items); n > 0 {
			detail["from"], detail["until"] = strconv.FormatInt(list.Items[n-1].Seq, 10), strconv.FormatInt(list.Items[0].Seq, 10)
		}
		return list, noteReading(ctx, tx, actor, tenant, detail)
	})
}

// noteReading writes a row of its own for who reads the audit of a tenant that is not
// theirs. Where that fails nothing is given out.
func noteReading(ctx context.Context, tx *store.TenantTx, actor core.Actor, tenant core.TenantID, detail map[string]string) error {
	if _, belongs := actor.Grants.Tenants[tenant]; belongs {
		return nil
	}
	return tx.Audit(ctx, core.AuditEntry{Action: "audit.read", SubjectKind: "tenant", Subject: tenant.String(), Detail: detail})
}

// ListPlatformAudit gives the platform's own audit, newest first.
func (a *Actions) ListPlatformAudit(ctx context.Context, actor core.Actor, p core.Page) (core.List[core.AuditRow], error) {
	var list core.List[core.AuditRow]
	if err := actor.May(core.PlatformAudit); err != nil {
		return list, err
	}
	err := a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) (err error) {
		list, err = tx.ListAudit(ctx, p)
		return err
	})
	return list, err
}

// AuditExtract says what of a chain is to be exported, and in which form, which the
// audit tells of.
type AuditExtract struct {
	Format   string
	From, To time.Time // from From on, before To; zero: no bound
}

// AuditExport hands a chain out page by page, oldest row first. It belongs to one
// goroutine.
type AuditExport struct {
	Chain core.AuditChain
	after int64
	read  ReadRows
}

// ReadRows gives some rows behind the given one, none where there are no more.
type ReadRows func(ctx context.Context, after int64) ([]core.AuditRow, error)

// NewAuditExport makes an export of a chain.
func NewAuditExport(chain core.AuditChain, read ReadRows) *AuditExport {
	return &AuditExport{Chain: chain, read: read}
}

const exportRows = 1000

// Next gives the next rows, none at the end. It holds no transaction between two calls:
// rows are never changed, so those up to the last one at the beginning are a snapshot.
func (e *AuditExport) Next(ctx context.Context) ([]core.AuditRow, error) {
	rows, err := e.read(ctx, e.after)
	if n := len(rows); err == nil && n > 0 {
		e.after = rows[n-1].Seq
	}
	return rows, err
}

// ExportAudit gives a tenant's whole audit out, up to the row that tells of the export
// where it is one of another's.
func (a *Actions) ExportAudit(ctx context.Context, actor core.Actor, tenant core.TenantID, x AuditExtract) (*AuditExport, error) {
	end, err := read(ctx, a, actor, tenant, core.AuditRead, func(tx *store.TenantTx) (end store.AuditEnd, err error) {
		detail := map[string]string{"what": "export", "format": x.Format}
		for name, at := range map[string]time.Time{"from_time": x.From, "to_time": x.To} {
			if !at.IsZero() {
				detail[name] = at.UTC().Format(time.RFC3339)
			}
		}
		if err := noteReading(ctx, tx, actor, tenant, detail); err != nil {
			return end, err
		}
		return tx.GetAuditEnd(ctx)
	})
	return NewAuditExport(core.TenantChain(tenant), func(ctx context.Context, after int64) (rows []core.AuditRow, err error) {
		err = a.Store.Tenant(ctx, actor, tenant, func(tx *store.TenantTx) error {
			rows, err = tx.ReadAudit(ctx, store.AuditSpan{After: after, Until: end.Seq, From: x.From, To: x.To}, exportRows)
			return err
		})
		return rows, err
	}), err
}

// ExportPlatformAudit gives the platform's own audit out.
func (a *Actions) ExportPlatformAudit(ctx context.Context, actor core.Actor, x AuditExtract) (*AuditExport, error) {
	if err := actor.May(core.PlatformAudit); err != nil {
		return nil, err
	}
	var end store.AuditEnd
	err := a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) (err error) {
		end, err = tx.GetAuditEnd(ctx)
		return err
	})
	return NewAuditExport(core.PlatformChain, func(ctx context.Context, after int64) (rows []core.AuditRow, err error) {
		err = a.Store.Platform(ctx, actor, func(tx *store.PlatformTx) error {
			rows, err = tx.ReadAudit(ctx, store.AuditSpan{After: after, Until: end.Seq, From: x.From, To: x.To}, exportRows)
			return err
		})
		return rows, err
	}), err
}

// SignAuditHead gives a signed statement of where a tenant's audit ends, to be kept
// elsewhere: with the row that tells of it, where it is another's.
func (a *Actions) SignAuditHead(ctx context.Context, actor core.Actor, tenant core.TenantID) ([]byte, error) {
	return read(ctx, a, actor, tenant, core.AuditRead, func(tx *store.TenantTx) ([]byte, error) {
		if err := noteReading(ctx, tx, actor, tenant, map[string]string{"what": "checkpoint"}); err != nil {
			return nil, err
		}
		end, err := tx.GetAuditEnd(ctx)
		if err != nil {
			return nil, err
		}
		heads := []core.AuditHead{}
		if end.Seq > 0 {
			heads = append(heads, core.AuditHead{Chain: core.TenantChain(tenant), Seq: end.Seq, Hash: end.Hash})
		}
		return a.Checkpoint(heads, time.Now()), nil
	})
}
