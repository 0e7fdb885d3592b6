package config

import (
	"errors"
	"io"
	"os"
	"strings"
)

// maxFileLength bounds the file that NAME_FILE names, in bytes. A trusted list
// of networks is the longest value there is, and stays far below.
const maxFileLength = 64 << 10

// fileMend is what is wrong with a file beyond its path and its rights, and what
// to do.
type fileMend string

// Error implements error.
func (m fileMend) Error() string { return string(m) }

const (
	errNotRegular fileMend = "it is no regular file, so write the value into one and name that"
	errTooLong    fileMend = "it is longer than 64 KiB, which no value is, so check the path"
)

// readFile reads a regular file, also through symbolic links, of at most
// maxFileLength bytes. Anything else could keep the program waiting or go on for
// ever: a pipe, a device.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path) // before opening, which would wait for ever on a pipe
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errNotRegular
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxFileLength+1)) // some regular files do not tell their length
	if err == nil && len(content) > maxFileLength {
		return nil, errTooLong
	}
	return content, err
}

// readInto puts the content of the file that KEY_FILE names under its key,
// without the end of its last line.
func readInto(from Source, values map[string]string, found *problems, key, path string) {
	if values[key] != "" {
		found.add(key, "is given twice, as %s and as %s: keep one", key, key+fileSuffix)
		return
	}
	content, err := from.ReadFile(path)
	if err != nil {
		mend := fileMend("check the path and its rights")
		_ = errors.As(err, &mend)
		found.add(key, "cannot be read from the file that %s names (%q): %s", key+fileSuffix, path, mend)
		return
	}
	values[key] = strings.TrimRight(string(content), "\r\n")
}
