package devdb

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// pollInterval is how often something outside is looked at: a lock, the file
// in which the server says that it is ready.
const pollInterval = 10 * time.Millisecond

// openLock opens the file of a lock, made if absent.
func openLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|openNoFollow, 0o600)
}

// lockNow takes the lock in the file at path. It gives nil and no error where
// somebody else holds it.
func lockNow(path string) (*os.File, error) {
	file, err := openLock(path)
	if err != nil {
		return nil, err
	}
	ok, err := tryLock(file)
	if err != nil || !ok {
		_ = file.Close()
		return nil, err
	}
	// Whoever held it may have removed the file: then ours locks nothing.
	held, heldErr := file.Stat()
	named, namedErr := os.Lstat(path)
	if heldErr != nil || namedErr != nil || !os.SameFile(held, named) {
		_ = file.Close()
		return nil, nil //nolint:nilerr // not ours then, like a lock that somebody holds
	}
	return file, nil
}

// forkTime is how long a lock that was given up may yet be held: a program that
// is being started at that moment shares our files until it runs.
const forkTime = 300 * time.Millisecond

// lockSoon is lockNow, and tries again for forkTime.
func lockSoon(path string) (*os.File, error) {
	again := time.NewTicker(pollInterval)
	defer again.Stop()
	for end := time.Now().Add(forkTime); ; <-again.C {
		file, err := lockNow(path)
		if file != nil || err != nil || time.Now().After(end) {
			return file, err
		}
	}
}

// lockWait takes the lock in the file at path as soon as it is free.
func lockWait(ctx context.Context, path string) (*os.File, error) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		file, err := lockNow(path)
		if file != nil || err != nil {
			return file, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s: %w", path, ctx.Err())
		case <-ticker.C:
		}
	}
}

// notePID writes our process id into a lock file that we hold.
func notePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// readPID gives the process id in the first line of a file, 0 if there is none.
func readPID(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}
