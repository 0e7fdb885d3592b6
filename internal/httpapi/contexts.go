package httpapi

import (
	"context"

	"signet/internal/tracing"
)

// RequestID gives the id of the request in whose course ctx was made, also where
// the work outlives it; "" where there was none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

type requestIDKey struct{}

// enter lets the context of a request name it, and begins its span. A trace that
// a client says it is in is not gone on with (ADR 0026).
func (e *edge) enter(event *Event) {
	event.context.requestID = event.RequestID // the event is lent, the context may outlive it
	if !e.cfg.Tracer.On() {
		return
	}
	event.context.traced, event.span = e.cfg.Tracer.Begin(context.Background(), "request", tracing.Server)
}

// endSpan ends the span of the request. It has the name of the operation and not
// the address, which a stranger writes.
func (e *Event) endSpan(cfg *Config, status int) {
	if !e.span.On() {
		return
	}
	name := e.Operation
	if name == "" {
		name = "unknown"
	}
	e.span.Rename(cfg.Name + " " + name)
	e.span.Note(tracing.Listener(cfg.Name), tracing.Operation(name), tracing.Method(e.method), tracing.Status(status), tracing.RequestID(e.RequestID))
	if e.failure != nil {
		e.span.Note(tracing.Code(e.failure.Code))
	}
	e.span.EndAs(status >= 500)
}
