package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"signet/internal/core"
	"signet/internal/fault"
)

const auditColumns = `seq, at, actor_kind, coalesce(actor_id::text, ''), actor_name, action, subject_kind, subject, detail, request_id, previous_hash, hash, mac, coalesce(mac_key, '')`

// scanAudit reads a row as it is, also one that somebody has changed to what Signet
// never writes: such a one has the zero time, or a detail that gives another hash.
func scanAudit(row pgx.CollectableRow) (core.AuditRow, error) {
	var r core.AuditRow
	var at pgtype.Timestamptz
	var detail []byte
	err := row.Scan(&r.Seq, &at, &r.ActorKind, &r.ActorID, &r.ActorName, &r.Action, &r.SubjectKind, &r.Subject,
		&detail, &r.RequestID, &r.PreviousHash, &r.Hash, &r.MAC, &r.MACKey)
	if at.InfinityModifier == pgtype.Finite {
		r.At = at.Time
	}
	r.Detail = readDetail(detail)
	return r, err
}

// unreadable is the member under which a detail that is no map of texts is shown.
const unreadable = "(unreadable)"

func readDetail(text []byte) map[string]string {
	var found map[string]*string // a JSON null is not the empty text
	if json.Unmarshal(text, &found) != nil || found == nil {
		return map[string]string{unreadable: string(text)}
	}
	detail := make(map[string]string, len(found))
	for name, value := range found {
		if value == nil {
			return map[string]string{unreadable: string(text)}
		}
		detail[name] = *value
	}
	return detail
}

const (
	listAudit = `
SELECT ` + auditColumns + `
FROM signet.audit
WHERE tenant_id = $1 AND seq < $2
ORDER BY seq DESC
LIMIT $3`

	listPlatformAudit = `
SELECT ` + auditColumns + `
FROM signet.platform_audit
WHERE seq < $1
ORDER BY seq DESC
LIMIT $2`
)

// ListAudit gives the tenant's audit, newest first.
func (tx *TenantTx) ListAudit(ctx context.Context, p core.Page) (core.List[core.AuditRow], error) {
	return listChain(ctx, tx.tx, auditList, p, listAudit, tx.tenantID)
}

// ListAudit gives the platform's audit, newest first.
func (tx *PlatformTx) ListAudit(ctx context.Context, p core.Page) (core.List[core.AuditRow], error) {
	return listChain(ctx, tx.tx, platformAudit, p, listPlatformAudit)
}

func listChain(ctx context.Context, q querier, l list, p core.Page, sql string, scope ...any) (core.List[core.AuditRow], error) {
	before, err := parseNumber(l, p.Cursor)
	if err != nil {
		return core.List[core.AuditRow]{}, err
	}
	items, err := all(ctx, q, scanAudit, sql, append(scope, before, p.Limit+1)...)
	return pageByNumber(l, items, p.Limit, func(r core.AuditRow) int64 { return r.Seq }), err
}

// AuditSpan says which rows of a chain to read: those behind After, up to and with
// Until, from From on and before To.
type AuditSpan struct {
	After, Until int64
	From, To     time.Time // zero: no bound
}

func (s AuditSpan) bounds() (from, to any) {
	if !s.From.IsZero() {
		from = s.From
	}
	if !s.To.IsZero() {
		to = s.To
	}
	return from, to
}

const (
	readAudit = `
SELECT ` + auditColumns + `
FROM signet.audit
WHERE tenant_id = $1 AND seq > $2 AND seq <= $3 AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5)
ORDER BY seq
LIMIT $6`

	readPlatformAudit = `
SELECT ` + auditColumns + `
FROM signet.platform_audit
WHERE seq > $1 AND seq <= $2 AND ($3::timestamptz IS NULL OR at >= $3) AND ($4::timestamptz IS NULL OR at < $4)
ORDER BY seq
LIMIT $5`
)

// ReadAudit gives at most limit rows of the tenant's chain, oldest first.
func (tx *TenantTx) ReadAudit(ctx context.Context, s AuditSpan, limit int) ([]core.AuditRow, error) {
	from, to := s.bounds()
	return all(ctx, tx.tx, scanAudit, readAudit, tx.tenantID, s.After, s.Until, from, to, limit)
}

