package store

import "syscall"

// tcpUserTimeout is TCP_USER_TIMEOUT of linux/tcp.h, which package syscall lacks.
const tcpUserTimeout = 18

func boundSilence(_, _ string, socket syscall.RawConn) error {
	var err error
	if refused := socket.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(longestSilence.Milliseconds()))
	}); refused != nil {
		return refused
	}
	if err == syscall.EOPNOTSUPP || err == syscall.ENOPROTOOPT { // a socket that is not TCP's
		return nil
	}
	return err
}
