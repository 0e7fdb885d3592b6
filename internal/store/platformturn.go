package store

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"signet/internal/fault"
)

// A PlatformKind is a kind of rows that hold a sealed value of the platform's own.
type PlatformKind string

// The kinds.
const (
	ValueOfSessionKey     PlatformKind = "session key"
	ValueOfFactor         PlatformKind = "factor"
	ValueOfAuditKey       PlatformKind = "audit key"
	ValueOfPlatformAnswer PlatformKind = "answer" // to a call that may be repeated
)

// PlatformTable is where the values of a kind lie. Each such table has the columns
// sealed and key_version.
type PlatformTable struct {
	Name    string
	Subject string // the column that tells the values apart, and that each is bound to
}

// PlatformTables names the table of each kind. Every table of the platform that has
// a sealed column is one of them: what is not turned would be lost with the old key.
var PlatformTables = map[PlatformKind]PlatformTable{
	ValueOfSessionKey:     {"signet.session_keys", "key_id"},
	ValueOfFactor:         {"signet.factors", "factor_id"},
	ValueOfAuditKey:       {"signet.audit_keys", "key_id"},
	ValueOfPlatformAnswer: {"signet.platform_answers", "answer"},
}

// PlatformValue is one sealed value of the platform with what it is bound to.
type PlatformValue struct {
	Kind       PlatformKind
	Subject    string
	Sealed     []byte
	KeyVersion int32
}

// The statements are the same for every kind but for the names in PlatformTables.
const (
	takePlatformSealed = `
SELECT $subject::text, sealed, key_version
FROM $table
WHERE sealed IS NOT NULL AND key_version < $1 AND $subject::text > $2
ORDER BY $subject::text
LIMIT $3
FOR NO KEY UPDATE SKIP LOCKED`

	listPlatformSealed = `
SELECT $subject::text, sealed, key_version
FROM $table
WHERE sealed IS NOT NULL`

	putPlatformResealed = `
UPDATE $table
SET sealed = $2, key_version = $3
WHERE $subject::text = $1`

	countPlatformSealed = `
SELECT key_version, count(*)
FROM $table
WHERE sealed IS NOT NULL
GROUP BY key_version`
)

func (k PlatformKind) statement(sql string) string {
	table := PlatformTables[k]
	return strings.NewReplacer("$table", table.Name, "$subject", table.Subject).Replace(sql)
}

func (k PlatformKind) scan(row pgx.CollectableRow) (PlatformValue, error) {
	v := PlatformValue{Kind: k}
	err := row.Scan(&v.Subject, &v.Sealed, &v.KeyVersion)
	return v, err
}

// TakePlatformSealed gives at most limit values of a kind that older versions of the
// platform's key than the given one have sealed, in the order of their subjects and
// behind the given one, and holds them until the transaction ends. What others hold
// is passed over.
func (tx *KeysTx) TakePlatformSealed(ctx context.Context, kind PlatformKind, version int32, after string, limit int) ([]PlatformValue, error) {
	return all(ctx, tx.tx, kind.scan, kind.statement(takePlatformSealed), version, after, limit)
}

// ListPlatformSealed gives every sealed value of the platform, in no order.
func (tx *KeysTx) ListPlatformSealed(ctx context.Context) ([]PlatformValue, error) {
	var values []PlatformValue
	for kind := range PlatformTables {
		more, err := all(ctx, tx.tx, kind.scan, kind.statement(listPlatformSealed))
		if err != nil {
			return nil, err
		}
		values = append(values, more...)
	}
	return values, nil
}

// PutPlatformResealed writes values that were turned to another version of the
// platform's key. They must be held.
func (tx *KeysTx) PutPlatformResealed(ctx context.Context, values []PlatformValue) error {
	batch := &pgx.Batch{}
	for _, v := range values {
		batch.Queue(v.Kind.statement(putPlatformResealed), v.Subject, v.Sealed, v.KeyVersion)
	}
	return translate(tx.tx.SendBatch(ctx, batch).Close())
}

// CountPlatformSealed tells how many values each version of the platform's key has
// sealed, by version.
func (tx *KeysTx) CountPlatformSealed(ctx context.Context) (map[int32]int64, error) {
	type row struct {
		Version int32
		Values  int64
	}
	counts := map[int32]int64{}
	for kind := range PlatformTables {
		rows, err := all(ctx, tx.tx, pgx.RowToStructByPos[row], kind.statement(countPlatformSealed))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			counts[r.Version] += r.Values
		}
	}
	return counts, nil
}

