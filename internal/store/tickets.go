package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
)

// TicketSubject says whose a token or ticket is within its tenant: an app's
// (access token, agent ticket) or a corp's (corp ticket). Exactly one of the
// two is set.
type TicketSubject struct {
	AppID  core.AppID
	CorpID core.CorpID
}

func (s TicketSubject) columns() (subject string, app, corp *string) {
	if s.CorpID != "" {
		text := string(s.CorpID)
		return text, nil, &text
	}
	text := s.AppID.String()
	return text, &text, nil
}

// TicketRow is a token or ticket as it lies in its row, sealed.
type TicketRow struct {
	Generation    int64
	Sealed        []byte
	KeyVersion    int32
	FetchedBy     core.AppID // a fact, not part of the key
	SecretVersion int32      // likewise
	FetchedAt     time.Time
	ExpiresAt     time.Time
	Repeated      bool      // WeCom gave the value that was held already
	UsedAt        time.Time // when a page was last signed with it; zero: not known. Only written
}

const selectTicket = `
SELECT generation, sealed, key_version, fetched_by, secret_version, fetched_at, expires_at, repeated
FROM signet.tickets
WHERE tenant_id = $1 AND kind = $2 AND subject = $3`

// FindTicket gives the row of a token or ticket, if there is one.
func (tx *TenantTx) FindTicket(ctx context.Context, kind core.TicketKind, whose TicketSubject) (TicketRow, bool, error) {
	subject, _, _ := whose.columns()
	return find(ctx, tx.tx, func(row pgx.CollectableRow) (TicketRow, error) {
		var t TicketRow
		err := row.Scan(&t.Generation, &t.Sealed, &t.KeyVersion, &t.FetchedBy, &t.SecretVersion, &t.FetchedAt, &t.ExpiresAt, &t.Repeated)
		return t, err
	}, selectTicket, tx.tenantID, kind, subject)
}

const insertTicket = `
INSERT INTO signet.tickets (tenant_id, kind, subject, app_id, corp_id,
    generation, sealed, key_version, fetched_by, secret_version, fetched_at, expires_at, repeated, used_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (tenant_id, kind, subject) DO NOTHING`

const replaceTicket = `
UPDATE signet.tickets
SET generation = $4, sealed = $5, key_version = $6, fetched_by = $7, secret_version = $8,
    fetched_at = $9, expires_at = $10, repeated = $11, used_at = greatest(used_at, $12)
WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND generation = $4 - 1`

// PutTicket writes a value whose Generation is one above that of the row its
// writer has read (1 where there was none). written is false if somebody else
// wrote in between; then nothing has changed and their value is the one to use.
func (tx *TenantTx) PutTicket(ctx context.Context, kind core.TicketKind, whose TicketSubject, t TicketRow) (written bool, err error) {
	subject, app, corp := whose.columns()
	var usedAt *time.Time
	if !t.UsedAt.IsZero() {
		usedAt = &t.UsedAt
	}
	if t.Generation == 1 {
		tag, err := tx.tx.Exec(ctx, insertTicket, tx.tenantID, kind, subject, app, corp,
			t.Generation, t.Sealed, t.KeyVersion, t.FetchedBy, t.SecretVersion, t.FetchedAt, t.ExpiresAt, t.Repeated, usedAt)
		return tag.RowsAffected() == 1, translate(err)
	}
	tag, err := tx.tx.Exec(ctx, replaceTicket, tx.tenantID, kind, subject,
		t.Generation, t.Sealed, t.KeyVersion, t.FetchedBy, t.SecretVersion, t.FetchedAt, t.ExpiresAt, t.Repeated, usedAt)
	return tag.RowsAffected() == 1, translate(err)
}

const deleteTicket = `
DELETE FROM signet.tickets
WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND generation = $4`

// DeleteTicket forgets one generation of a token or ticket. A newer one stays.
func (tx *TenantTx) DeleteTicket(ctx context.Context, kind core.TicketKind, whose TicketSubject, generation int64) error {
	subject, _, _ := whose.columns()
	_, err := tx.tx.Exec(ctx, deleteTicket, tx.tenantID, kind, subject, generation)
	return translate(err)
}

const selectAppsInUse = `
SELECT a.app_key, max(t.used_at)
FROM signet.tickets t
JOIN signet.apps a ON a.tenant_id = t.tenant_id AND a.app_id = t.fetched_by
WHERE t.kind <> 'access_token' AND t.used_at >= $1 AND t.expires_at > $2
GROUP BY a.app_key`

// AppInUse is an app with a ticket that lives.
type AppInUse struct {
	Key    core.AppKey
	UsedAt time.Time // when a page was last signed for it, as far as was written down
}

// ListAppsInUse gives the apps for which a page was signed since then and of
// which a ticket still lives at now, in no order.
func (tx *SystemTx) ListAppsInUse(ctx context.Context, since, now time.Time) ([]AppInUse, error) {
	return all(ctx, tx.tx, func(row pgx.CollectableRow) (AppInUse, error) {
		var a AppInUse
		var key []byte
		err := row.Scan(&key, &a.UsedAt)
		copy(a.Key[:], key)
		return a, err
	}, selectAppsInUse, since, now)
}