// ReadAudit gives at most limit rows of the platform's chain, oldest first.
func (tx *PlatformTx) ReadAudit(ctx context.Context, s AuditSpan, limit int) ([]core.AuditRow, error) {
	from, to := s.bounds()
	return all(ctx, tx.tx, scanAudit, readPlatformAudit, s.After, s.Until, from, to, limit)
}

// AuditEnd is where a chain ends, by its head and by its rows, seen at one moment.
type AuditEnd struct {
	Headed bool // there is a head; else Seq is 0
	Seq    int64
	Hash   []byte
	Last   int64 // the highest number of a row; 0: there is none
}

func scanAuditEnd(row pgx.CollectableRow) (AuditEnd, error) {
	var e AuditEnd
	err := row.Scan(&e.Headed, &e.Seq, &e.Hash, &e.Last)
	return e, err
}

const (
	selectAuditEnd = `
SELECT h.seq IS NOT NULL, coalesce(h.seq, 0), coalesce(h.hash, ''::bytea), coalesce((SELECT max(a.seq) FROM signet.audit a WHERE a.tenant_id = $1), 0)
FROM (SELECT) one
LEFT JOIN signet.audit_heads h ON h.tenant_id = $1`

	selectPlatformAuditEnd = `
SELECT h.seq IS NOT NULL, coalesce(h.seq, 0), coalesce(h.hash, ''::bytea), coalesce((SELECT max(a.seq) FROM signet.platform_audit a), 0)
FROM (SELECT) one
LEFT JOIN signet.platform_audit_head h ON true`
)

// GetAuditEnd tells where the tenant's chain ends.
func (tx *TenantTx) GetAuditEnd(ctx context.Context) (AuditEnd, error) {
	return one(ctx, tx.tx, fault.InternalError, scanAuditEnd, selectAuditEnd, tx.tenantID)
}

// GetAuditEnd tells where the platform's chain ends.
func (tx *PlatformTx) GetAuditEnd(ctx context.Context) (AuditEnd, error) {
	return one(ctx, tx.tx, fault.InternalError, scanAuditEnd, selectPlatformAuditEnd)
}

const listAuditHeads = `
SELECT tenant_id, seq, hash
FROM signet.audit_heads
WHERE seq > 0
ORDER BY tenant_id`

const selectPlatformHead = `
SELECT seq, hash
FROM signet.platform_audit_head
WHERE seq > 0`

// ListAuditHeads gives the last row of every chain that has one, the platform's first:
// about 100 bytes for each tenant there ever was.
func (tx *SystemTx) ListAuditHeads(ctx context.Context) ([]core.AuditHead, error) {
	heads, err := all(ctx, tx.tx, func(row pgx.CollectableRow) (core.AuditHead, error) {
		h := core.AuditHead{Chain: core.PlatformChain}
		err := row.Scan(&h.Seq, &h.Hash)
		return h, err
	}, selectPlatformHead)
	if err != nil {
		return nil, err
	}
	ofTenants, err := all(ctx, tx.tx, func(row pgx.CollectableRow) (core.AuditHead, error) {
		var h core.AuditHead
		var tenant core.TenantID
		err := row.Scan(&tenant, &h.Seq, &h.Hash)
		h.Chain = core.TenantChain(tenant)
		return h, err
	}, listAuditHeads)
	return append(heads, ofTenants...), err
}

// Of the rows one look-up for each tenant, not one for each row.
const listAuditedTenants = `
WITH RECURSIVE chains AS (
    (SELECT tenant_id FROM signet.audit ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT a.tenant_id FROM signet.audit a WHERE a.tenant_id > c.tenant_id ORDER BY a.tenant_id LIMIT 1)
    FROM chains c WHERE c.tenant_id IS NOT NULL
)
SELECT tenant_id FROM chains WHERE tenant_id IS NOT NULL
UNION SELECT tenant_id FROM signet.audit_heads
UNION SELECT tenant_id FROM signet.tenants
ORDER BY tenant_id`

// ListAuditedTenants gives every tenant that has a chain or should have one, also
// those that are gone.
func (tx *SystemTx) ListAuditedTenants(ctx context.Context) ([]core.TenantID, error) {
	if _, err := one(ctx, tx.tx, fault.InternalError, pgx.RowTo[string], patienceForEveryApp); err != nil {
		return nil, err
	}
	return all(ctx, tx.tx, pgx.RowTo[core.TenantID], listAuditedTenants)
}
