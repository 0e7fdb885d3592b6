package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// chain names the statements of one audit chain: a tenant's or the platform's.
type chain struct {
	insertHead, lockHead, updateHead, insertRow string
	scope                                       []any  // leading arguments
	name                                        string // goes into every hash
}

const (
	insertAuditHead = `
INSERT INTO signet.audit_heads (tenant_id, seq, hash)
VALUES ($1, 0, ''::bytea)
ON CONFLICT (tenant_id) DO NOTHING`
	lockAuditHead = `
SELECT seq, hash
FROM signet.audit_heads
WHERE tenant_id = $1
FOR UPDATE`
	updateAuditHead = `
UPDATE signet.audit_heads
SET seq = $2, hash = $3
WHERE tenant_id = $1`
	insertAudit = `
INSERT INTO signet.audit (tenant_id, seq, at, actor_kind, actor_id, actor_name, action, subject_kind, subject, detail, request_id, previous_hash, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`

	insertPlatformAuditHead = `
INSERT INTO signet.platform_audit_head (seq, hash)
VALUES (0, ''::bytea)
ON CONFLICT (one) DO NOTHING`
	lockPlatformAuditHead = `
SELECT seq, hash
FROM signet.platform_audit_head
WHERE one
FOR UPDATE`
	updatePlatformAuditHead = `
UPDATE signet.platform_audit_head
SET seq = $1, hash = $2
WHERE one`
	insertPlatformAudit = `
INSERT INTO signet.platform_audit (seq, at, actor_kind, actor_id, actor_name, action, subject_kind, subject, detail, request_id, previous_hash, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
)

// Audit appends an entry to the tenant's chain. A change whose entry cannot be
// written does not happen: they share the transaction. Writers of one tenant
// wait for each other here, so it is the last step of a transaction.
func (tx *TenantTx) Audit(ctx context.Context, e core.AuditEntry) error {
	return appendAudit(ctx, tx.tx, tx.actor, e, chain{
		insertHead: insertAuditHead, lockHead: lockAuditHead, updateHead: updateAuditHead, insertRow: insertAudit,
		scope: []any{tx.tenantID}, name: "tenant:" + tx.tenantID.String(),
	})
}

// Audit appends an entry to the platform's chain, as TenantTx.Audit does.
func (tx *PlatformTx) Audit(ctx context.Context, e core.AuditEntry) error {
	return appendAudit(ctx, tx.tx, tx.actor, e, platformChain)
}

// Audit appends an entry to the platform's chain, as TenantTx.Audit does.
func (tx *KeysTx) Audit(ctx context.Context, e core.AuditEntry) error {
	return appendAudit(ctx, tx.tx, tx.actor, e, platformChain)
}

var platformChain = chain{
	insertHead: insertPlatformAuditHead, lockHead: lockPlatformAuditHead,
	updateHead: updatePlatformAuditHead, insertRow: insertPlatformAudit,
	name: "platform",
}

func appendAudit(ctx context.Context, tx pgx.Tx, actor core.Actor, e core.AuditEntry, c chain) error {
	if _, err := tx.Exec(ctx, c.insertHead, c.scope...); err != nil {
		return translate(err)
	}
	type head struct {
		Seq  int64
		Hash []byte
	}
	last, err := one(ctx, tx, fault.InternalError, pgx.RowToStructByPos[head], c.lockHead, c.scope...)
	if err != nil {
		return err
	}
	row := core.AuditRow{
		Seq: last.Seq + 1, At: time.Now().UTC().Truncate(time.Microsecond),
		ActorKind: actor.Kind, ActorName: actor.Name, AuditEntry: e,
		RequestID: actor.RequestID, PreviousHash: last.Hash,
	}
	var actorID *string
	if row.ActorID = actor.ID(); row.ActorID != "" {
		actorID = &row.ActorID
	}
	if row.Detail == nil {
		row.Detail = map[string]string{}
	}
	row.Hash = chained(c.name, row)
	args := append(append([]any{}, c.scope...), row.Seq, row.At, row.ActorKind, actorID, row.ActorName,
		row.Action, row.SubjectKind, row.Subject, row.Detail, row.RequestID, row.PreviousHash, row.Hash)
	if _, err := tx.Exec(ctx, c.insertRow, args...); err != nil {
		return translate(err)
	}
	_, err = tx.Exec(ctx, c.updateHead, append(append([]any{}, c.scope...), row.Seq, row.Hash)...)
	return translate(err)
}

// chained is the SHA-256 of the row behind the hash of the row before it, each
// part led by its length. JSON of a map has its keys in order, so the same
// detail gives the same bytes.
func chained(chain string, r core.AuditRow) []byte {
	detail, _ := json.Marshal(r.Detail) // a map of strings cannot fail
	h := sha256.New()
	var length [8]byte
	for _, part := range []string{
		"signet audit 1", chain, string(r.PreviousHash), strconv.FormatInt(r.Seq, 10), r.At.UTC().Format(time.RFC3339Nano),
		string(r.ActorKind), r.ActorID, r.ActorName, r.Action, r.SubjectKind, r.Subject, string(detail), r.RequestID,
	} {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

const listAudit = `
SELECT seq, at, actor_kind, coalesce(actor_id::text, ''), actor_name, action, subject_kind, subject, detail, request_id, previous_hash, hash
FROM signet.audit
WHERE tenant_id = $1 AND seq < $2
ORDER BY seq DESC
LIMIT $3`

// ListAudit gives the tenant's audit, newest first.
func (tx *TenantTx) ListAudit(ctx context.Context, p core.Page) (core.List[core.AuditRow], error) {
	before, err := parseNumber(auditList, p.Cursor)
	if err != nil {
		return core.List[core.AuditRow]{}, err
	}
	items, err := all(ctx, tx.tx, func(row pgx.CollectableRow) (core.AuditRow, error) {
		var r core.AuditRow
		err := row.Scan(&r.Seq, &r.At, &r.ActorKind, &r.ActorID, &r.ActorName, &r.Action, &r.SubjectKind, &r.Subject,
			&r.Detail, &r.RequestID, &r.PreviousHash, &r.Hash)
		return r, err
	}, listAudit, tx.tenantID, before, p.Limit+1)
	return pageByNumber(auditList, items, p.Limit, func(r core.AuditRow) int64 { return r.Seq }), err
}
