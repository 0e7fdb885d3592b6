package tracing

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"signet/internal/fault"
)

// scope is under which name the spans of this program go.
const scope = "signet"

// Kind says which side of a call a span is on.
type Kind = trace.SpanKind

// The kinds.
const (
	Inside Kind = trace.SpanKindInternal
	Server Kind = trace.SpanKindServer
	Client Kind = trace.SpanKindClient
)

// Tracer begins trees of spans. The zero Tracer begins none.
type Tracer struct{ tracer trace.Tracer }

// NewTracer makes a Tracer of whatever keeps the spans.
func NewTracer(provider trace.TracerProvider) Tracer { return Tracer{provider.Tracer(scope)} }

// On tells whether there is anyone to begin a span for.
func (t Tracer) On() bool { return t.tracer != nil }

// Begin begins a tree. Spans that are begun with the context that it gives are
// below the new one.
func (t Tracer) Begin(ctx context.Context, name string, kind Kind) (context.Context, Span) {
	if t.tracer == nil {
		return ctx, Span{}
	}
	return begin(ctx, t.tracer, name, kind, trace.WithNewRoot())
}

// Begin begins a span below the one of ctx, and none where there is none.
func Begin(ctx context.Context, name string, kind Kind) (context.Context, Span) {
	above := trace.SpanFromContext(ctx)
	if !above.IsRecording() {
		return ctx, Span{}
	}
	return begin(ctx, above.TracerProvider().Tracer(scope), name, kind)
}

func begin(ctx context.Context, tracer trace.Tracer, name string, kind Kind, options ...trace.SpanStartOption) (context.Context, Span) {
	ctx, span := tracer.Start(ctx, name, append(options, trace.WithSpanKind(kind))...)
	return ctx, Span{span}
}

type tracerKey struct{}

// With lets work that no request has asked for begin trees of its own (BeginTree).
func With(ctx context.Context, t Tracer) context.Context {
	if !t.On() {
		return ctx
	}
	return context.WithValue(ctx, tracerKey{}, t)
}

// BeginTree begins a tree with the Tracer of ctx, and none where it has none.
func BeginTree(ctx context.Context, name string) (context.Context, Span) {
	t, _ := ctx.Value(tracerKey{}).(Tracer)
	return t.Begin(ctx, name, Inside)
}

// TraceID gives the id of the trace that ctx is in, "" where it is in none that
// is kept.
func TraceID(ctx context.Context) string {
	if at := trace.SpanContextFromContext(ctx); at.IsSampled() {
		return at.TraceID().String()
	}
	return ""
}

// Span is one part of what a request did. The zero Span is none, and every
// method of it does nothing.
type Span struct{ span trace.Span }

// On tells whether what is noted is kept.
func (s Span) On() bool { return s.span != nil && s.span.IsRecording() }

// Rename gives the span another name, one of a small set of ours.
func (s Span) Rename(name string) {
	if s.span != nil {
		s.span.SetName(name)
	}
}

// Note adds facts.
func (s Span) Note(facts ...Fact) {
	if s.span != nil {
		s.span.SetAttributes(facts...)
	}
}

// End ends the span. Of an error it keeps the code alone. What the caller may
// mend is no failure of ours, and neither is a caller who gave up.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err == nil {
		s.EndAs(false)
		return
	}
	f := fault.Find(err)
	s.span.SetAttributes(Code(f.Code))
	ours := f.Kind() == fault.Internal || f.Kind() == fault.Unavailable || f.Kind() == fault.TimedOut
	s.EndAs(ours && !errors.Is(err, context.Canceled))
}

// EndAs ends the span as failed or not.
func (s Span) EndAs(failed bool) {
	if s.span == nil {
		return
	}
	if failed {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}
