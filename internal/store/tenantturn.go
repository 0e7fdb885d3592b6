package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

const supersedeTenantKeys = `
UPDATE signet_keys.tenant_keys
SET superseded_at = now()
WHERE tenant_id = $1 AND version < $2 AND superseded_at IS NULL`

// TurnTenantKey stores a newer version of the tenant's key, which seals from the
// commit on; what the older ones have sealed is to be turned to it. The tenant must
// be locked. It fails with ErrRootKeyGone.
func (tx *TenantTx) TurnTenantKey(ctx context.Context, k WrappedKey) error {
	if err := tx.CreateTenantKey(ctx, k); err != nil {
		return err
	}
	_, err := tx.tx.Exec(ctx, supersedeTenantKeys, tx.tenantID, k.Version)
	return translate(err)
}

// A SealedKind is a kind of rows that hold a sealed value of a tenant.
type SealedKind string

// The kinds. What each binds its value to stands in the columns of SealedValue.
const (
	ValueOfSecret SealedKind = "secret"
	ValueOfTicket SealedKind = "ticket"
	ValueOfTrial  SealedKind = "trial"
	ValueOfAnswer SealedKind = "answer" // to a call that may be repeated
)

// SealedTables names the table of each kind. Every table of a tenant that has a
// sealed column is one of them: what is not turned would be lost with the old key.
var SealedTables = map[SealedKind]string{
	ValueOfSecret: "signet.app_secrets",
	ValueOfTicket: "signet.tickets",
	ValueOfTrial:  "signet.trial_grants",
	ValueOfAnswer: "signet.idempotent_answers",
}

// SealedValue is one sealed value of a tenant with what it is bound to.
type SealedValue struct {
	Kind        SealedKind
	AppID       core.AppID      // zero for a corp ticket
	CorpID      core.CorpID     // of a corp ticket
	Ticket      core.TicketKind // of a ticket, or of what a trial fetched
	Number      int64           // a secret's version, also of a trial; a ticket's generation
	FetchedAt   time.Time       // by a trial
	Answer      string          // the name of one
	Sealed      []byte
	KeyVersion  int32
	Fingerprint string // of a secret
}

const takeSealedSecrets = `
SELECT app_id, version, sealed, key_version
FROM signet.app_secrets
WHERE tenant_id = $1 AND key_version < $2 AND sealed IS NOT NULL
LIMIT $3
FOR NO KEY UPDATE SKIP LOCKED`

const takeSealedTickets = `
SELECT kind, coalesce(app_id, '00000000-0000-0000-0000-000000000000'), coalesce(corp_id, ''), generation, sealed, key_version
FROM signet.tickets
WHERE tenant_id = $1 AND key_version < $2
LIMIT $3
FOR NO KEY UPDATE SKIP LOCKED`

const takeSealedTrials = `
SELECT kind, app_id, version, fetched_at, sealed, key_version
FROM signet.trial_grants
WHERE tenant_id = $1 AND key_version < $2
LIMIT $3
FOR NO KEY UPDATE SKIP LOCKED`

const takeSealedAnswers = `
SELECT answer, sealed, key_version
FROM signet.idempotent_answers
WHERE tenant_id = $1 AND key_version < $2
LIMIT $3
FOR NO KEY UPDATE SKIP LOCKED`

// TakeSealed gives at most limit values that older versions of the tenant's key
// than the given one have sealed, and holds them until the transaction ends. What
// others hold is passed over.
func (tx *TenantTx) TakeSealed(ctx context.Context, version int32, limit int) ([]SealedValue, error) {
	var values []SealedValue
	for _, take := range []struct {
		sql  string
		scan pgx.RowToFunc[SealedValue]
	}{{takeSealedSecrets, scanSealedSecret}, {takeSealedTickets, scanSealedTicket}, {takeSealedTrials, scanSealedTrial}, {takeSealedAnswers, scanSealedAnswer}} {
		if len(values) == limit {
			break
		}
		more, err := all(ctx, tx.tx, take.scan, take.sql, tx.tenantID, version, limit-len(values))
		if err != nil {
			return nil, err
		}
		values = append(values, more...)
	}
	return values, nil
}

