package store

import (
	"context"
	"errors"
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

// ErrFeedBroken says that the database behind the feed is another than before:
// restored from a backup, or failed over to a copy that may have missed
// something. What a reader was told may never have happened there, and what
// happened there it may never be told, so it loads everything anew.
var ErrFeedBroken = errors.New("the change feed is broken off: the database is another than before")

// pollEvery is how often the feed is read when no notification comes. The
// design's figure: a change is in force everywhere within two seconds, NOTIFY
// dead or alive.
const pollEvery = time.Second

// readPatience is the longest that one reading and applying may take.
const readPatience = 10 * time.Second

// The cluster's number tells a restored dump apart, the timeline a standby that
// took over, and a transaction id that has gone back a disk put back whole.
const selectHorizon = `
SELECT pg_current_snapshot()::text,
       (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) || '/' ||
       (SELECT timeline_id::text FROM pg_catalog.pg_control_checkpoint()),
       pg_snapshot_xmax($1::text::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot())`

// beforeAll is a snapshot that saw no transaction.
const beforeAll = "1:1:"

// Horizon is the place in the change feed from which a reader who has just
// seen this transaction's rows must go on.
func (tx *SystemTx) Horizon(ctx context.Context) (FeedPosition, error) {
	at, _, err := tx.horizon(ctx, beforeAll)
	return at, err
}

func (tx *SystemTx) horizon(ctx context.Context, since string) (at FeedPosition, wentBack bool, err error) {
	at, err = one(ctx, tx.tx, fault.InternalError, func(row pgx.CollectableRow) (p FeedPosition, err error) {
		err = row.Scan(&p.snapshot, &p.history, &wentBack)
		return p, err
	}, selectHorizon, since)
	return at, wentBack, err
}

// A transaction that began earlier may commit later, so no number tells what is
// new. What tells it is the rule by which Postgres itself sees rows: new is what
// this snapshot sees and the former one did not see yet. Restored rows can bear
// ids of another cluster that lie in the future here; they are not new.
const selectChanges = `
SELECT c.tenant_id, c.kind, c.app_id, c.app_key, c.host
FROM signet.change_log c
WHERE c.xid >= pg_snapshot_xmin($1::text::pg_snapshot)
  AND c.xid < pg_snapshot_xmax($2::text::pg_snapshot)
  AND NOT pg_visible_in_snapshot(c.xid, $1::text::pg_snapshot)
ORDER BY c.seq`

func scanChange(row pgx.CollectableRow) (Change, error) {
	var c Change
	var appID *core.AppID
	var key []byte
	var host *core.Host
	err := row.Scan(&c.TenantID, &c.Kind, &appID, &key, &host)
	if appID != nil {
		c.AppID = *appID
	}
	copy(c.AppKey[:], key)
	if host != nil {
		c.Host = *host
	}
	return c, err
}

// ReadChanges gives the changes that were committed since from, each once, in
// the order in which they were written, and the position after them. It fails
// with ErrFeedBroken where from is of another database.
func (tx *SystemTx) ReadChanges(ctx context.Context, from FeedPosition) ([]Change, FeedPosition, error) {
	since := from.snapshot
	if since == "" {
		since = beforeAll
	}
	next, wentBack, err := tx.horizon(ctx, since)
	if err != nil {
		return nil, from, err
	}
	if wentBack || from.history != "" && from.history != next.history {
		return nil, from, ErrFeedBroken
	}
	changes, err := all(ctx, tx.tx, scanChange, selectChanges, since, next.snapshot)
	if err != nil {
		return nil, from, err
	}
	return changes, next, nil
}

// FollowChanges calls apply with what changed after from, in order, until ctx
// ends; then it returns nil. It reads every second and at once when Postgres
// notifies. apply gets no empty batch; where it fails, or Postgres is away, the
// same changes come again within a second, so applying one twice must do no
// harm. report hears how each reading went, nil for well.
//
// It returns ErrFeedBroken when the database was changed for another: then the
// caller loads everything and follows from there.
func (s *Store) FollowChanges(ctx context.Context, from FeedPosition, apply func(context.Context, []Change) error, report func(error)) error {
	ctx, cancel := context.WithCancel(ctx)
	wake := make(chan struct{}, 1)
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		s.listen(ctx, wake)
	}()
	defer func() { cancel(); <-listening }()

	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-wake:
		}
		next, err := s.readAndApply(ctx, from, apply)
		if ctx.Err() != nil {
			return nil
		}
		report(err)
		switch {
		case errors.Is(err, ErrFeedBroken):
			return err
		case err == nil:
			from = next
		}
	}
}

func (s *Store) readAndApply(ctx context.Context, from FeedPosition, apply func(context.Context, []Change) error) (FeedPosition, error) {
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	var changes []Change
	next := from
	err := s.System(ctx, func(tx *SystemTx) error {
		var err error
		changes, next, err = tx.ReadChanges(ctx, from)
		return err
	})
	if err != nil || len(changes) == 0 {
		return next, err
	}
	return next, apply(ctx, changes)
}

// listen turns notifications into wake-ups. It owns its connection, which no
// pool may take away, and makes a new one a second after it was lost; what was
// missed meanwhile is found by reading.
func (s *Store) listen(ctx context.Context, wake chan<- struct{}) {
	for ctx.Err() == nil {
		_ = s.listenOnce(ctx, wake) // the reader reports whether Postgres answers
		select {
		case <-ctx.Done():
		case <-time.After(pollEvery):
		}
	}
}

func (s *Store) listenOnce(ctx context.Context, wake chan<- struct{}) error {
	conn, err := pgx.ConnectConfig(ctx, s.system.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN "+changeChannel); err != nil {
		return err
	}
	for {
		select {
		case wake <- struct{}{}:
		default: // one wake-up is waiting already
		}
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}
