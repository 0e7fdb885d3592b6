//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package devdb

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
)

const openNoFollow = 0

var errUnsupported = errors.New("a private Postgres needs Linux or macOS; on Windows work inside WSL")

func supported() error { return errUnsupported }

func runAs(*exec.Cmd, account) {}

func tryLock(*os.File) (bool, error) { return false, errUnsupported }

func ownerOf(fs.FileInfo) int { return -1 }
