package core

import "unsafe"

// StringIn copies text into the first bytes of room and gives the string that
// lies there. It is for texts that are to lie beside something else in memory.
// The caller must not write those bytes again. It panics where room is too
// small.
func StringIn[T ~string | ~[]byte](room []byte, text T) string {
	if len(text) == 0 {
		return ""
	}
	room = room[:len(text)]
	copy(room, text)
	return unsafe.String(unsafe.SliceData(room), len(text)) //nolint:gosec // see above
}

// SecretIn is StringIn for the value of a Secret.
func SecretIn(room []byte, s Secret) Secret { return NewSecret(StringIn(room, s.Expose())) }
