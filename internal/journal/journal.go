package journal

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	pause    = 100 * time.Millisecond // how long a line may lie before it is written
	batch    = 64 << 10               // bytes that are written without waiting for the pause
	most     = 4 << 20                // bytes that are kept while the writer takes nothing
	patience = time.Second            // for the writer, when the Journal is closed
)

// Journal gathers lines and writes them to one writer.
type Journal struct {
	out     io.Writer
	dropped atomic.Uint64

	mu       sync.Mutex // guards what follows; never held while out is written to
	gathered []byte
	lines    int // in gathered

	waiting chan struct{} // holds one when there are lines to be written
	hurry   chan struct{} // holds one when they must not wait for the pause
	closing chan struct{}
	closed  chan struct{}
}

// Start makes a Journal that writes to out until it is closed.
func Start(out io.Writer) *Journal {
	j := &Journal{
		out:     out,
		waiting: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		closing: make(chan struct{}), closed: make(chan struct{}),
	}
	go j.run()
	return j
}

// Write takes one whole line, its line end included, or drops it. It never
// waits for the writer and never fails. The line is copied.
func (j *Journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	if len(j.gathered)+len(line) > most {
		j.mu.Unlock()
		j.dropped.Add(1)
		return len(line), nil
	}
	j.gathered = append(j.gathered, line...)
	j.lines++
	isFirst, isBatch := j.lines == 1, len(j.gathered) >= batch
	j.mu.Unlock()
	if isFirst {
		signal(j.waiting)
	}
	if isBatch {
		signal(j.hurry)
	}
	return len(line), nil
}

// Hurry has what was gathered written without the pause. It does not wait for it.
func (j *Journal) Hurry() { signal(j.hurry) }

// Dropped tells how many lines were lost since the start.
func (j *Journal) Dropped() uint64 { return j.dropped.Load() }

// Close writes what was gathered, as far as the writer takes it within a
// second. Lines that come afterwards are lost. It is called once.
func (j *Journal) Close() {
	close(j.closing)
	after := time.NewTimer(patience)
	defer after.Stop()
	select {
	case <-j.closed:
	case <-after.C: // the writer takes nothing, and the process has to end
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is signalled already
	}
}

// run writes until the Journal is closed.
func (j *Journal) run() {
	defer close(j.closed)
	var spare []byte
	told := uint64(0)
	for {
		select {
		case <-j.waiting:
			j.wait()
		case <-j.closing:
			_, _ = j.flush(spare, told)
			return
		}
		spare, told = j.flush(spare, told)
	}
}

// wait lets lines gather.
func (j *Journal) wait() {
	after := time.NewTimer(pause)
	defer after.Stop()
	select {
	case <-after.C:
	case <-j.hurry:
	case <-j.closing:
	}
}

// flush writes what was gathered, and before it how many lines were lost since
// that was told last. It gives the memory to gather in next time.
func (j *Journal) flush(spare []byte, told uint64) ([]byte, uint64) {
	j.mu.Lock()
	gathered, lines := j.gathered, j.lines
	j.gathered, j.lines = spare[:0], 0
	j.mu.Unlock()
	if lost := j.dropped.Load(); lost > told {
		if _, err := j.out.Write(lostLine(lost - told)); err == nil {
			told = lost
		}
	}
	if lines > 0 {
		if _, err := j.out.Write(gathered); err != nil {
			j.dropped.Add(uint64(lines)) // nobody knows which of them came through
		}
	}
	if cap(gathered) > 2*batch {
		gathered = nil // a storm is over: its memory goes back
	}
	return gathered, told
}

func lostLine(lost uint64) []byte {
	return fmt.Appendf(nil, "{\"time\":%q,\"level\":\"WARN\",\"msg\":\"lines of the log were lost: what takes them did not\",\"lines\":%d}\n",
		time.Now().Format(time.RFC3339Nano), lost)
}
