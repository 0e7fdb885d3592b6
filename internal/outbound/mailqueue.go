package outbound

import (
	"context"
	"time"

	"signet/internal/core"
)

// Queue is Mail for who must not wait: what it takes is sent by Mail.Run, once, as well
// as may be.
type Queue struct{ mail *Mail }

// Queue gives the queue of a Mail.
func (m *Mail) Queue() Queue { return Queue{m} }

// Send takes a letter over. It fails with core.MailError where too many wait.
func (q Queue) Send(_ context.Context, letter core.Letter) error { return q.put(q.mail.write(letter)) }

// Notify takes a notice over, or drops it where too many wait.
func (q Queue) Notify(notice core.Notice) { _ = q.put(q.mail.writeNotice(notice)) }

func (q Queue) put(e envelope) error {
	select {
	case q.mail.queue <- e:
		return nil
	default:
		q.mail.cfg.Log.Warn("a letter is dropped: too many wait for the mail server", "kind", e.kind)
		return core.MailError{Problem: core.MailBusy}
	}
}

// farewell is how long the letters that wait have when a node stops.
const farewell = 3 * time.Second

// Run sends what is in the queue until ctx ends, then what still waits, for a moment.
// A letter that cannot be sent is told in the log, by its kind.
func (m *Mail) Run(ctx context.Context) error {
	for {
		select {
		case e := <-m.queue:
			m.deliver(context.WithoutCancel(ctx), e)
		case <-ctx.Done():
			m.empty(context.WithoutCancel(ctx))
			return nil
		}
	}
}

func (m *Mail) empty(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	for {
		select {
		case e := <-m.queue:
			m.deliver(ctx, e)
		default:
			return
		}
	}
}

func (m *Mail) deliver(ctx context.Context, e envelope) {
	if err := m.send(ctx, e); err != nil {
		m.cfg.Log.WarnContext(ctx, "a letter could not be sent", "kind", e.kind, "error", err)
	}
}
