package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tellMeTwice makes this binary a process that is told to end, and told again the
// moment it knows.
const tellMeTwice = "SIGNET_TEST_TELL_ME_TWICE"

func init() {
	if os.Getenv(tellMeTwice) == "" {
		return
	}
	ctx, _ := untilTold(context.Background())
	_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
	<-ctx.Done()
	_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	<-time.After(5 * time.Second) // nobody has ended it
	os.Exit(0)
}

// TestTheSecondSignalEndsTheProcessHoweverSoon sends the second signal at the
// moment at which the first has its effect.
func TestTheSecondSignalEndsTheProcessHoweverSoon(t *testing.T) {
	for range 40 {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
		child.Env = append(os.Environ(), tellMeTwice+"=1")
		err := child.Run()
		var ended *exec.ExitError
		require.ErrorAs(t, err, &ended, "it was told twice and went on")
		status, ok := ended.Sys().(syscall.WaitStatus)
		require.True(t, ok)
		require.Equal(t, syscall.SIGTERM, status.Signal(), "the second signal has ended it: %s", ended)
	}
}

func TestTheCauseNamesTheSignal(t *testing.T) {
	ctx, stop := untilTold(t.Context())
	defer stop()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	<-ctx.Done()
	require.EqualError(t, context.Cause(ctx), "terminated signal received")
	require.True(t, errors.Is(context.Cause(ctx), context.Canceled))
}
