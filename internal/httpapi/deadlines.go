package httpapi

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// LazyDeadlines gives l with connections on which setting a deadline costs next
// to nothing. fasthttp moves the deadlines of a connection three times a request,
// nearly always to a later time, and each move touches a timer of the runtime.
// Here a timer that runs out too early is left as it is; when it does run out,
// it is moved to where it should be, and the reading or writing goes on. So a
// deadline ends a connection when it says, never before, and for reading lastLook after.
//
// Besides, a fresh connection may wait for its first request as long as a used one for
// its next. Clients and proxies make some for later, and no client tries again on another
// one what it has sent on a fresh one that ended. The time that a request has to come runs
// from its first byte on. Who has sent nothing is told nothing, since they would take the
// word for an answer; and what came while the process did not run is read, though its
// time is over. When the listener is closed, connections end on which nothing came yet.
func LazyDeadlines(l net.Listener) net.Listener {
	return &lazyListener{Listener: l, silent: map[*lazyConn]struct{}{}}
}

type lazyListener struct {
	net.Listener

	mu     sync.Mutex
	silent map[*lazyConn]struct{} // those on which nothing came yet
}

// Accept implements net.Listener.
func (l *lazyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &lazyConn{Conn: conn, now: time.Now, accepted: time.Now(), from: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent[c] = struct{}{}
	return c, nil
}

// Close implements net.Listener.
func (l *lazyListener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.silent {
		_ = c.Conn.Close()
	}
	clear(l.silent)
	return err
}

func (l *lazyListener) forget(c *lazyConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.silent, c)
}

// lazyConn belongs to the one goroutine that serves its connection, as fasthttp
// has it; Close alone may come from another.
type lazyConn struct {
	net.Conn
	reading, writing lazyDeadline

	now      func() time.Time
	accepted time.Time
	from     *lazyListener
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

// Close implements net.Conn.
func (c *lazyConn) Close() error {
	c.from.forget(c)
	return c.Conn.Close()
}

// Read implements net.Conn.
func (c *lazyConn) Read(b []byte) (int, error) {
	if !c.heard {
		return c.readFirst(b)
	}
	for {
		n, err := c.Conn.Read(b)
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

// readFirst waits for the first byte of a connection. What is left of the deadline then
// begins.
func (c *lazyConn) readFirst(b []byte) (int, error) {
	left := c.reading.wanted.Sub(c.now())
	if err := c.Conn.SetReadDeadline(c.accepted.Add(idleTimeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	if n == 0 {
		return n, err
	}
	c.heard = true
	c.from.forget(c)
	if !c.reading.wanted.IsZero() {
		c.reading.wanted = c.now().Add(left)
	}
	c.reading.set = c.reading.wanted
	return n, errors.Join(err, c.Conn.SetReadDeadline(c.reading.set))
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
