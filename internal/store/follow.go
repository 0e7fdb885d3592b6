package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// FollowChanges calls apply with what changed after from, in order, until ctx
// ends; then it returns nil. It reads every second and at once when Postgres
// notifies. apply gets no empty batch; where it fails, or Postgres is away, the
// same changes come again within a second, so applying one twice must do no
// harm. report hears how each reading went, nil for well.
//
// It returns an error that wraps ErrFeedBroken when reading on would miss
// something: then the caller loads everything and follows from there.
func (s *Store) FollowChanges(ctx context.Context, from FeedPosition, apply func(context.Context, []Change) error, report func(error)) error {
	f := follower{store: s, at: from, apply: apply}
	defer f.hangUp(ctx)
	for {
		began := time.Now()
		err := f.read(ctx)
		if ctx.Err() != nil {
			return nil
		}
		report(err)
		if errors.Is(err, ErrFeedBroken) {
			return err
		}
		if !f.await(ctx, began.Add(pollEvery)) {
			return nil
		}
	}
}

// follower reads the feed through a connection of its own, which no pool may
// take away, and on which it listens. So what the connection misses while it is
// lost is found by the first reading of the next one, and a peer that has fallen
// silent is found by the reading that it does not answer.
type follower struct {
	store *Store
	at    FeedPosition
	apply func(context.Context, []Change) error

	conn     *pgx.Conn // nil while there is none
	notified bool      // since the latest reading began
}

// read reads what is new and applies it. Only then is it behind the follower.
func (f *follower) read(ctx context.Context) error {
	changes, next, err := f.readOnly(ctx)
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		ctx, cancel := context.WithTimeout(ctx, readPatience)
		defer cancel()
		if err := f.apply(ctx, changes); err != nil {
			return err
		}
	}
	f.at = next
	return nil
}

func (f *follower) readOnly(ctx context.Context) ([]Change, FeedPosition, error) {
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	if err := f.connect(ctx); err != nil {
		f.hangUp(ctx)
		return nil, f.at, unreachable(err)
	}
	f.notified = false
	changes, next, err := readChanges(ctx, f.conn, f.at)
	if err != nil && !errors.Is(err, ErrFeedBroken) {
		f.hangUp(ctx)
	}
	return changes, next, err
}

// feedName is what the connection is called in pg_stat_activity.
const feedName = "signet change feed"

// connect makes the connection where there is none.
func (f *follower) connect(ctx context.Context) error {
	if f.conn != nil && !f.conn.IsClosed() {
		return nil
	}
	cfg := f.store.system.Config().ConnConfig
	cfg.RuntimeParams["application_name"] = feedName
	cfg.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) { f.notified = true }
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	f.conn = conn
	_, err = conn.Exec(ctx, "LISTEN "+changeChannel)
	return err
}

// await waits for a notification, or for until. It tells whether ctx goes on.
func (f *follower) await(ctx context.Context, until time.Time) bool {
	waiting, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if f.conn != nil && !f.notified {
		// Whatever it says, the next reading finds out how the connection is.
		_ = f.conn.PgConn().WaitForNotification(waiting)
	}
	if !f.notified {
		<-waiting.Done() // a lost connection is no reason to hurry
	}
	return ctx.Err() == nil
}

// hangUpPatience is how long the server has for taking leave. A node that ends
// waits for it.
const hangUpPatience = 200 * time.Millisecond

func (f *follower) hangUp(ctx context.Context) {
	if f.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hangUpPatience)
	defer cancel()
	_ = f.conn.Close(ctx) // it is of no more use either way
	f.conn = nil
}