const listSealedSecrets = `
SELECT app_id, version, sealed, key_version
FROM signet.app_secrets
WHERE tenant_id = $1 AND sealed IS NOT NULL`

const listSealedTickets = `
SELECT kind, coalesce(app_id, '00000000-0000-0000-0000-000000000000'), coalesce(corp_id, ''), generation, sealed, key_version
FROM signet.tickets
WHERE tenant_id = $1`

const listSealedTrials = `
SELECT kind, app_id, version, fetched_at, sealed, key_version
FROM signet.trial_grants
WHERE tenant_id = $1`

const listSealedAnswers = `
SELECT answer, sealed, key_version
FROM signet.idempotent_answers
WHERE tenant_id = $1 AND sealed IS NOT NULL`

// ListSealed gives every sealed value of the tenant, in no order.
func (tx *TenantTx) ListSealed(ctx context.Context) ([]SealedValue, error) {
	var values []SealedValue
	for _, list := range []struct {
		sql  string
		scan pgx.RowToFunc[SealedValue]
	}{{listSealedSecrets, scanSealedSecret}, {listSealedTickets, scanSealedTicket}, {listSealedTrials, scanSealedTrial}, {listSealedAnswers, scanSealedAnswer}} {
		more, err := all(ctx, tx.tx, list.scan, list.sql, tx.tenantID)
		if err != nil {
			return nil, err
		}
		values = append(values, more...)
	}
	return values, nil
}

func scanSealedSecret(row pgx.CollectableRow) (SealedValue, error) {
	v := SealedValue{Kind: ValueOfSecret}
	err := row.Scan(&v.AppID, &v.Number, &v.Sealed, &v.KeyVersion)
	return v, err
}

func scanSealedTicket(row pgx.CollectableRow) (SealedValue, error) {
	v := SealedValue{Kind: ValueOfTicket}
	err := row.Scan(&v.Ticket, &v.AppID, &v.CorpID, &v.Number, &v.Sealed, &v.KeyVersion)
	return v, err
}

func scanSealedTrial(row pgx.CollectableRow) (SealedValue, error) {
	v := SealedValue{Kind: ValueOfTrial}
	err := row.Scan(&v.Ticket, &v.AppID, &v.Number, &v.FetchedAt, &v.Sealed, &v.KeyVersion)
	return v, err
}

func scanSealedAnswer(row pgx.CollectableRow) (SealedValue, error) {
	v := SealedValue{Kind: ValueOfAnswer}
	err := row.Scan(&v.Answer, &v.Sealed, &v.KeyVersion)
	return v, err
}

const putResealedSecret = `
UPDATE signet.app_secrets
SET sealed = $4, key_version = $5, fingerprint = $6
WHERE tenant_id = $1 AND app_id = $2 AND version = $3`

const putResealedTicket = `
UPDATE signet.tickets
SET sealed = $5, key_version = $6
WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND generation = $4`

const putResealedTrial = `
UPDATE signet.trial_grants
SET sealed = $5, key_version = $6
WHERE tenant_id = $1 AND app_id = $2 AND version = $3 AND kind = $4`

const putResealedAnswer = `
UPDATE signet.idempotent_answers
SET sealed = $3, key_version = $4
WHERE tenant_id = $1 AND answer = $2`