// PutPlatformKey stores a newer version of the platform's key, which seals from the
// commit on; what the older ones have sealed is to be turned to it. The root keys
// must be locked. It fails with ErrRootKeyGone.
func (tx *KeysTx) PutPlatformKey(ctx context.Context, k WrappedKey) error {
	_, err := tx.tx.Exec(ctx, insertPlatformKey, k.Version, k.RootEpoch, k.Wrapped)
	if broke(err, "platform_keys_root") {
		return ErrRootKeyGone
	}
	return translate(err)
}

// NewestPlatformKey gives the version of the platform's key that seals, and keeps it
// from being deleted until the transaction ends. found is false where there is none.
func (tx *KeysTx) NewestPlatformKey(ctx context.Context) (key WrappedKey, found bool, err error) {
	return newestPlatformKey(ctx, tx.tx)
}

const holdOldPlatformKeys = `
SELECT version
FROM signet_keys.platform_keys
WHERE version < $1
ORDER BY version
FOR UPDATE`

const deleteOldPlatformKeys = `
DELETE FROM signet_keys.platform_keys
WHERE version < $1
RETURNING version`

// RetirePlatformKeys deletes the versions of the platform's key that are older than
// the given one, if they have sealed nothing any more, and gives them. It waits for
// those who seal under one of them just now, so that it counts what they write;
// whoever comes later takes the newest. left is how many values need one yet; then
// nothing is deleted.
func (tx *KeysTx) RetirePlatformKeys(ctx context.Context, version int32) (retired []int32, left int64, err error) {
	held, err := all(ctx, tx.tx, pgx.RowTo[int32], holdOldPlatformKeys, version)
	if err != nil || len(held) == 0 {
		return nil, 0, err
	}
	counts, err := tx.CountPlatformSealed(ctx)
	if err != nil {
		return nil, 0, err
	}
	for at, values := range counts {
		if at < version {
			left += values
		}
	}
	if left > 0 {
		return nil, left, nil
	}
	retired, err = all(ctx, tx.tx, pgx.RowTo[int32], deleteOldPlatformKeys, version)
	return retired, 0, err
}

// ValueCount tells how many sealed values of tenants lie below a root key.
type ValueCount struct{ Secrets, Tickets, Trials, Answers int64 }

const countSealed = `
SELECT coalesce(k.root_epoch, 0), sum(v.secrets)::bigint, sum(v.tickets)::bigint, sum(v.trials)::bigint, sum(v.answers)::bigint
FROM (
    SELECT tenant_id, key_version, count(*) AS secrets, 0 AS tickets, 0 AS trials, 0 AS answers FROM signet.app_secrets WHERE state <> 'destroyed' GROUP BY tenant_id, key_version
    UNION ALL
    SELECT tenant_id, key_version, 0, count(*), 0, 0 FROM signet.tickets GROUP BY tenant_id, key_version
    UNION ALL
    SELECT tenant_id, key_version, 0, 0, count(*), 0 FROM signet.trial_grants GROUP BY tenant_id, key_version
    UNION ALL
    SELECT tenant_id, key_version, 0, 0, 0, count(*) FROM signet.idempotent_answers WHERE key_version IS NOT NULL GROUP BY tenant_id, key_version
) v
LEFT JOIN signet_keys.tenant_keys k ON k.tenant_id = v.tenant_id AND k.version = v.key_version
GROUP BY 1`

// CountSealed tells how many sealed values of tenants lie below each root key, by
// epoch; at 0 those whose tenant's key is not there. It reads all of them, for as
// long as that takes.
func (tx *SystemTx) CountSealed(ctx context.Context) (map[int32]ValueCount, error) {
	if _, err := one(ctx, tx.tx, fault.InternalError, pgx.RowTo[string], patienceForEveryApp); err != nil {
		return nil, err
	}
	type row struct {
		Epoch int32
		ValueCount
	}
	rows, err := all(ctx, tx.tx, func(r pgx.CollectableRow) (row, error) {
		var c row
		err := r.Scan(&c.Epoch, &c.Secrets, &c.Tickets, &c.Trials, &c.Answers)
		return c, err
	}, countSealed)
	counts := make(map[int32]ValueCount, len(rows))
	for _, r := range rows {
		counts[r.Epoch] = r.ValueCount
	}
	return counts, err
}
