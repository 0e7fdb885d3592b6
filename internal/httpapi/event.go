package httpapi

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"signet/internal/fault"
	"signet/internal/tracing"
)

// Event is what one request came to. It is filled on the way and written to the
// log once, at the end. It belongs to the goroutine of its request.
type Event struct {
	RequestID string
	Client    netip.Addr // of the client; behind trusted proxies, the one they name
	Operation string     // name of the route's operation, "" until a route was found

	method   string
	began    time.Time
	failure  *fault.Error // nil if it went well
	panicked any
	stack    []byte
	notes    []slog.Attr
	room     [4]slog.Attr // for the first notes
	context  deadline
	span     tracing.Span // none where traces are off
}

type eventKey struct{}

// EventOf gives the event of a request under way.
func EventOf(c *fiber.Ctx) *Event { return eventOf(c.Context()) }

func eventOf(fctx *fasthttp.RequestCtx) *Event {
	e, _ := fctx.UserValue(eventKey{}).(*Event)
	return e
}

// Context gives the context of the request: it ends at the request's deadline,
// or when the answer is there.
func (e *Event) Context() context.Context { return &e.context }

// Note adds a fact to the log line of the request. It takes no secret and of a
// page's address the host alone.
func (e *Event) Note(fact slog.Attr) {
	if e.notes == nil {
		e.notes = e.room[:0]
	}
	e.notes = append(e.notes, fact)
}

// write makes the log line. What a stranger can write at will (path, query,
// header, member names) does not get into it, save the request id in its narrow
// alphabet.
func (e *Event) write(ctx context.Context, cfg *Config, status int) {
	level := slog.LevelInfo
	switch {
	case e.panicked != nil || e.failure != nil && e.failure.Code == fault.InternalError:
		level = slog.LevelError
	case status >= 500:
		level = slog.LevelWarn
	case cfg.Quiet:
		level = slog.LevelDebug
	}
	if !cfg.Log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs,
		slog.String("listener", cfg.Name),
		slog.String("request_id", e.RequestID),
		slog.String("method", e.method),
		slog.String("operation", e.Operation),
		slog.Int("status", status),
		slog.Duration("duration", time.Since(e.began)),
		slog.String("client", e.Client.String()),
	)
	attrs = append(attrs, e.notes...)
	if e.failure != nil {
		attrs = append(attrs, slog.String("code", string(e.failure.Code)))
		if e.failure.Errcode != 0 {
			attrs = append(attrs, slog.Int("errcode", e.failure.Errcode))
		}
		if status >= 500 {
			attrs = append(attrs, slog.String("error", e.failure.Error()))
		}
	}
	if e.panicked != nil {
		attrs = append(attrs, slog.Any("panic", e.panicked), slog.String("stack", string(e.stack)))
	}
	cfg.Log.LogAttrs(ctx, level, "request", attrs...)
}
