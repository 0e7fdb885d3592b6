//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package devdb

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

const openNoFollow = syscall.O_NOFOLLOW

func supported() error { return nil }

// runAs makes cmd a session of its own, so that a key at the terminal does not
// reach it, and a process of the account's.
func runAs(cmd *exec.Cmd, a account) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if a.other {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
}

// tryLock takes the lock of an open file if it is free. The lock belongs to
// the open file: processes that inherit it hold it too, and it is free when
// the last of them is gone, however it went.
func tryLock(file *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, &fs.PathError{Op: "lock", Path: file.Name(), Err: err}
		}
	}
}

func ownerOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}
