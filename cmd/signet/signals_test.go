package main

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// silent is a standard input that nothing comes from, and that stays open.
type silent struct {
	reading chan struct{} // closed when somebody reads
	closed  chan struct{}
}

func (s silent) Read([]byte) (int, error) {
	close(s.reading)
	<-s.closed
	return 0, io.EOF
}

// silentServer accepts one connection, and does not answer there.
func silentServer(t *testing.T) (address string, reached <-chan struct{}) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	accepted, ended := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() {
		_ = listener.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		close(accepted)
		_, _ = io.Copy(io.Discard, connection) // until the command hangs up
		_ = connection.Close()
	}()
	return listener.Addr().String(), accepted
}

// interrupt runs a command in this process, sends the process the signal when
// the command has come so far, and gives how it ended. It is for tests that run
// alone: nothing else here may wait for signals.
func interrupt(t *testing.T, sig syscall.Signal, in io.Reader, reached <-chan struct{}, args ...string) (status int, said string) {
	t.Helper()
	var out, errOut bytes.Buffer
	ended := make(chan int, 1)
	go func() { ended <- run(args, in, &out, &errOut) }()
	select {
	case <-reached:
	case status = <-ended:
		require.Fail(t, "ended before the signal", "%d %s", status, errOut.String())
	}
	require.NoError(t, syscall.Kill(syscall.Getpid(), sig))
	select {
	case status = <-ended:
	case <-time.After(time.Minute):
		require.Fail(t, "goes on after the signal", "%s", args)
	}
	require.Empty(t, out.String())
	return status, errOut.String()
}

func TestASignalEndsACommandThatHasNotDoneItsWork(t *testing.T) {
	for sig, word := range map[syscall.Signal]string{syscall.SIGINT: "interrupt", syscall.SIGTERM: "terminated"} {
		stopped := " was stopped before it was done (" + word + " signal received): run it again\n"

		t.Run(word+", while it waits for the password", func(t *testing.T) {
			withoutKeys(t)
			t.Setenv("SIGNET_DATABASE_URL", "postgres://signet_app:pw@127.0.0.1:1/signet")
			in := silent{make(chan struct{}), make(chan struct{})}
			defer close(in.closed)
			status, said := interrupt(t, sig, in, in.reading, "admin", "create", "--email", "owner@test.example", "--password-stdin")
			require.Equal(t, exitFailed, status)
			require.Equal(t, "signet: admin create"+stopped, said)
		})

		t.Run(word+", while it waits for Postgres", func(t *testing.T) {
			withoutKeys(t)
			address, reached := silentServer(t)
			t.Setenv("SIGNET_MIGRATE_DATABASE_URL", "postgres://owner:pw@"+address+"/signet")
			status, said := interrupt(t, sig, nil, reached, "migrate", "status")
			require.Equal(t, exitFailed, status)
			require.Equal(t, "signet: migrate status"+stopped, said)
		})

		t.Run(word+", while a node is being put together", func(t *testing.T) {
			withoutKeys(t)
			identity := filepath.Join(t.TempDir(), "identity.txt")
			program{}.run(t, "", "keys", "init", "--out", identity)
			address, reached := silentServer(t)
			for key, value := range map[string]string{
				"SIGNET_DATABASE_URL": "postgres://signet_app:pw@" + address + "/signet", "SIGNET_IDENTITY_FILE": identity, "SIGNET_LOG_LEVEL": "error",
				"SIGNET_PUBLIC_ADDR": "127.0.0.1:0", "SIGNET_CONSOLE_ADDR": "127.0.0.1:0", "SIGNET_METRICS_ADDR": "127.0.0.1:0",
			} {
				t.Setenv(key, value)
			}
			status, said := interrupt(t, sig, nil, reached, "serve")
			require.Equal(t, exitDone, status, "it was told to stop, and has stopped")
			require.Empty(t, said)
		})
	}
}

func TestWhatWouldWaitForEverIsNotRead(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))

	for _, path := range []string{pipe, "/dev/zero"} {
		r := program{env: []string{"SIGNET_MIGRATE_DATABASE_URL_FILE=" + path}}.refuse(t, "migrate", "status")
		require.Equal(t, exitFailed, r.status)
		requireLines(t, r, []string{"SIGNET_MIGRATE_DATABASE_URL_FILE", path, "no regular file"})
	}
	r := program{}.refuse(t, "fakewecom", "--addr", "127.0.0.1:0", "--state", pipe)
	require.Equal(t, exitFailed, r.status)
	requireLines(t, r, []string{"--state", pipe, "no regular file"})
}
