package devdb

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"
)

const shell = "/bin/sh"

// supervision is the shell between the owner and the server. Its standard input
// is a pipe whose other end only the owner holds. Each line on it names a
// signal for the server. The end of the pipe means that the owner is gone: the
// server gets the signal $1, and when it has ended, the home $2 is removed
// (nothing if $2 is empty); of root's, in which the shell may not so much as
// look around, only the data. The rest of the arguments is the server.
//
// The shell is the server's parent, so that the process id it signals is the
// server's and no other's. Descriptor 3 is the lock that tells whether a
// server lives; the reader does not keep it.
const supervision = `
end=$1 trash=$2
shift 2
exec 4<&0 </dev/null
"$@" 4<&- &
server=$!
{
  while read -r signal; do kill -s "$signal" "$server"; done
  kill -s "$end" "$server"
  exit 0
} <&4 3<&- 4<&- 2>/dev/null &
reader=$!
exec 4<&-
wait "$server"
status=$?
kill "$reader" 2>/dev/null
if wait "$reader" 2>/dev/null && [ -n "$trash" ]; then rm -rf -- "$trash/data" "$trash"; fi
exit "$status"
`

// The signals of Postgres' three ways to stop that are used here.
const (
	stopFast      = "INT"  // ends connections, writes everything down
	stopImmediate = "QUIT" // as a crash: nothing is written
	stopKill      = "KILL"
)

// killGrace is how long a server may take to obey a signal that it cannot delay.
const killGrace = 10 * time.Second

// orderAgain is how long an order is left to be obeyed before it is repeated.
const orderAgain = 200 * time.Millisecond

// supervisor is a running shell as above, and with it the server.
type supervisor struct {
	orders *os.File      // our end of the pipe
	done   chan struct{} // closed when the shell, so the server, has ended
	grace  time.Duration // killGrace; a test has less of it
}

// supervise starts the shell and the server. idle is the lock of a home without
// a server; the server inherits it.
func (h *home) supervise(program string, args []string, idle *os.File) (*supervisor, error) {
	log, err := os.OpenFile(h.entry(logName), os.O_WRONLY|os.O_APPEND|os.O_CREATE|openNoFollow, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	reader, orders, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reader.Close()

	end, trash := stopFast, ""
	if h.throwaway {
		end, trash = stopImmediate, h.dir
	}
	cmd := exec.Command(shell, append([]string{"-c", supervision, "signet-devdb", end, trash, program}, args...)...)
	cmd.Dir = h.dir
	cmd.Env = serverEnvironment()
	cmd.Stdin = reader
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{idle}
	runAs(cmd, h.account)
	if err := cmd.Start(); err != nil {
		_ = orders.Close()
		return nil, fmt.Errorf("start Postgres as user %s: %w", h.account.name, err)
	}
	s := &supervisor{orders: orders, done: make(chan struct{}), grace: killGrace}
	go func() {
		defer close(s.done)
		_ = cmd.Wait() // how it ended stands in the server's log
	}()
	return s, nil
}

// order has the server sent a signal. Where the shell is gone already, nobody
// is left to be told.
func (s *supervisor) order(signal string) { _, _ = s.orders.WriteString(signal + "\n") }

// halt ends the server by the given signal, by a harder one when ctx ends, and
// by the hardest after that. It returns when the shell has ended.
func (s *supervisor) halt(ctx context.Context, signal string) {
	defer s.orders.Close()
	if s.repeat(signal, ctx.Done()) {
		return
	}
	grace := make(chan struct{})
	timer := time.AfterFunc(s.grace, func() { close(grace) })
	defer timer.Stop()
	if !s.repeat(stopImmediate, grace) {
		s.order(stopKill)
		<-s.done
	}
}

// repeat orders the signal until the server has ended, which is true, or until
// no longer. Once is not enough: in its first moments a server that was started
// in the background ignores what would end it.
func (s *supervisor) repeat(signal string, noLonger <-chan struct{}) (ended bool) {
	again := time.NewTicker(orderAgain)
	defer again.Stop()
	for {
		s.order(signal)
		select {
		case <-s.done:
			return true
		case <-noLonger:
			return false
		case <-again.C:
		}
	}
}
