package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink is a writer that can be made to fail or to wait.
type sink struct {
	mu   sync.Mutex // guards what follows
	text bytes.Buffer
	fail error
	gate chan struct{} // not nil: every Write waits for one of it
}

func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		<-gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return 0, s.fail
	}
	return s.text.Write(b)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *sink) setFail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

func eventually(t *testing.T, done func() bool) {
	t.Helper()
	require.Eventually(t, done, 5*time.Second, time.Millisecond)
}

func TestALineIsWrittenWithoutAnyoneAskingForIt(t *testing.T) {
	t.Parallel()
	out := &sink{}
	j := Start(out)
	defer j.Close()
	log := j.Logger(slog.LevelInfo)
	log.Info("one", "n", 1)
	log.Debug("below the level")
	eventually(t, func() bool { return strings.Count(out.String(), "\n") == 1 })
	log.Info("two")
	eventually(t, func() bool { return strings.Count(out.String(), "\n") == 2 })
	var line map[string]any
	require.NoError(t, json.Unmarshal([]byte(strings.SplitN(out.String(), "\n", 2)[0]), &line))
	require.Equal(t, "one", line["msg"])
	require.EqualValues(t, 1, line["n"])
}

func TestClosingWritesWhatWasGathered(t *testing.T) {
	t.Parallel()
	out := &sink{}
	for range 100 { // whatever the Journal was about when it was closed
		j := Start(out)
		for i := range 10 {
			j.Logger(slog.LevelInfo).Info("line", "i", i)
		}
		j.Close()
	}
	require.Equal(t, 1000, strings.Count(out.String(), "\n"))
}

func TestLinesOfManyNeverMix(t *testing.T) {
	t.Parallel()
	out := &sink{}
	j := Start(out)
	handler := j.Logger(slog.LevelInfo).Handler().(*Handler)
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 500 {
				if i%2 == 0 {
					handler.WriteLine(slog.LevelInfo, fmt.Appendf(nil, "{\"w\":%d,\"i\":%d}\n", w, i))
				} else {
					slog.New(handler).Info("m", "w", w, "i", i)
				}
			}
		})
	}
	writers.Wait()
	j.Close()
	next := map[int]int{}
	for line := range strings.Lines(out.String()) {
		var is struct{ W, I int }
		require.NoError(t, json.Unmarshal([]byte(line), &is), line)
		require.Equal(t, next[is.W], is.I, "in the order of their writer")
		next[is.W]++
	}
	require.Len(t, next, 8)
}

// The row of the fault matrix where the disk is full for logs.
func TestAWriterThatTakesNothingHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	out := &sink{gate: make(chan struct{})}
	j := Start(out)
	line := append(bytes.Repeat([]byte("x"), 1023), '\n')
	for range 3 * most / len(line) { // would wait for ever if one of them waited
		_, err := j.Write(line)
		require.NoError(t, err)
	}
	require.NotZero(t, j.Dropped())
	close(out.gate) // it takes lines again
	kept := func() int { return strings.Count(out.String(), "x\n") }
	eventually(t, func() bool { return uint64(kept())+j.Dropped() == uint64(3*most/len(line)) })
	_, _ = j.Write(line)
	eventually(t, func() bool { return strings.Contains(out.String(), `"msg":"lines of the log were lost`) })
	j.Close()
	var told map[string]any
	for text := range strings.Lines(out.String()) {
		if strings.HasPrefix(text, "{") {
			require.NoError(t, json.Unmarshal([]byte(text), &told))
		}
	}
	require.EqualValues(t, j.Dropped(), told["lines"])
	require.Equal(t, "WARN", told["level"])
}

func TestAWriterThatFailsCostsItsLinesAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	out := &sink{fail: errors.New("no space left on device")}
	j := Start(out)
	defer j.Close()
	log := j.Logger(slog.LevelInfo)
	log.Warn("lost")
	eventually(t, func() bool { return j.Dropped() == 1 })
	out.setFail(nil)
	log.Warn("kept")
	eventually(t, func() bool { return strings.Contains(out.String(), `"msg":"kept"`) })
	require.Contains(t, out.String(), `"lines":1}`)
	require.NotContains(t, out.String(), `"msg":"lost"`)
}

func TestClosingDoesNotWaitForAWriterForEver(t *testing.T) {
	t.Parallel()
	out := &sink{gate: make(chan struct{})}
	j := Start(out)
	j.Logger(slog.LevelInfo).Error("nobody reads this")
	j.Close()
	close(out.gate)
	<-j.closed
}

// With is slog's, with nothing past it: what it adds would be missing there.
func TestALoggerWithFactsOfItsOwnKeepsThem(t *testing.T) {
	t.Parallel()
	out := &sink{}
	j := Start(out)
	log := j.Logger(slog.LevelInfo).With("node", "a")
	_, isPast := log.Handler().(*Handler)
	require.False(t, isPast)
	log.Info("line")
	j.Close()
	require.Contains(t, out.String(), `"node":"a"`)
}
