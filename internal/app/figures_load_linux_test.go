package app_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// load is a crowd of clients on one thread: each sends a request when it has
// read the answer to the one before, or at a pace, over a connection that it
// keeps. It waits with epoll by itself, because it shares the machine with the
// server and must cost less than that.
type load struct {
	epoll   int
	clients map[int32]*keptClient
	room    []byte
	every   time.Duration // from one request to the next; zero: as fast as answers come

	tolerant bool // counts what is refused and does not fail
	refused  int
}

type keptClient struct {
	fd  int
	due time.Time // when its request was to be sent
	got []byte
}

func newLoad(t *testing.T, address string, connections int) *load {
	t.Helper()
	epoll, err := syscall.EpollCreate1(0)
	require.NoError(t, err)
	l := &load{epoll: epoll, clients: map[int32]*keptClient{}, room: make([]byte, 16<<10)}
	to, err := net.ResolveTCPAddr("tcp4", address)
	require.NoError(t, err)
	for range connections {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		require.NoError(t, syscall.Connect(fd, &syscall.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}))
		require.NoError(t, syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1))
		require.NoError(t, syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}))
		l.clients[int32(fd)] = &keptClient{fd: fd}
	}
	t.Cleanup(func() {
		for _, c := range l.clients {
			_ = syscall.Close(c.fd)
		}
		_ = syscall.Close(epoll)
	})
	return l
}

// run sends n requests, drawn by next, and gives how long each waited for its
// answer. At a pace it waits from when it was to be sent, so that a server that
// is late for one is not spared the next. It fails on any answer but 200.
func (l *load) run(n int, next func() []byte) ([]time.Duration, error) {
	waits := make([]time.Duration, 0, n)
	var idle []*keptClient
	for _, c := range l.clients {
		idle = append(idle, c)
	}
	begun, sent := time.Now(), 0
	events := make([]syscall.EpollEvent, len(l.clients))
	for len(waits) < n {
		for now := time.Now(); len(idle) > 0 && sent < n && now.Sub(begun) >= time.Duration(sent)*l.every; sent++ {
			c := idle[len(idle)-1]
			idle = idle[:len(idle)-1]
			if c.due = now; l.every > 0 {
				c.due = begun.Add(time.Duration(sent) * l.every)
			}
			if err := c.send(next()); err != nil {
				return nil, err
			}
		}
		ready, err := syscall.EpollWait(l.epoll, events, 0) // it never sleeps: to wake it would be the server's cost, and only the slower one would bear it
		if err != nil && err != syscall.EINTR {
			return nil, err
		}
		for _, event := range events[:max(ready, 0)] {
			c := l.clients[event.Fd]
			whole, err := c.read(l.room)
			if whole && err != nil && l.tolerant {
				l.refused++
				err = nil
			}
			if err != nil {
				return nil, err
			}
			if whole {
				waits, idle = append(waits, time.Since(c.due)), append(idle, c)
			}
		}
	}
	return waits, nil
}

func (c *keptClient) send(request []byte) error {
	_, err := syscall.Write(c.fd, request)
	return err
}

// read takes what is there and tells whether it is the whole answer.
func (c *keptClient) read(room []byte) (bool, error) {
	n, err := syscall.Read(c.fd, room)
	if n == 0 && err == nil {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return false, err
	}
	answer := room[:n]
	if len(c.got) > 0 {
		c.got = append(c.got, answer...)
		answer = c.got
	}
	whole, err := isWholeAnswer(answer)
	if whole || err != nil {
		c.got = c.got[:0]
	} else if len(c.got) == 0 {
		c.got = append(c.got, answer...)
	}
	return whole, err
}

func isWholeAnswer(answer []byte) (bool, error) {
	header, body, ended := bytes.Cut(answer, []byte("\r\n\r\n"))
	if !ended {
		return false, nil
	}
	if !bytes.HasPrefix(header, []byte("HTTP/1.1 200 ")) {
		return true, fmt.Errorf("refused: %s", answer)
	}
	_, length, _ := bytes.Cut(header, []byte("Content-Length: "))
	length, _, _ = bytes.Cut(length, []byte("\r"))
	want, err := strconv.Atoi(string(length))
	return len(body) >= want, err
}
