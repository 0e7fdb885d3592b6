package httpapitest

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// LogBook gathers what is logged. The zero LogBook is empty; it is safe for
// concurrent use.
type LogBook struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Logger writes JSON lines of every level into the book. It takes lines that are
// ready, as the log of a node does.
func (l *LogBook) Logger() *slog.Logger {
	return slog.New(bookHandler{slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}), l})
}

type bookHandler struct {
	*slog.JSONHandler
	book *LogBook
}

// WriteLine is the way past slog.
func (h bookHandler) WriteLine(_ slog.Level, line []byte) { _, _ = h.book.Write(line) }

// Write adds to the book, as the Logger's handler does.
func (l *LogBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// String gives all that was written so far.
func (l *LogBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Wait waits until n lines are there, since an answer is on its way before its
// line is, and gives the text. It fails the test if more are there than n.
func (l *LogBook) Wait(t testing.TB, n int) string {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Count(l.String(), "\n") >= n }, 5*time.Second, time.Millisecond)
	text := l.String()
	require.Equal(t, n, strings.Count(text, "\n"), "%s", text)
	return text
}

// Lines is Wait, and gives each line's members.
func (l *LogBook) Lines(t testing.TB, n int) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for line := range strings.Lines(l.Wait(t, n)) {
		var members map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &members), "%s", line)
		lines = append(lines, members)
	}
	return lines
}
