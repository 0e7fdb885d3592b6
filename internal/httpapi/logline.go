package httpapi

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"signet/internal/fault"
)

// lineWriter is a handler of slog that also takes lines which are ready. Making
// them here costs a fifth of what slog's way does; where the handler takes none,
// or the event holds what only slog can write, slog makes the line, and a reader
// of the log sees no difference.
type lineWriter interface {
	slog.Handler
	WriteLine(level slog.Level, line []byte)
}

// linesOf gives the way past slog, nil if log has none.
func linesOf(log *slog.Logger) lineWriter {
	lines, _ := log.Handler().(lineWriter)
	return lines
}

// write makes the log line. What a stranger can write at will (path, query,
// header, member names) does not get into it, save the request id in its narrow
// alphabet.
func (e *Event) write(ctx context.Context, edge *edge, status int, took time.Duration) {
	level := e.level(&edge.cfg, status)
	if !edge.cfg.Log.Enabled(ctx, level) {
		return
	}
	if edge.lines == nil || !e.isPlain(status) {
		edge.cfg.Log.LogAttrs(ctx, level, eventMessage, e.attrs(&edge.cfg, status, took)...)
		return
	}
	buffer := lineBuffers.Get().(*[]byte)
	line := e.appendLine((*buffer)[:0], &edge.cfg, level, status, took)
	edge.lines.WriteLine(level, line)
	*buffer = line
	lineBuffers.Put(buffer)
}

const eventMessage = "request"

// lineBuffers lends the memory in which a line is made.
var lineBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 1<<10)
	return &b
}}

func (e *Event) level(cfg *Config, status int) slog.Level {
	switch {
	case e.panicked != nil || e.failure != nil && e.failure.Code == fault.InternalError:
		return slog.LevelError
	case status >= 500:
		return slog.LevelWarn
	case cfg.Quiet:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// attrs are the facts of the line in their order.
func (e *Event) attrs(cfg *Config, status int, took time.Duration) []slog.Attr {
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs,
		slog.String("listener", cfg.Name),
		slog.String("request_id", e.RequestID),
		slog.String("method", e.method),
		slog.String("operation", e.Operation),
		slog.Int("status", status),
		slog.Duration("duration", took),
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
		attrs = append(attrs, slog.String("panic", e.panicked.What()), slog.String("stack", e.panicked.Stack()))
	}
	return attrs
}

// isPlain tells whether appendLine can write all of the event: no error's text,
// no panic, notes of texts and whole numbers alone.
func (e *Event) isPlain(status int) bool {
	if status >= 500 || e.panicked != nil || !e.Client.IsValid() || e.span.On() {
		return false
	}
	for i := range e.notes {
		if k := e.notes[i].Value.Kind(); k != slog.KindString && k != slog.KindInt64 {
			return false
		}
	}
	return true
}

// appendLine writes what slog's JSON handler makes of attrs. The names of facts
// are the house's own and need no escaping.
func (e *Event) appendLine(b []byte, cfg *Config, level slog.Level, status int, took time.Duration) []byte {
	b = append(b, `{"time":"`...)
	b = e.began.Add(took).AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","level":"`...)
	b = append(b, level.String()...)
	b = append(b, `","msg":"`+eventMessage+`","listener":`...)
	b = AppendJSONString(b, cfg.Name)
	b = append(b, `,"request_id":"`...)
	b = append(b, e.RequestID...)
	b = append(b, `","method":"`...)
	b = append(b, e.method...)
	b = append(b, `","operation":`...)
	b = AppendJSONString(b, e.Operation)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, `,"duration":`...)
	b = strconv.AppendInt(b, int64(took), 10)
	b = append(b, `,"client":"`...)
	b = e.Client.AppendTo(b)
	b = append(b, '"')
	for i := range e.notes {
		b = appendNote(b, &e.notes[i])
	}
	if e.failure != nil {
		b = append(b, `,"code":`...)
		b = AppendJSONString(b, string(e.failure.Code))
		if e.failure.Errcode != 0 {
			b = append(b, `,"errcode":`...)
			b = strconv.AppendInt(b, int64(e.failure.Errcode), 10)
		}
	}
	return append(b, "}\n"...)
}

func appendNote(b []byte, note *slog.Attr) []byte {
	b = append(b, ',', '"')
	b = append(b, note.Key...)
	b = append(b, '"', ':')
	if note.Value.Kind() == slog.KindInt64 {
		return strconv.AppendInt(b, note.Value.Int64(), 10)
	}
	return AppendJSONString(b, note.Value.String())
}
