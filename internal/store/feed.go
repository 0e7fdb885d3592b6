package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"signet/internal/core"
	"signet/internal/fault"
)

// FeedPosition is how far a reader has come: it has seen what the transactions
// of one snapshot had changed. The zero position is before everything.
type FeedPosition struct {
	snapshot string // pg_snapshot, as text
	history  string // which database that was: cluster and timeline
}

// ErrFeedBroken says that reading on from a position would miss something: the
// reader loads everything anew. The two errors below wrap it and say why.
var ErrFeedBroken = errors.New("the change feed is broken off")

// Why the feed is broken off.
var (
	// ErrOtherDatabase: it was restored from a backup, or failed over to a copy
	// that may have missed something. What a reader was told may never have
	// happened there, and what happened there it may never be told.
	ErrOtherDatabase = fmt.Errorf("%w: the database is another than before", ErrFeedBroken)

	// ErrFeedTrimmed: changes that the reader has not seen were deleted (trim.go).
	ErrFeedTrimmed = fmt.Errorf("%w: what was not read yet is no longer kept", ErrFeedBroken)
)

// pollEvery is how often the feed is read when no notification comes. The
// design's figure: a change is in force everywhere within two seconds, NOTIFY
// dead or alive.
const pollEvery = time.Second

// readPatience is the longest that one reading may take, and one applying.
const readPatience = 10 * time.Second

// beforeAll is a snapshot that saw no transaction.
const beforeAll = "1:1:"

// The cluster's number tells a restored dump apart, the timeline a standby that
// took over.
const history = `(SELECT system_identifier::text FROM pg_catalog.pg_control_system()) || '/' ||
       (SELECT timeline_id::text FROM pg_catalog.pg_control_checkpoint())`

const selectHorizon = `
SELECT pg_current_snapshot()::text,
       ` + history

// Horizon is the place in the change feed from which a reader who has just
// seen this transaction's rows must go on.
func (tx *SystemTx) Horizon(ctx context.Context) (FeedPosition, error) {
	return one(ctx, tx.tx, fault.InternalError, func(row pgx.CollectableRow) (p FeedPosition, err error) {
		err = row.Scan(&p.snapshot, &p.history)
		return p, err
	}, selectHorizon)
}

// One statement, and so one snapshot and one round trip, says where the feed
// stands and what is new. The first row, or the only one, has the position.
//
// A transaction that began earlier may commit later, so no number tells what is
// new. What tells it is the rule by which Postgres itself sees rows: new is what
// this snapshot sees and the former one ($1) did not see yet. Restored rows can
// bear ids of another cluster that lie in the future here; they are not new.
//
// A transaction id that has gone back shows a disk that was put back whole. What
// was deleted lay behind every transaction that was open then (trimChanges), so it
// was seen by all but those whose snapshot begins before it; a mark that lies
// ahead was restored from another cluster and says nothing.
const selectChanges = `
SELECT n.snapshot::text, n.history, n.went_back, n.trimmed,
       c.tenant_id, c.kind, c.app_id, c.app_key, c.host
FROM (
    SELECT pg_current_snapshot() AS snapshot,
       ` + history + ` AS history,
       pg_snapshot_xmax($1::text::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()) AS went_back,
       EXISTS (
           SELECT FROM signet.change_log_trimmed
           WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot) AND xid < pg_snapshot_xmin(pg_current_snapshot())
       ) AS trimmed
) n
LEFT JOIN signet.change_log c
  ON c.xid >= pg_snapshot_xmin($1::text::pg_snapshot)
 AND c.xid < pg_snapshot_xmax(n.snapshot)
 AND NOT pg_visible_in_snapshot(c.xid, $1::text::pg_snapshot)
 AND NOT n.went_back AND NOT n.trimmed
ORDER BY c.seq`

// feedRow is a change, and where the feed stood when it was read.
type feedRow struct {
	at                FeedPosition
	wentBack, trimmed bool
	isChange          bool
	change            Change
}

func scanFeedRow(row pgx.CollectableRow) (feedRow, error) {
	var r feedRow
	var tenantID *core.TenantID
	var kind *ChangeKind
	var appID *core.AppID
	var key []byte
	var host *core.Host
	err := row.Scan(&r.at.snapshot, &r.at.history, &r.wentBack, &r.trimmed, &tenantID, &kind, &appID, &key, &host)
	if tenantID != nil && kind != nil {
		r.isChange, r.change.TenantID, r.change.Kind = true, *tenantID, *kind
	}
	if appID != nil {
		r.change.AppID = *appID
	}
	copy(r.change.AppKey[:], key)
	if host != nil {
		r.change.Host = *host
	}
	return r, err
}

// ReadChanges gives the changes that were committed since from, each once, in
// the order in which they were written, and the position after them. It fails
// with an error that wraps ErrFeedBroken where from is of another database, or
// lies before what is kept.
func (tx *SystemTx) ReadChanges(ctx context.Context, from FeedPosition) ([]Change, FeedPosition, error) {
	return readChanges(ctx, tx.tx, from)
}

func readChanges(ctx context.Context, q querier, from FeedPosition) ([]Change, FeedPosition, error) {
	since := from.snapshot
	if since == "" {
		since = beforeAll
	}
	rows, err := all(ctx, q, scanFeedRow, selectChanges, since)
	if err != nil {
		return nil, from, err
	}
	next := rows[0]
	switch {
	case next.wentBack || from.history != "" && from.history != next.at.history:
		return nil, from, ErrOtherDatabase
	case next.trimmed:
		return nil, from, ErrFeedTrimmed
	}
	var changes []Change
	for _, r := range rows {
		if r.isChange {
			changes = append(changes, r.change)
		}
	}
	return changes, next.at, nil
}
