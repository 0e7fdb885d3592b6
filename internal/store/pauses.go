package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// PauseKey names calls that are held back together: an app's at one API, or, where
// AppID is zero, all of a corp's.
type PauseKey struct {
	CorpID core.CorpID
	AppID  core.AppID
	API    string
}

func (k PauseKey) subject() string {
	if k.AppID.IsZero() {
		return ""
	}
	return k.AppID.String()
}

// Pause is what stands against the calls of a key, in the whole cluster. Times
// are the database's.
type Pause struct {
	PauseKey
	Kind     string // unanswered, refused, token_refused or quota
	Failures int    // of that kind in a row
	Told     *fault.Error
	Since    time.Time     // the first of the failures
	Holds    bool          // false: they are only counted yet
	Left     time.Duration // of a pause that holds; 0 or less: it is over, and somebody has to find out
}

func scanPause(row pgx.CollectableRow) (Pause, error) {
	var p Pause
	var subject string
	var left *float64
	told := &fault.Error{}
	err := row.Scan(&p.CorpID, &subject, &p.API, &p.Kind, &p.Failures, &told.Code, &told.Reason, &told.Args, &told.Errcode, &p.Since, &left)
	if err != nil {
		return p, err
	}
	p.Told = told
	if left != nil {
		p.Holds, p.Left = true, secondsOf(*left)
	}
	if subject != "" {
		p.AppID, err = core.ParseAppID(subject)
	}
	return p, err
}

const selectPauses = `
SELECT corp_id, subject, api, kind, failures, code, reason, args, errcode, since, extract(epoch FROM until - now())::float8
FROM signet.call_pauses
WHERE tenant_id = $1`

const pausesOfCall = selectPauses + ` AND corp_id = $2 AND subject IN ('', $3) AND api = $4`

// FindPauses gives what stands against the calls of an app at an API: its own
// pause and that of its corp, those that are over among them.
func (tx *TenantTx) FindPauses(ctx context.Context, k PauseKey) ([]Pause, error) {
	return all(ctx, tx.tx, scanPause, pausesOfCall, tx.tenantID, k.CorpID, k.subject(), k.API)
}

const pausesThatHold = selectPauses + ` AND until > now()
ORDER BY corp_id, subject, api`

// ListPauses gives the tenant's pauses that hold.
func (tx *TenantTx) ListPauses(ctx context.Context) ([]Pause, error) {
	return all(ctx, tx.tx, scanPause, pausesThatHold, tx.tenantID)
}

const claimProbe = `
UPDATE signet.call_pauses SET until = now() + $5::interval
WHERE tenant_id = $1 AND corp_id = $2 AND subject = $3 AND api = $4 AND until <= now()`

// ClaimProbe makes the caller the one who finds out whether a pause that is over
// was long enough; everybody else is held back for as long as that may take.
// claimed is false if somebody else was first.
func (tx *TenantTx) ClaimProbe(ctx context.Context, k PauseKey, probe time.Duration) (claimed bool, err error) {
	tag, err := tx.tx.Exec(ctx, claimProbe, tx.tenantID, k.CorpID, k.subject(), k.API, probe)
	return tag.RowsAffected() == 1, translate(err)
}

const countFailure = `
INSERT INTO signet.call_pauses (tenant_id, corp_id, subject, api, kind, failures, code, reason, args, errcode)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (tenant_id, corp_id, subject, api) DO UPDATE
SET failures = CASE WHEN call_pauses.kind = EXCLUDED.kind THEN greatest(call_pauses.failures + 1, EXCLUDED.failures) ELSE EXCLUDED.failures END,
    since = CASE WHEN call_pauses.kind = EXCLUDED.kind THEN call_pauses.since ELSE now() END,
    kind = EXCLUDED.kind, code = EXCLUDED.code, reason = EXCLUDED.reason, args = EXCLUDED.args, errcode = EXCLUDED.errcode, until = NULL
RETURNING failures`

// CountFailure notes that a call of the key brought nothing, and gives how many
// did in a row in the whole cluster: at least atLeast, which is what the caller
// knows of. Nobody is held back before HoldPause, which belongs into the same
// transaction.
func (tx *TenantTx) CountFailure(ctx context.Context, k PauseKey, kind string, atLeast int, told *fault.Error) (failures int, err error) {
	args := told.Args
	if args == nil {
		args = fault.Args{}
	}
	failures, _, err = find(ctx, tx.tx, pgx.RowTo[int], countFailure, tx.tenantID, k.CorpID, k.subject(), k.API,
		kind, atLeast, told.Code, told.Reason, args, told.Errcode)
	return failures, err
}

const holdPause = `
UPDATE signet.call_pauses SET until = now() + $5::interval
WHERE tenant_id = $1 AND corp_id = $2 AND subject = $3 AND api = $4`

// HoldPause holds the calls of the key back for as long.
func (tx *TenantTx) HoldPause(ctx context.Context, k PauseKey, long time.Duration) error {
	_, err := tx.tx.Exec(ctx, holdPause, tx.tenantID, k.CorpID, k.subject(), k.API, long)
	return translate(err)
}

const liftPause = `
DELETE FROM signet.call_pauses
WHERE tenant_id = $1 AND corp_id = $2 AND subject = $3 AND api = $4`

// LiftPause forgets what stands against the calls of the key.
func (tx *TenantTx) LiftPause(ctx context.Context, k PauseKey) error {
	_, err := tx.tx.Exec(ctx, liftPause, tx.tenantID, k.CorpID, k.subject(), k.API)
	return translate(err)
}

const liftAppPauses = `
DELETE FROM signet.call_pauses
WHERE tenant_id = $1 AND subject = $2`

// LiftAppPauses forgets what stands against an app, because its credential is
// another now, or it is gone.
func (tx *TenantTx) LiftAppPauses(ctx context.Context, app core.AppID) error {
	_, err := tx.tx.Exec(ctx, liftAppPauses, tx.tenantID, app.String())
	return translate(err)
}

const liftLeftCorpPauses = `
DELETE FROM signet.call_pauses
WHERE tenant_id = $1 AND subject = '' AND NOT EXISTS (
    SELECT FROM signet.apps a
    WHERE a.tenant_id = $1 AND a.corp_id = call_pauses.corp_id
)`

const liftTenantPauses = `
DELETE FROM signet.call_pauses
WHERE tenant_id = $1`
