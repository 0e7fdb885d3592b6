package replay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/seal"
	"signet/internal/store"
)

// Config is what a Keeper works with. All of it must be set.
type Config struct {
	Store  *store.Store
	Sealer *seal.Sealer
	Opener *seal.Opener // for seal.IdempotentAnswer
	Log    *slog.Logger
}

// Keeper keeps answers. Make one with New.
type Keeper struct{ Config }

// New makes a Keeper.
func New(cfg Config) *Keeper { return &Keeper{cfg} }

// Call is a call that may be repeated.
type Call struct {
	Actor   core.Actor    // a member or an API key
	Tenant  core.TenantID // that it is about, and that the actor belongs to; zero: none yet
	Key     string        // the caller's name of it
	Request [32]byte      // a hash of what is asked for
}

// Run is one try of a call, which holds it until End or Fail.
type Run struct {
	call   Call
	answer string
	id     uuid.UUID
}

// runningWait is what who repeats a call under way is told to wait.
const runningWait = 2 * time.Second

// Begin takes a call: then it is to be made, and the Run given back. Where it was made
// before, its answer is given and no Run. It fails with fault.IdempotencyMismatch,
// fault.IdempotencyRunning or fault.IdempotencyUnknown, with fault.TenantUnknown, and
// with fault.StoreUnavailable.
func (k *Keeper) Begin(ctx context.Context, c Call) (Run, *Answer, error) {
	run := Run{call: c, answer: nameOf(c), id: uuid.New()}
	var answer *Answer
	err := k.within(ctx, c, func(tx rows) error {
		begun, err := tx.BeginAnswer(ctx, store.AnswerRow{Answer: run.answer, Request: c.Request, Run: run.id})
		if err != nil || begun {
			return err
		}
		// The row that was in the way is held by the statement above, so that a turning
		// of its key passes it over until this transaction ends.
		row, found, err := tx.FindAnswer(ctx, run.answer)
		switch {
		case err != nil:
			return err
		case !found: // trimmed in this very moment
			return fault.New(fault.IdempotencyRunning, nil).WithRetryAfter(runningWait)
		case row.Request != c.Request:
			return fault.New(fault.IdempotencyMismatch, nil)
		}
		switch row.State {
		case store.AnswerKept:
			answer, err = k.open(ctx, tx, c, row)
			return err
		case store.AnswerLost:
			return fault.New(fault.IdempotencyUnknown, nil)
		case store.AnswerRunning, store.AnswerFree: // free since it was begun: it was another's just now
		}
		return fault.New(fault.IdempotencyRunning, nil).WithRetryAfter(runningWait)
	})
	return run, answer, err
}

// endPatience is how long the end of a call may take to write, whatever has become of
// the request.
const endPatience = 5 * time.Second

// End keeps the answer of a run. Where that cannot be done it is told in the log, and
// the call is lost for who repeats it.
func (k *Keeper) End(ctx context.Context, r Run, a Answer) {
	k.end(ctx, r, func(ctx context.Context, tx rows) error {
		row, err := k.seal(ctx, tx, r, a)
		if err != nil {
			return err
		}
		return k.write(ctx, tx, r, row)
	})
}

// Fail says that a run has failed. Where err tells that nothing was changed the call is
// free to be made again; where nobody knows, it is lost.
func (k *Keeper) Fail(ctx context.Context, r Run, err error) {
	row := store.AnswerRow{Answer: r.answer, Run: r.id, State: store.AnswerFree}
	if mayHaveChanged(err) {
		row.State = store.AnswerLost
	}
	k.end(ctx, r, func(ctx context.Context, tx rows) error { return k.write(ctx, tx, r, row) })
}

// mayHaveChanged tells whether a failure leaves open what has happened: one of our own,
// or of Postgres, which may have committed and not been able to say so.
func mayHaveChanged(err error) bool {
	f := fault.Find(err)
	return f.Kind() == fault.Internal || f.Kind() == fault.TimedOut || f.Code == fault.StoreUnavailable
}

func (k *Keeper) end(ctx context.Context, r Run, work func(context.Context, rows) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
	defer cancel()
	err := k.within(ctx, r.call, func(tx rows) error { return work(ctx, tx) })
	if err != nil {
		k.Log.WarnContext(ctx, "the answer to a call could not be kept; who repeats the call is told that its outcome is not known",
			"request_id", r.call.Actor.RequestID, "error", err)
	}
}

func (k *Keeper) write(ctx context.Context, tx rows, r Run, row store.AnswerRow) error {
	held, err := tx.EndAnswer(ctx, row)
	if err == nil && !held {
		err = fmt.Errorf("run %s of a call does not hold it any more", r.id)
	}
	return err
}

// rows are the rows of calls, as both doors know them.
type rows interface {
	BeginAnswer(ctx context.Context, a store.AnswerRow) (bool, error)
	FindAnswer(ctx context.Context, answer string) (store.AnswerRow, bool, error)
	EndAnswer(ctx context.Context, a store.AnswerRow) (bool, error)
}

var (
	_ rows = (*store.TenantTx)(nil)
	_ rows = (*store.PlatformTx)(nil)
)

func (k *Keeper) within(ctx context.Context, c Call, work func(rows) error) error {
	if c.Tenant.IsZero() {
		return k.Store.Platform(ctx, c.Actor, func(tx *store.PlatformTx) error { return work(tx) })
	}
	return k.Store.Tenant(ctx, c.Actor, c.Tenant, func(tx *store.TenantTx) error { return work(tx) })
}

// nameOf names a call by who makes it and by their key, which it does not show.
func nameOf(c Call) string {
	sum := sha256.Sum256([]byte("signet call 1 " + string(c.Actor.Kind) + " " + c.Actor.ID() + " " + c.Tenant.String() + " " + c.Key))
	return hex.EncodeToString(sum[:])
}