// PutResealed writes values that were turned to another version of the tenant's
// key. They must be held.
func (tx *TenantTx) PutResealed(ctx context.Context, values []SealedValue) error {
	batch := &pgx.Batch{}
	for _, v := range values {
		switch v.Kind {
		case ValueOfSecret:
			batch.Queue(putResealedSecret, tx.tenantID, v.AppID, v.Number, v.Sealed, v.KeyVersion, v.Fingerprint)
		case ValueOfTicket:
			subject, _, _ := TicketSubject{AppID: v.AppID, CorpID: v.CorpID}.columns()
			batch.Queue(putResealedTicket, tx.tenantID, v.Ticket, subject, v.Number, v.Sealed, v.KeyVersion)
		case ValueOfTrial:
			batch.Queue(putResealedTrial, tx.tenantID, v.AppID, v.Number, v.Ticket, v.Sealed, v.KeyVersion)
		case ValueOfAnswer:
			batch.Queue(putResealedAnswer, tx.tenantID, v.Answer, v.Sealed, v.KeyVersion)
		}
	}
	return translate(tx.tx.SendBatch(ctx, batch).Close())
}

// KeyVersion is what may be known of one version of a tenant's key.
type KeyVersion struct {
	Version      int32
	RootEpoch    int32
	CreatedAt    time.Time
	SupersededAt *time.Time // nil: this one seals
	Values       int64      // how many sealed values need it
}

const listKeyVersions = `
SELECT k.version, k.root_epoch, k.created_at, k.superseded_at,
       (SELECT count(*) FROM signet.app_secrets s WHERE s.tenant_id = $1 AND s.key_version = k.version AND s.sealed IS NOT NULL)
       + (SELECT count(*) FROM signet.tickets t WHERE t.tenant_id = $1 AND t.key_version = k.version)
       + (SELECT count(*) FROM signet.trial_grants g WHERE g.tenant_id = $1 AND g.key_version = k.version)
       + (SELECT count(*) FROM signet.idempotent_answers i WHERE i.tenant_id = $1 AND i.key_version = k.version)
FROM signet_keys.tenant_keys k
WHERE k.tenant_id = $1
ORDER BY k.version DESC`

// ListKeyVersions gives the versions of the tenant's key, newest first, with how
// many values each has sealed.
func (tx *TenantTx) ListKeyVersions(ctx context.Context) ([]KeyVersion, error) {
	return all(ctx, tx.tx, pgx.RowToStructByPos[KeyVersion], listKeyVersions, tx.tenantID)
}

const holdOldTenantKeys = `
SELECT version
FROM signet_keys.tenant_keys
WHERE tenant_id = $1 AND version < $2
ORDER BY version
FOR UPDATE`

const deleteOldTenantKeys = `
DELETE FROM signet_keys.tenant_keys
WHERE tenant_id = $1 AND version = ANY ($2)`

const countOldSealed = `
SELECT (SELECT count(*) FROM signet.app_secrets WHERE tenant_id = $1 AND key_version = ANY ($2) AND sealed IS NOT NULL)
       + (SELECT count(*) FROM signet.tickets WHERE tenant_id = $1 AND key_version = ANY ($2))
       + (SELECT count(*) FROM signet.trial_grants WHERE tenant_id = $1 AND key_version = ANY ($2))
       + (SELECT count(*) FROM signet.idempotent_answers WHERE tenant_id = $1 AND key_version = ANY ($2))`

// RetireTenantKeys deletes the versions of the tenant's key that are older than
// the given one, if they have sealed nothing any more, and gives them. It waits for
// those who seal under one of them just now, so that it counts what they write;
// whoever comes later takes the newest. left is how many values need one yet; then
// nothing is deleted. What lies under a version that is not there is not counted: no
// other version helps it.
func (tx *TenantTx) RetireTenantKeys(ctx context.Context, version int32) (retired []int32, left int64, err error) {
	if retired, err = all(ctx, tx.tx, pgx.RowTo[int32], holdOldTenantKeys, tx.tenantID, version); err != nil || len(retired) == 0 {
		return nil, 0, err
	}
	if left, err = one(ctx, tx.tx, fault.InternalError, pgx.RowTo[int64], countOldSealed, tx.tenantID, retired); err != nil || left > 0 {
		return nil, left, err
	}
	_, err = tx.tx.Exec(ctx, deleteOldTenantKeys, tx.tenantID, retired)
	return retired, 0, translate(err)
}
