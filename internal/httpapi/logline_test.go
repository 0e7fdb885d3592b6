package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"signet/internal/core"
	"signet/internal/fault"
)

// paper is a handler that takes lines which are ready, beside slog's.
type paper struct {
	*slog.JSONHandler
	ready bytes.Buffer
}

func (p *paper) WriteLine(_ slog.Level, line []byte) { p.ready.Write(line) }

// members are the names and values of a line in their order, but for the time.
func members(t require.TestingT, line []byte) (all []string) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	_, err := decoder.Token()
	require.NoError(t, err)
	for decoder.More() {
		name, err := decoder.Token()
		require.NoError(t, err)
		var value json.RawMessage
		require.NoError(t, decoder.Decode(&value), "%s", line)
		text := string(value)
		if name == "time" {
			var at time.Time
			require.NoError(t, json.Unmarshal(value, &at))
			text = at.Truncate(time.Hour).UTC().String()
		} else if value[0] == '"' {
			var s string
			require.NoError(t, json.Unmarshal(value, &s))
			text = s + " (text)"
		}
		all = append(all, name.(string)+" "+text)
	}
	return all
}

func TestALineMadeByAppendSaysWhatSlogSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "crm.example.com", "a\x00\"\\\n\u2028<&>\xff蓝湖"}))
		e := &Event{
			RequestID: requestID(nil),
			Client:    netip.MustParseAddr(rapid.SampledFrom([]string{"203.0.113.9", "2001:db8::1", "127.0.0.1"}).Draw(t, "client")),
			Operation: text.Draw(t, "operation"), method: "GET", began: time.Now(), context: &deadline{},
		}
		for range rapid.IntRange(0, 6).Draw(t, "notes") {
			if rapid.Bool().Draw(t, "is text") {
				e.Note(slog.String("host", text.Draw(t, "note")))
			} else {
				e.Note(slog.Int("count", rapid.Int().Draw(t, "count")))
			}
		}
		status := rapid.SampledFrom([]int{200, 204, 403, 429}).Draw(t, "status")
		if status >= 400 {
			e.failure = fault.New(fault.URLUntrusted, fault.Args{"host": "x"})
			e.failure.Errcode = rapid.SampledFrom([]int{0, 40001}).Draw(t, "errcode")
		}
		var fromSlog bytes.Buffer
		options := &slog.HandlerOptions{Level: slog.LevelDebug}
		p := &paper{JSONHandler: slog.NewJSONHandler(&bytes.Buffer{}, options)}
		cfg := Config{Name: "public", Log: slog.New(p), Quiet: rapid.Bool().Draw(t, "quiet")}
		e.write(context.Background(), newEdge(cfg), status, 1234567*time.Nanosecond)
		cfg.Log = slog.New(slog.NewJSONHandler(&fromSlog, options))
		e.write(context.Background(), newEdge(cfg), status, 1234567*time.Nanosecond)
		require.NotEmpty(t, p.ready.Bytes(), "it did not go past slog")
		require.Equal(t, members(t, fromSlog.Bytes()), members(t, p.ready.Bytes()))
		require.Equal(t, byte('\n'), p.ready.Bytes()[p.ready.Len()-1])
		require.Equal(t, 1, bytes.Count(p.ready.Bytes(), []byte("\n")))
	})
}

// What appendLine cannot write, slog writes.
func TestALineWithAnErrorOrAPanicIsMadeBySlog(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Event) int{
		"a panic":      func(e *Event) int { e.panicked = &core.Panic{}; return 500 },
		"an error":     func(e *Event) int { e.failure = fault.New(fault.StoreUnavailable, nil); return 503 },
		"another kind": func(e *Event) int { e.Note(slog.Any("list", []int{1})); return 200 },
		"no address":   func(e *Event) int { e.Client = netip.Addr{}; return 200 },
	} {
		var text bytes.Buffer
		p := &paper{JSONHandler: slog.NewJSONHandler(&text, nil)}
		e := &Event{RequestID: "abcdefgh", Client: netip.MustParseAddr("127.0.0.1"), began: time.Now(), context: &deadline{}}
		status := change(e)
		e.write(context.Background(), newEdge(Config{Name: "test", Log: slog.New(p)}), status, time.Millisecond)
		require.Empty(t, p.ready.String(), name)
		require.Contains(t, text.String(), `"msg":"request"`, name)
	}
}

func TestALineBelowTheLevelIsNotMade(t *testing.T) {
	t.Parallel()
	p := &paper{JSONHandler: slog.NewJSONHandler(&bytes.Buffer{}, &slog.HandlerOptions{Level: slog.LevelWarn})}
	e := &Event{RequestID: "abcdefgh", Client: netip.MustParseAddr("127.0.0.1"), began: time.Now(), context: &deadline{}}
	e.write(context.Background(), newEdge(Config{Name: "test", Log: slog.New(p)}), 200, time.Millisecond)
	require.Empty(t, p.ready.String())
}
