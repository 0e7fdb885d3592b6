package journal

import (
	"context"
	"log/slog"
)

// Handler is slog's JSON handler over a Journal, with a way past slog for lines
// that are ready. What With makes of a logger is slog's handler alone.
type Handler struct {
	*slog.JSONHandler
	journal *Journal
}

var _ slog.Handler = (*Handler)(nil)

// Logger makes a logger that writes lines of that level and above to j.
func (j *Journal) Logger(level slog.Leveler) *slog.Logger {
	return slog.New(&Handler{slog.NewJSONHandler(j, &slog.HandlerOptions{Level: level}), j})
}

// Handle implements slog.Handler. A warning does not wait for the lines after it.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	err := h.JSONHandler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		h.journal.Hurry()
	}
	return err
}

// WriteLine writes a line that is ready, with its line end. It is copied.
func (h *Handler) WriteLine(level slog.Level, line []byte) {
	_, _ = h.journal.Write(line) // never fails
	if level >= slog.LevelWarn {
		h.journal.Hurry()
	}
}

// Dropped tells how many lines were lost since the start.
func (h *Handler) Dropped() uint64 { return h.journal.Dropped() }
