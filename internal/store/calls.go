package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
)

// CallKey names calls to WeCom of one tenant that are counted together. The app
// may be one that is only being tried.
type CallKey struct {
	CorpID core.CorpID
	AppID  core.AppID
	API    string
}

// CallMinute is what was counted within one minute.
type CallMinute struct {
	Calls int64
	Left  time.Duration // until they count no more: more than 0, at most 61 minutes
}

func scanCallMinute(row pgx.CollectableRow) (CallMinute, error) {
	var m CallMinute
	var seconds float64
	err := row.Scan(&m.Calls, &seconds)
	m.Left = secondsOf(seconds)
	return m, err
}

func secondsOf(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

const countCalls = `
INSERT INTO signet.calls (tenant_id, corp_id, app_id, api, minute, calls, accepted)
VALUES ($1, $2, $3, $4, date_trunc('minute', now() - $5::interval), $6, $7)
ON CONFLICT (tenant_id, corp_id, app_id, api, minute) DO UPDATE
SET calls = calls.calls + EXCLUDED.calls, accepted = calls.accepted + EXCLUDED.accepted
RETURNING calls::bigint`

// CountCalls notes calls that were made so long ago, and how many of them count
// for their corp because WeCom accepts their credential. It gives how many now
// stand in that minute. Whoever counts in the same minute waits until this
// transaction ends, and then reads what it has counted.
func (tx *TenantTx) CountCalls(ctx context.Context, k CallKey, calls, accepted int64, ago time.Duration) (inMinute int64, err error) {
	inMinute, _, err = find(ctx, tx.tx, pgx.RowTo[int64], countCalls, tx.tenantID, k.CorpID, k.AppID, k.API, ago, calls, accepted)
	return inMinute, err
}

// A minute counts until its last second is an hour old. The present one is left
// out: CountCalls tells of it.
const callsBefore = `
SELECT calls::bigint, extract(epoch FROM minute + interval '61 minutes' - now())::float8
FROM signet.calls
WHERE tenant_id = $1 AND corp_id = $2 AND app_id = $3 AND api = $4
  AND minute > now() - interval '61 minutes' AND minute < date_trunc('minute', now())`

// ListCalls gives the calls of the last hour, by minute and in no order, without
// the present minute.
func (tx *TenantTx) ListCalls(ctx context.Context, k CallKey) ([]CallMinute, error) {
	return all(ctx, tx.tx, scanCallMinute, callsBefore, tx.tenantID, k.CorpID, k.AppID, k.API)
}

// TenantCalls are calls of one tenant within one minute.
type TenantCalls struct {
	CallKey
	CallMinute
	Accepted int64
}

const callsOfTenant = `
SELECT corp_id, app_id, api, calls::bigint, accepted::bigint, extract(epoch FROM minute + interval '61 minutes' - now())::float8
FROM signet.calls
WHERE tenant_id = $1 AND minute > now() - interval '61 minutes'
ORDER BY corp_id, app_id, api, minute`

// ListTenantCalls gives all calls of the tenant in the last hour, each key's
// together.
func (tx *TenantTx) ListTenantCalls(ctx context.Context) ([]TenantCalls, error) {
	return all(ctx, tx.tx, func(row pgx.CollectableRow) (TenantCalls, error) {
		var c TenantCalls
		var seconds float64
		err := row.Scan(&c.CorpID, &c.AppID, &c.API, &c.Calls, &c.Accepted, &seconds)
		c.Left = secondsOf(seconds)
		return c, err
	}, callsOfTenant, tx.tenantID)
}

// CorpCalls are calls within one minute with accepted credentials of a corp,
// over all tenants that have it.
type CorpCalls struct {
	CorpID core.CorpID
	API    string
	CallMinute
}

const callsOfCorps = `
SELECT corp_id, api, sum(accepted)::bigint, extract(epoch FROM minute + interval '61 minutes' - now())::float8
FROM signet.calls
WHERE corp_id = ANY ($1::text[]) AND accepted > 0 AND minute > now() - interval '61 minutes'
GROUP BY corp_id, api, minute`

// ListCorpCalls gives the calls of the last hour that count for the corps as a
// whole, by minute and in no order. Whose they are is in no answer.
func (tx *SystemTx) ListCorpCalls(ctx context.Context, corps ...core.CorpID) ([]CorpCalls, error) {
	names := make([]string, len(corps))
	for i, corp := range corps {
		names[i] = string(corp)
	}
	return all(ctx, tx.tx, func(row pgx.CollectableRow) (CorpCalls, error) {
		var c CorpCalls
		var seconds float64
		err := row.Scan(&c.CorpID, &c.API, &c.Calls, &seconds)
		c.Left = secondsOf(seconds)
		return c, err
	}, callsOfCorps, names)
}
