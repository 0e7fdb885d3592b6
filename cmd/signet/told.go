package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// told is why a command ends: a signal came.
type told struct{ signal os.Signal }

func (t told) Error() string        { return t.signal.String() + " signal received" }
func (t told) Is(target error) bool { return target == context.Canceled }

// untilTold gives a context that ends at the first SIGINT or SIGTERM, with the
// signal as its cause. Before it ends, the signals do again what they do to a
// process that catches none: a second one ends it at once, however soon it comes.
// [signal.NotifyContext] ends the context first, and loses a signal that comes
// before its stop has run. stop gives the signals back; call it when the command
// is done.
func untilTold(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case first := <-signals:
			signal.Stop(signals)
			cancel(told{first})
			select {
			case second := <-signals: // it came with the first
				endBy(second)
			default:
			}
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// endBy ends this process as a signal does that nobody catches.
func endBy(s os.Signal) {
	process, err := os.FindProcess(os.Getpid())
	if err != nil || process.Signal(s) != nil {
		os.Exit(exitFailed) // only where a process cannot signal itself, as on Windows
	}
}
