package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"signet/internal/core"
)

// fileError is a trouble with the identity file on one line. It keeps the cause
// for errors.Is without repeating its words.
type fileError struct {
	text  string
	cause error
}

func (e *fileError) Error() string { return e.text }
func (e *fileError) Unwrap() error { return e.cause }

func troubleWith(path string, cause error, format string, args ...any) error {
	return troubleOf("identity file", path, cause, format, args...)
}

func troubleOf(noun, path string, cause error, format string, args ...any) error {
	return &fileError{text: fmt.Sprintf("%s %s ", noun, path) + fmt.Sprintf(format, args...), cause: cause}
}

// ReadMaster reads the platform's identity file. An error is one line that
// names the file and the mend.
//
// The file must be closed to group and others. One exception: a file of another
// user may be readable by the group, because a secret mounted into a container
// belongs to root and reaches an unprivileged process through the group alone.
func ReadMaster(path string) (*Master, error) {
	file, err := openClosed("identity file", path, fmt.Sprintf("make it with signet keys init --out %s, or restore it from its backup", path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	m, err := ParseMaster(file)
	if err != nil {
		return nil, troubleWith(path, err, "%s", err)
	}
	return m, nil
}

// openClosed opens a file that must be closed to others. remedy says how to come
// by one.
func openClosed(noun, path, remedy string) (*os.File, error) {
	info, err := os.Stat(path) // before opening, which would wait for ever on a pipe
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, troubleOf(noun, path, err, "does not exist: %s", remedy)
	case errors.Is(err, fs.ErrPermission):
		return nil, troubleOf(noun, path, err, "may not be read by this user: give it to the user that runs signet")
	case err != nil:
		return nil, troubleOf(noun, path, err, "cannot be read: check the path")
	case info.IsDir():
		return nil, troubleOf(noun, path, nil, "is a directory: name the file in it")
	case !info.Mode().IsRegular():
		return nil, troubleOf(noun, path, nil, "is no regular file: name the file itself")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, troubleOf(noun, path, err, "may not be read by this user: give it to the user that runs signet")
	}
	if info, err = file.Stat(); err != nil { // of what was opened, not of what was there before
		_ = file.Close()
		return nil, troubleOf(noun, path, err, "cannot be read: check the disk")
	}
	if open := tooOpen(info); open != 0 {
		_ = file.Close()
		return nil, troubleOf(noun, path, nil, "can be reached by other users (mode %#o): run chmod 600 %s", info.Mode().Perm(), path)
	}
	return file, nil
}

// WriteMaster writes the content of GenerateMaster to a new file that only its
// owner can read, and returns when it is on the disk. It never overwrites: an
// identity that is lost takes every secret with it.
func WriteMaster(path string, content core.Secret) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return troubleWith(path, err, "exists already and is never overwritten: choose another path, or move the old file to a safe place")
	case errors.Is(err, fs.ErrNotExist):
		return troubleWith(path, err, "has no directory to lie in: make %s first", filepath.Dir(path))
	case err != nil:
		return troubleWith(path, err, "cannot be made: check that %s may be written by this user", filepath.Dir(path))
	}
	_, err = file.WriteString(content.Expose())
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = syncDirectory(filepath.Dir(path))
	}
	if err != nil {
		_ = os.Remove(path) // half an identity would be taken for a whole one
		return troubleWith(path, err, "could not be written whole and was removed: check the disk")
	}
	return nil
}
