package app

import (
	"context"
	"log/slog"

	"signet/internal/httpapi"
	"signet/internal/tracing"
)

// logbook stands between every logger of a node and where lines are written. It
// adds to a line the request and the trace that it belongs to, counts the alerts,
// and counts the lines that could not be written: nobody is told of those
// otherwise, and nothing waits for them.
type logbook struct {
	slog.Handler
	counts *logCounts
}

// lineWriter also takes lines that are ready; the edge asks for it.
type lineWriter interface {
	WriteLine(level slog.Level, line []byte)
}

// lineBook is a logbook over a handler that takes such lines.
type lineBook struct {
	logbook
	lineWriter
}

var (
	_ slog.Handler = logbook{}
	_ slog.Handler = lineBook{}
)

// newLogbook makes the handler of a node's loggers.
func newLogbook(next slog.Handler, counts *logCounts) slog.Handler {
	counts.dropping, _ = next.(interface{ Dropped() uint64 })
	book := logbook{next, counts}
	if lines, ok := next.(lineWriter); ok {
		return lineBook{book, lines}
	}
	return book
}

// Handle implements slog.Handler.
func (b logbook) Handle(ctx context.Context, r slog.Record) error {
	alert, named := "", false
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "alert":
			alert = a.Value.String()
		case "request_id":
			named = true
		}
		return r.Level >= slog.LevelWarn || !named // only these hold alerts
	})
	if alert != "" {
		b.counts.alert(alert)
	}
	if id := httpapi.RequestID(ctx); id != "" && !named {
		r = with(r, slog.String("request_id", id))
	}
	if id := tracing.TraceID(ctx); id != "" {
		r = with(r, slog.String("trace_id", id))
	}
	err := b.Handler.Handle(ctx, r)
	if err != nil {
		b.counts.failed.Add(1)
	}
	return err
}

// with gives the line with one more fact. Others may hold its attributes as well.
func with(r slog.Record, fact slog.Attr) slog.Record {
	r = r.Clone()
	r.AddAttrs(fact)
	return r
}

// WithAttrs implements slog.Handler.
func (b logbook) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logbook{b.Handler.WithAttrs(attrs), b.counts}
}

// WithGroup implements slog.Handler.
func (b logbook) WithGroup(name string) slog.Handler {
	return logbook{b.Handler.WithGroup(name), b.counts}
}
