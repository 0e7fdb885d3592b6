package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"signet/internal/core"
)

// Turn is somebody's turn to fetch a token or ticket. Epoch counts the turns at
// one value; two turns never have the same.
type Turn struct {
	Kind  core.TicketKind
	Whose TicketSubject
	Epoch int64
	Begun time.Time // by the database's clock
}

const takeLease = `
INSERT INTO signet.ticket_leases (tenant_id, kind, subject, app_id, corp_id, epoch, holder, ends_at)
VALUES ($1, $2, $3, $4, $5, 1, $6, clock_timestamp() + $7::interval)
ON CONFLICT (tenant_id, kind, subject) DO UPDATE
SET epoch = ticket_leases.epoch + 1, holder = EXCLUDED.holder, ends_at = EXCLUDED.ends_at, awaited = false
WHERE ticket_leases.ends_at <= clock_timestamp() OR ticket_leases.ends_at > clock_timestamp() + 2 * $7::interval
RETURNING epoch, clock_timestamp()`

// The value that is waited for may be written in between; then nobody is left to
// tell of it, and what is left of the lease is nothing.
const awaitLease = `
WITH awaiting AS (
    UPDATE signet.ticket_leases SET awaited = true
    WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND NOT awaited
)
SELECT extract(epoch FROM ends_at - clock_timestamp())::float8
FROM signet.ticket_leases
WHERE tenant_id = $1 AND kind = $2 AND subject = $3`

// TakeTurn takes the turn to fetch a value, for lease from now by the database's
// clock. One that lasts longer than any was taken before that clock was set back,
// and is over. If it is another's turn, ok is false, left says for how long yet, and a
// change row will tell when it is over.
func (tx *TenantTx) TakeTurn(ctx context.Context, kind core.TicketKind, whose TicketSubject, holder uuid.UUID, lease time.Duration) (t Turn, left time.Duration, ok bool, err error) {
	subject, app, corp := whose.columns()
	t, ok, err = find(ctx, tx.tx, func(row pgx.CollectableRow) (Turn, error) {
		t := Turn{Kind: kind, Whose: whose}
		err := row.Scan(&t.Epoch, &t.Begun)
		return t, err
	}, takeLease, tx.tenantID, kind, subject, app, corp, holder, lease)
	if err != nil || ok {
		return t, 0, ok, err
	}
	seconds, _, err := find(ctx, tx.tx, pgx.RowTo[float64], awaitLease, tx.tenantID, kind, subject)
	return Turn{}, max(secondsOf(seconds), 0), false, err
}

const renewLease = `
UPDATE signet.ticket_leases SET ends_at = clock_timestamp() + $5::interval
WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND epoch = $4`

// RenewTurn lets a turn last for lease from now. still is false if it is over
// and another's has begun.
func (tx *TenantTx) RenewTurn(ctx context.Context, t Turn, lease time.Duration) (still bool, err error) {
	subject, _, _ := t.Whose.columns()
	tag, err := tx.tx.Exec(ctx, renewLease, tx.tenantID, t.Kind, subject, t.Epoch, lease)
	return tag.RowsAffected() == 1, translate(err)
}

const endLease = `
UPDATE signet.ticket_leases SET ends_at = clock_timestamp()
WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND epoch = $4
RETURNING awaited`

// EndTurn gives a turn back, in the transaction that writes what it brought, and
// tells those who wait. still is false if another's turn has begun; then nothing
// that this one brought may be written.
func (tx *TenantTx) EndTurn(ctx context.Context, t Turn) (still bool, err error) {
	subject, _, _ := t.Whose.columns()
	awaited, still, err := find(ctx, tx.tx, pgx.RowTo[bool], endLease, tx.tenantID, t.Kind, subject, t.Epoch)
	if err == nil && awaited {
		err = tx.Announce(ctx, Change{Kind: TicketChanged})
	}
	return still, err
}

const voidLease = `
UPDATE signet.ticket_leases SET epoch = epoch + 1, ends_at = clock_timestamp()
WHERE tenant_id = $1 AND kind = $2 AND subject = $3`

// VoidTurn ends whoever's turn it is: what that brings will not be written.
func (tx *TenantTx) VoidTurn(ctx context.Context, kind core.TicketKind, whose TicketSubject) error {
	subject, _, _ := whose.columns()
	_, err := tx.tx.Exec(ctx, voidLease, tx.tenantID, kind, subject)
	return translate(err)
}

const forceTurn = `
UPDATE signet.ticket_leases SET forced_at = clock_timestamp()
WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND epoch = $4
  AND (forced_at IS NULL OR forced_at <= clock_timestamp() - $5::interval OR forced_at > clock_timestamp())`

const forcedLeft = `
SELECT extract(epoch FROM forced_at + $5::interval - clock_timestamp())::float8
FROM signet.ticket_leases
WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND epoch = $4`

// ForceTurn notes that this turn replaces a value before its end. That is
// granted once in every while, in the whole cluster; otherwise left says how
// long it is until then.
func (tx *TenantTx) ForceTurn(ctx context.Context, t Turn, every time.Duration) (left time.Duration, err error) {
	subject, _, _ := t.Whose.columns()
	tag, err := tx.tx.Exec(ctx, forceTurn, tx.tenantID, t.Kind, subject, t.Epoch, every)
	if err != nil || tag.RowsAffected() == 1 {
		return 0, translate(err)
	}
	seconds, found, err := find(ctx, tx.tx, pgx.RowTo[float64], forcedLeft, tx.tenantID, t.Kind, subject, t.Epoch, every)
	if err != nil || !found {
		return every, err // the turn is another's by now
	}
	return max(secondsOf(seconds), time.Millisecond), nil
}
