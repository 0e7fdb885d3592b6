package httpapi

import (
	"errors"
	"net"
	"os"
	"time"
)

// LazyDeadlines gives l with connections on which setting a deadline costs next
// to nothing. fasthttp moves the deadlines of a connection three times a request,
// nearly always to a later time, and each move touches a timer of the runtime.
// Here a timer that runs out too early is left as it is; when it does run out,
// it is moved to where it should be, and the reading or writing goes on. So a
// deadline ends a connection when it says, never before, and for reading lastLook after.
//
// Besides, who has sent nothing is told nothing: a client that keeps a fresh connection
// for later would take the word that it was too late for the answer to what it asks just
// then. And what came while the process did not run is read, though its time is over.
func LazyDeadlines(l net.Listener) net.Listener { return lazyListener{l} }

type lazyListener struct{ net.Listener }

// Accept implements net.Listener.
func (l lazyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lazyConn{Conn: conn, now: time.Now}, nil
}

// lazyConn belongs to the one goroutine that serves its connection, as fasthttp
// has it; Close alone may come from another.
type lazyConn struct {
	net.Conn
	reading, writing lazyDeadline

	now      func() time.Time
	heard    bool      // something was read
	lookedAt time.Time // the deadline after which the last look was taken
}

// lastLook is how long something that is there already has to be read, once, when the
// deadline is over: a process that was paused learns of both in the same moment.
const lastLook = 20 * time.Millisecond

// lazyDeadline is a deadline that is wanted, and the timer that was set for it or
// for one before it. The zero time is no deadline and no timer.
type lazyDeadline struct{ wanted, set time.Time }

// want notes t, and tells whether the timer must be moved at once: because it
// runs out too late, or not at all.
func (d *lazyDeadline) want(t time.Time) (move bool) {
	d.wanted = t
	move = t.IsZero() != d.set.IsZero() || d.set.After(t)
	if move {
		d.set = t
	}
	return move
}

// isEarly tells whether err came of a timer that was left as it was although a
// later deadline is wanted.
func (d *lazyDeadline) isEarly(err error) bool {
	early := d.set != d.wanted && errors.Is(err, os.ErrDeadlineExceeded)
	if early {
		d.set = d.wanted
	}
	return early
}

// SetReadDeadline implements net.Conn.
func (c *lazyConn) SetReadDeadline(t time.Time) error {
	if !c.reading.want(t) {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *lazyConn) SetWriteDeadline(t time.Time) error {
	if !c.writing.want(t) {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline implements net.Conn.
func (c *lazyConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// Read implements net.Conn.
func (c *lazyConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		c.heard = c.heard || n > 0
		until := c.reading.wanted
		switch {
		case n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded):
			return n, err
		case c.reading.isEarly(err):
		case c.lookedAt.Equal(c.reading.wanted):
			return n, err
		default:
			c.lookedAt = c.reading.wanted
			until = c.now().Add(lastLook)
			c.reading.set = until
		}
		if err := c.Conn.SetReadDeadline(until); err != nil {
			return n, err
		}
	}
}

// Write implements net.Conn.
func (c *lazyConn) Write(b []byte) (int, error) {
	if !c.heard {
		return len(b), nil
	}
	written := 0
	for {
		n, err := c.Conn.Write(b[written:])
		written += n
		if err == nil || !c.writing.isEarly(err) {
			return written, err
		}
		if err := c.Conn.SetWriteDeadline(c.writing.wanted); err != nil {
			return written, err
		}
	}
}
