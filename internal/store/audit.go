package store

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// chain names the statements of one audit chain: a tenant's or the platform's.
type chain struct {
	insertHead, lockHead, updateHead, insertRow string
	scope                                       []any // leading arguments
	name                                        core.AuditChain
}

// An AuditSigner vouches for a row by the hash of it. mac and key are empty where
// there is no key to vouch with.
type AuditSigner func(chain core.AuditChain, hash []byte) (mac []byte, key string, err error)

// SignAudit has every audit row that is written from then on vouched for by sign,
// through this Store and every one that is made Beside it, before or after. A row that
// sign fails for is not written, and so nothing of its transaction is.
func (s *Store) SignAudit(sign AuditSigner) { s.auditSigner.Store(&sign) }

// vouch makes the mac of a row. Where nobody signs there is none.
func (h *auditHand) vouch(row *core.AuditRow, chain core.AuditChain) (err error) {
	if sign := h.Load(); sign != nil {
		row.MAC, row.MACKey, err = (*sign)(chain, row.Hash)
	}
	return err
}

// auditHand holds the signer that a Store shares with those Beside it.
type auditHand struct{ atomic.Pointer[AuditSigner] }

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
INSERT INTO signet.audit (tenant_id, seq, at, actor_kind, actor_id, actor_name, action, subject_kind, subject, detail, request_id, previous_hash, hash, mac, mac_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, nullif($15, ''))`

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
INSERT INTO signet.platform_audit (seq, at, actor_kind, actor_id, actor_name, action, subject_kind, subject, detail, request_id, previous_hash, hash, mac, mac_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, nullif($14, ''))`
)

// Audit appends an entry to the tenant's chain. A change whose entry cannot be
// written does not happen: they share the transaction. Writers of one tenant
// wait for each other here, so it is the last step of a transaction.
func (tx *TenantTx) Audit(ctx context.Context, e core.AuditEntry) error {
	return appendAudit(ctx, tx.tx, tx.signer, tx.actor, e, chain{
		insertHead: insertAuditHead, lockHead: lockAuditHead, updateHead: updateAuditHead, insertRow: insertAudit,
		scope: []any{tx.tenantID}, name: core.TenantChain(tx.tenantID),
	})
}

// Audit appends an entry to the platform's chain, as TenantTx.Audit does.
func (tx *PlatformTx) Audit(ctx context.Context, e core.AuditEntry) error {
	return appendAudit(ctx, tx.tx, tx.signer, tx.actor, e, platformChain)
}

// AuditBy is Audit for a row that another than the Store's signer vouches for: the
// first one of a key, in the transaction that stores it.
func (tx *PlatformTx) AuditBy(ctx context.Context, sign AuditSigner, e core.AuditEntry) error {
	hand := &auditHand{}
	hand.Store(&sign)
	return appendAudit(ctx, tx.tx, hand, tx.actor, e, platformChain)
}

// Audit appends an entry to the platform's chain, as TenantTx.Audit does.
func (tx *KeysTx) Audit(ctx context.Context, e core.AuditEntry) error {
	return appendAudit(ctx, tx.tx, tx.signer, tx.actor, e, platformChain)
}

var platformChain = chain{
	insertHead: insertPlatformAuditHead, lockHead: lockPlatformAuditHead,
	updateHead: updatePlatformAuditHead, insertRow: insertPlatformAudit,
	name: core.PlatformChain,
}

func appendAudit(ctx context.Context, tx pgx.Tx, hand *auditHand, actor core.Actor, e core.AuditEntry, c chain) error {
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
	row.Hash = row.HashIn(c.name)
	if err := hand.vouch(&row, c.name); err != nil {
		return err
	}
	args := append(append([]any{}, c.scope...), row.Seq, row.At, row.ActorKind, actorID, row.ActorName,
		row.Action, row.SubjectKind, row.Subject, row.Detail, row.RequestID, row.PreviousHash, row.Hash, row.MAC, row.MACKey)
	if _, err := tx.Exec(ctx, c.insertRow, args...); err != nil {
		return translate(err)
	}
	_, err = tx.Exec(ctx, c.updateHead, append(append([]any{}, c.scope...), row.Seq, row.Hash)...)
	return translate(err)
}
