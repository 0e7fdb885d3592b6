package core

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// Jitter draws from [0, limit), 0 where limit is not positive, so that those who
// failed together do not come again together.
func Jitter(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails (it stops the program instead)
	return time.Duration(binary.LittleEndian.Uint64(b[:]) % uint64(limit))
}
