package httpapi

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// timers is a connection that notes how its deadlines were set, and on which
// reading ends at the deadline that is set, at once.
type timers struct {
	net.Conn
	set  []time.Time
	text string
	now  time.Time
}

func (c *timers) SetReadDeadline(t time.Time) error {
	c.set = append(c.set, t)
	return nil
}

func (c *timers) Read(b []byte) (int, error) {
	last := c.set[len(c.set)-1]
	if c.text == "" || !last.After(c.now) {
		if last.After(c.now) {
			c.now = last
		}
		return 0, os.ErrDeadlineExceeded
	}
	return copy(b, c.text), nil
}

func TestADeadlineThatMovesToLaterTouchesNoTimer(t *testing.T) {
	t.Parallel()
	conn := &timers{text: "read", now: noon}
	lazy := &lazyConn{Conn: conn, heard: true, now: func() time.Time { return conn.now }}
	for i := range 1000 {
		at := noon.Add(time.Duration(i) * time.Millisecond)
		require.NoError(t, lazy.SetReadDeadline(at.Add(60*time.Second)))
		require.NoError(t, lazy.SetReadDeadline(at.Add(5*time.Second)))
		n, err := lazy.Read(make([]byte, 8))
		require.NoError(t, err)
		require.Equal(t, 4, n)
	}
	require.Equal(t, []time.Time{noon.Add(60 * time.Second), noon.Add(5 * time.Second)}, conn.set)
}

func TestATimerThatRunsOutEarlyIsMovedAndReadingGoesOn(t *testing.T) {
	t.Parallel()
	conn := &timers{text: "read", now: noon}
	lazy := &lazyConn{Conn: conn, heard: true, now: func() time.Time { return conn.now }}
	require.NoError(t, lazy.SetReadDeadline(noon.Add(5*time.Second)))
	require.NoError(t, lazy.SetReadDeadline(noon.Add(60*time.Second)))
	conn.now = noon.Add(6 * time.Second) // the timer has run out, the deadline is far
	n, err := lazy.Read(make([]byte, 8))
	require.NoError(t, err)
	require.Equal(t, 4, n)

	conn.text = "" // and now nothing comes
	_, err = lazy.Read(make([]byte, 8))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Equal(t, noon.Add(60*time.Second+lastLook), conn.now, "neither before nor after, but for the last look")
}

func TestADeadlineThatIsTakenAwayOrComesEarlierHoldsAtOnce(t *testing.T) {
	t.Parallel()
	conn := &timers{text: "", now: noon}
	lazy := &lazyConn{Conn: conn, heard: true, now: func() time.Time { return conn.now }}
	for _, at := range []time.Time{noon.Add(time.Hour), noon.Add(time.Second), {}, noon.Add(time.Minute)} {
		require.NoError(t, lazy.SetReadDeadline(at))
		require.Equal(t, at, conn.set[len(conn.set)-1])
	}
}

func TestOnALazyListenerAClientThatFallsSilentIsSentAwayInTime(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listener := LazyDeadlines(inner)
	defer func() { require.NoError(t, listener.Close()) }()
	client, err := net.Dial("tcp", inner.Addr().String())
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	conn, err := listener.Accept()
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = io.WriteString(client, "GET")
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 8))
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Millisecond)))
	end := time.Now().Add(50 * time.Millisecond)
	require.NoError(t, conn.SetReadDeadline(end))
	_, err = conn.Read(make([]byte, 8))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.False(t, time.Now().Before(end), "the timer of the deadline before it ended the reading")

	room := make([]byte, 16<<20)
	require.NoError(t, conn.SetWriteDeadline(time.Now().Add(5*time.Millisecond)))
	end = time.Now().Add(50 * time.Millisecond)
	require.NoError(t, conn.SetWriteDeadline(end))
	n, err := conn.Write(room) // the client reads nothing
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Less(t, n, len(room))
	require.False(t, time.Now().Before(end))
}

// pipes is a listener of connections in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) { return <-p, nil }
func (p pipes) Close() error              { return nil }
func (p pipes) Addr() net.Addr            { return nil }

// fresh gives both ends of a connection on which nothing came yet, with five seconds for a
// request.
func fresh(t *testing.T) (listener net.Listener, conn, client net.Conn) {
	t.Helper()
	server, client := net.Pipe()
	inner := make(pipes, 1)
	inner <- server
	listener = LazyDeadlines(inner)
	conn, err := listener.Accept()
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(readTimeout)))
	return listener, conn, client
}

func TestAFreshConnectionMayWaitForItsFirstRequest(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		_, conn, client := fresh(t)
		began, sent := time.Now(), make(chan error, 1)
		go func() {
			<-time.After(30 * time.Second)
			_, err := io.WriteString(client, "GET")
			sent <- err
		}()
		_, err := conn.Read(make([]byte, 8))
		require.NoError(t, err)
		require.NoError(t, <-sent)
		require.Equal(t, 30*time.Second, time.Since(began))
		_, err = conn.Read(make([]byte, 8))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 30*time.Second+readTimeout+lastLook, time.Since(began), "the rest has as long as it would have had at once")
		require.NoError(t, errors.Join(conn.Close(), client.Close()))
	})
}

func TestWhoSendsNothingIsToldNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		_, conn, client := fresh(t)
		began, heard := time.Now(), make(chan string, 1)
		go func() {
			text, _ := io.ReadAll(client)
			heard <- string(text)
		}()
		_, err := conn.Read(make([]byte, 8))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, idleTimeout, time.Since(began))
		n, err := io.WriteString(conn, "too late")
		require.NoError(t, err)
		require.Equal(t, 8, n)
		require.NoError(t, conn.Close())
		require.Empty(t, <-heard)
	})
}

func TestFreshConnectionsDoNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		began := time.Now()
		listener, conn, client := fresh(t)
		read := make(chan error, 1)
		go func() {
			_, err := conn.Read(make([]byte, 8))
			read <- err
		}()
		require.NoError(t, listener.Close())
		require.Error(t, <-read)
		require.Zero(t, time.Since(began))
		require.NoError(t, client.Close())

		listener, conn, client = fresh(t)
		go func() { _, _ = io.WriteString(client, "GET") }()
		_, err := conn.Read(make([]byte, 8))
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		go func() { _, _ = io.WriteString(client, " /") }()
		_, err = conn.Read(make([]byte, 8))
		require.NoError(t, err, "what is under way is let finish")
		require.NoError(t, errors.Join(conn.Close(), client.Close()))
	})
}

// A process that was paused finds a deadline that is over and a request that is there.
func TestWhatCameWhileTheProcessWasPausedIsReadOnce(t *testing.T) {
	t.Parallel()
	conn := &timers{text: "read", now: noon}
	lazy := &lazyConn{Conn: conn, heard: true, now: func() time.Time { return conn.now }}
	require.NoError(t, lazy.SetReadDeadline(noon.Add(5*time.Second)))
	conn.now = noon.Add(9 * time.Second)
	n, err := lazy.Read(make([]byte, 8))
	require.NoError(t, err)
	require.Equal(t, 4, n)
	require.Equal(t, noon.Add(9*time.Second+lastLook), conn.set[len(conn.set)-1])

	// Whoever drips gets no more time by it.
	conn.now = noon.Add(10 * time.Second)
	_, err = lazy.Read(make([]byte, 8))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}
