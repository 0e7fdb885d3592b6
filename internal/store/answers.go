package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// AnswerState says what became of a call that may be repeated.
type AnswerState string

// The states of such a call.
const (
	AnswerRunning AnswerState = "running"
	AnswerLost    AnswerState = "lost" // nobody knows what became of it
	AnswerFree    AnswerState = "free" // it changed nothing, and may be made again
	AnswerKept    AnswerState = "kept" // its answer is there
)

// AnswerRow is a call that may be repeated, with its answer.
type AnswerRow struct {
	Answer     string // made of who called and of their key
	Request    [32]byte
	Run        uuid.UUID // which of the tries holds the row
	State      AnswerState
	Sealed     []byte
	KeyVersion int32
}

// A call that has not ended within a minute, which is twice as long as a request may
// take, is lost.
const (
	beginTenantAnswer = `
INSERT INTO signet.idempotent_answers (tenant_id, answer, request, run, state)
VALUES ($1, $2, $3, $4, 'running')
ON CONFLICT (tenant_id, answer) DO UPDATE
SET request = EXCLUDED.request, run = EXCLUDED.run, state = 'running', begun_at = now(), sealed = NULL, key_version = NULL
WHERE idempotent_answers.state = 'free' OR idempotent_answers.begun_at < now() - interval '24 hours'
RETURNING true`

	beginPlatformAnswer = `
INSERT INTO signet.platform_answers (answer, request, run, state)
VALUES ($1, $2, $3, 'running')
ON CONFLICT (answer) DO UPDATE
SET request = EXCLUDED.request, run = EXCLUDED.run, state = 'running', begun_at = now(), sealed = NULL, key_version = NULL
WHERE platform_answers.state = 'free' OR platform_answers.begun_at < now() - interval '24 hours'
RETURNING true`

	answerColumns = `answer, request, run, CASE WHEN state = 'running' AND begun_at < now() - interval '1 minute' THEN 'lost' ELSE state END,
       sealed, coalesce(key_version, 0)`

	findTenantAnswer = `
SELECT ` + answerColumns + `
FROM signet.idempotent_answers
WHERE tenant_id = $1 AND answer = $2`

	findPlatformAnswer = `
SELECT ` + answerColumns + `
FROM signet.platform_answers
WHERE answer = $1`

	endTenantAnswer = `
UPDATE signet.idempotent_answers
SET state = $4, sealed = $5, key_version = $6
WHERE tenant_id = $1 AND answer = $2 AND run = $3 AND state = 'running'`

	endPlatformAnswer = `
UPDATE signet.platform_answers
SET state = $3, sealed = $4, key_version = $5
WHERE answer = $1 AND run = $2 AND state = 'running'`
)

func scanAnswer(row pgx.CollectableRow) (AnswerRow, error) {
	var a AnswerRow
	var request []byte
	err := row.Scan(&a.Answer, &request, &a.Run, &a.State, &a.Sealed, &a.KeyVersion)
	copy(a.Request[:], request)
	return a, err
}

// BeginAnswer takes a call for the given run, where none is known by that name that
// counts. It tells false where there is one. It fails with fault.TenantUnknown.
func (tx *TenantTx) BeginAnswer(ctx context.Context, a AnswerRow) (bool, error) {
	_, begun, err := find(ctx, tx.tx, pgx.RowTo[bool], beginTenantAnswer, tx.tenantID, a.Answer, a.Request[:], a.Run)
	return begun, err
}

// FindAnswer gives a call by its name.
func (tx *TenantTx) FindAnswer(ctx context.Context, answer string) (AnswerRow, bool, error) {
	return find(ctx, tx.tx, scanAnswer, findTenantAnswer, tx.tenantID, answer)
}

// EndAnswer writes what became of a run. It tells false, and writes nothing, where
// that run does not hold the row any more.
func (tx *TenantTx) EndAnswer(ctx context.Context, a AnswerRow) (bool, error) {
	tag, err := tx.tx.Exec(ctx, endTenantAnswer, tx.tenantID, a.Answer, a.Run, a.State, a.Sealed, versionOrNull(a))
	return tag.RowsAffected() == 1, translate(err)
}

// BeginAnswer is TenantTx.BeginAnswer for a call that is about no tenant.
func (tx *PlatformTx) BeginAnswer(ctx context.Context, a AnswerRow) (bool, error) {
	_, begun, err := find(ctx, tx.tx, pgx.RowTo[bool], beginPlatformAnswer, a.Answer, a.Request[:], a.Run)
	return begun, err
}

// FindAnswer is TenantTx.FindAnswer for a call that is about no tenant.
func (tx *PlatformTx) FindAnswer(ctx context.Context, answer string) (AnswerRow, bool, error) {
	return find(ctx, tx.tx, scanAnswer, findPlatformAnswer, answer)
}

// EndAnswer is TenantTx.EndAnswer for a call that is about no tenant.
func (tx *PlatformTx) EndAnswer(ctx context.Context, a AnswerRow) (bool, error) {
	tag, err := tx.tx.Exec(ctx, endPlatformAnswer, a.Answer, a.Run, a.State, a.Sealed, versionOrNull(a))
	return tag.RowsAffected() == 1, translate(err)
}

func versionOrNull(a AnswerRow) *int32 {
	if a.Sealed == nil {
		return nil
	}
	return &a.KeyVersion
}

// NewestPlatformKey gives the version of the platform's key that seals, and keeps it
// from being deleted until the transaction ends. found is false where there is none.
func (tx *PlatformTx) NewestPlatformKey(ctx context.Context) (key WrappedKey, found bool, err error) {
	return newestPlatformKey(ctx, tx.tx)
}

// The door's policy says what is old. The first statement reads no column, so that
// this door deletes what is sealed for a tenant without seeing it.
const (
	trimTenantAnswers = `
DELETE FROM signet.idempotent_answers
WHERE current_setting('signet.platform', true) = 'on'`

	trimPlatformAnswers = `
DELETE FROM signet.platform_answers
WHERE begun_at < now() - interval '24 hours'`
)

// TrimAnswers deletes the answers to calls that began 24 hours ago, and gives how
// many they were.
func (tx *PlatformTx) TrimAnswers(ctx context.Context) (int64, error) {
	var gone int64
	for _, statement := range []string{trimTenantAnswers, trimPlatformAnswers} {
		tag, err := tx.tx.Exec(ctx, statement)
		if err != nil {
			return gone, translate(err)
		}
		gone += tag.RowsAffected()
	}
	return gone, nil
}
