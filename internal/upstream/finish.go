package upstream

import (
	"context"
	"errors"
	"time"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/store"
	"signet/internal/wecom"
)

// How long what a call came to may take to be written down.
const writePatience = 3 * time.Second

// finish notes what a call came to, also when the one who called has gone. tries
// is how often WeCom was asked.
func (l *ledger) finish(ctx context.Context, b begun, tries int64, callErr error) {
	out := outcomeOf(b.who, b.api, callErr)
	extra := max(tries-1, 0) // one is counted already
	accepted := acceptedOf(b.who, extra)
	if callErr == nil && b.who.Standing != KnownGood {
		accepted = tries
	}
	refused := refusedIn(callErr)
	lifts := l.liftsIn(b, out)
	l.pauses.lift(out.lifts...)
	if extra == 0 && accepted == 0 && refused == nil && out.failed == nil && len(lifts) == 0 {
		return
	}

	w := written{extra: extra, accepted: accepted, refused: refused, lifts: lifts, outcome: out}
	if out.failed != nil {
		w.failures, w.atLeast = l.pauses.failures(out.key, out.kind)
	}
	if err := l.write(ctx, b, &w); err != nil {
		l.keep(ctx, b, w, err)
		l.hold(w, true)
	}
}

// hold notes on this node how the pause of a failure stands.
func (l *ledger) hold(w written, alone bool) {
	if w.failed != nil {
		l.pauses.put(w.key, pause{kind: w.kind, failures: w.failures, alone: alone}, wecom.Fault(w.failed), w.long)
	}
}

// refusedIn gives the refusal that WeCom counts against us, nil if it is none.
func refusedIn(err error) *wecom.Error {
	var failed *wecom.Error
	if errors.As(err, &failed) && failed.Refused() {
		return failed
	}
	return nil
}

// written is what is written down after a call.
type written struct {
	extra, accepted int64
	refused         *wecom.Error
	lifts           []pauseKey
	outcome

	failures int           // in a row, this one among them: of this node, then of the cluster
	atLeast  int           // those that Postgres does not know
	long     time.Duration // how long the calls are held back
}

var errAway = fault.New(fault.StoreUnavailable, nil).WithRetryAfter(writePatience)

// write writes what a call came to in one transaction.
func (l *ledger) write(ctx context.Context, b begun, w *written) error {
	w.long = l.pauses.length(w.kind, w.failures, w.failed)
	if b.away {
		return errAway
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writePatience)
	defer cancel()
	return l.store.Tenant(ctx, core.System("upstream"), b.who.TenantID, func(tx *store.TenantTx) error {
		// Everybody writes in this order, so that nobody waits in a circle.
		if w.extra > 0 || w.accepted > 0 {
			if _, err := tx.CountCalls(ctx, b.key(), w.extra, w.accepted, 0); err != nil {
				return err
			}
		}
		if w.refused != nil {
			if err := tx.CountRefusedCalls(ctx, string(w.refused.API), w.refused.Errcode, 1, 0); err != nil {
				return err
			}
		}
		for _, k := range w.lifts {
			if err := tx.LiftPause(ctx, k.PauseKey); err != nil {
				return err
			}
		}
		if w.failed == nil {
			return nil
		}
		if late, err := isLate(ctx, tx, b.who, w.key); late || err != nil {
			return err
		}
		failures, err := tx.CountFailure(ctx, w.key.PauseKey, string(w.kind), w.atLeast, wecom.Fault(w.failed))
		if err != nil {
			return err // and this node's own count stands
		}
		w.failures = failures
		if w.long = l.pauses.length(w.kind, w.failures, w.failed); w.long > 0 {
			err = tx.HoldPause(ctx, w.key.PauseKey, w.long)
		}
		if err == nil {
			l.hold(*w, false) // before a rotation, which waits for us, can lift it
		}
		return err
	})
}

// isLate tells whether a failure is of a secret that is not the app's any more, so
// that it must not hold back the calls of the one that is.
func isLate(ctx context.Context, tx *store.TenantTx, who Caller, of pauseKey) (bool, error) {
	if who.Version == 0 || of.AppID.IsZero() {
		return false, nil
	}
	held, err := tx.HoldSecret(ctx, who.AppID, who.Version)
	return !held, err
}

// liftsIn gives the pauses that have to be lifted in Postgres too: those that
// stood there, and those of this node, which may stand there since. Mostly there
// are none, and then a call that goes well costs no transaction after it.
func (l *ledger) liftsIn(b begun, out outcome) []pauseKey {
	var list []pauseKey
	for _, k := range out.lifts {
		known := l.pauses.knows(k)
		for _, s := range b.stood {
			known = known || s.PauseKey == k.PauseKey
		}
		if known {
			list = append(list, k)
		}
	}
	return list
}

// keep counts here what could not be written down.
func (l *ledger) keep(ctx context.Context, b begun, w written, cause error) {
	if w.extra > 0 || w.accepted > 0 {
		l.keepMade(ctx, b, max(w.extra, w.accepted), w.accepted > 0)
	}
	refused := w.refused
	if refused == nil {
		return
	}
	attributes := []any{"tenant_id", b.who.TenantID, "api", refused.API, "errcode", refused.Errcode, "error", cause}
	if !l.refused.add(refusal{b.who.TenantID, string(refused.API), refused.Errcode}, 1, l.now()) {
		l.log.ErrorContext(ctx, "a call that WeCom refused is not counted: too many wait for Postgres already", attributes...)
		return
	}
	l.log.ErrorContext(ctx, "a call that WeCom refused cannot be written down yet; it is counted on this node", attributes...)
}
