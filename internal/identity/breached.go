package identity

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the lists are of SHA-1 sums; nothing is proved by it
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"signet/internal/core"
)

// Breached is a file of the passwords that were given away somewhere: a line for each,
// the SHA-1 sum in 40 upper-case hexadecimal digits, in ascending order, and whatever
// stands behind a colon. So Have I Been Pwned gives its list out, ordered by hash. It
// is searched where it lies and takes no memory. Nil is an empty list. It is safe for
// concurrent use.
type Breached struct {
	file *os.File
	size int64
}

const (
	sumLength = 2 * sha1.Size
	maxLine   = 128 // bytes, with its end
	probes    = 1000
)

var errBreached = errors.New("is not a list of SHA-1 sums in ascending order, one in a line: give it the file of Have I Been Pwned that is ordered by hash")

// OpenBreached opens a list, and keeps it open while the process lives. It fails for a
// file that cannot be read, and for one that is no such list, as far as a thousand lines
// of it tell.
func OpenBreached(path string) (*Breached, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	b := &Breached{file: file}
	if err == nil {
		b.size = info.Size()
		err = b.check()
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return b, nil
}

// Close closes the file. It is not for a list that is in use.
func (b *Breached) Close() {
	if b != nil {
		_ = b.file.Close()
	}
}

// check reads lines from the first to the last, and holds each against the one before.
func (b *Breached) check() error {
	before := ""
	for n := range int64(probes) {
		sum, start, _, err := b.lineAt((b.size - 1) / (probes - 1) * n)
		switch {
		case err != nil:
			return err
		case sum < before:
			return fmt.Errorf("%w (at byte %d)", errBreached, start)
		}
		before = sum
	}
	sum, start, _, err := b.lineAt(b.size - 1)
	if err == nil && sum < before {
		return fmt.Errorf("%w (at byte %d)", errBreached, start)
	}
	return err
}

// Has tells whether a password is in the list. It fails where the file does.
func (b *Breached) Has(password core.Secret) (bool, error) {
	if b == nil {
		return false, nil
	}
	raw := sha1.Sum([]byte(password.Expose())) //nolint:gosec // the lists are of SHA-1 sums
	sought := strings.ToUpper(hex.EncodeToString(raw[:]))
	for low, high := int64(0), b.size; low < high; {
		sum, start, end, err := b.lineAt(low + (high-low)/2)
		switch {
		case err != nil:
			return false, fmt.Errorf("the list of breached passwords: %w", err)
		case sum == sought:
			return true, nil
		case sum < sought:
			low = end
		default:
			high = start
		}
	}
	return false, nil
}

// lineAt gives the sum in the line that a byte stands in, where the line begins, and
// where the next one does.
func (b *Breached) lineAt(at int64) (sum string, start, end int64, err error) {
	from := max(0, at-maxLine)
	around := make([]byte, min(at+maxLine, b.size)-from)
	if _, err := b.file.ReadAt(around, from); err != nil && !errors.Is(err, io.EOF) {
		return "", 0, 0, err
	}
	head, tail := around[:at-from], around[at-from:]
	first := bytes.LastIndexByte(head, '\n') + 1
	length := bytes.IndexByte(tail, '\n') + 1
	if length == 0 {
		length = len(tail)
	}
	start, end = from+int64(first), at+int64(length)
	line := bytes.TrimRight(around[first:int64(len(head))+int64(length)], "\r\n")
	if end-start > maxLine || len(line) < sumLength || len(line) > sumLength && line[sumLength] != ':' || !isSum(line[:sumLength]) {
		return "", start, end, fmt.Errorf("%w (at byte %d)", errBreached, start)
	}
	return string(line[:sumLength]), start, end, nil
}

func isSum(digits []byte) bool {
	for _, d := range digits {
		if (d < '0' || d > '9') && (d < 'A' || d > 'F') {
			return false
		}
	}
	return true
}
