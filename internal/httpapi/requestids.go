package httpapi

import (
	"crypto/rand"
	"encoding/base64"
)

const requestIDHeader = "X-Request-Id"

var requestIDName = []byte(requestIDHeader)

// requestID takes over the id that came with a request if it is well formed (8
// to 64 letters, digits, "-" and "_"), and makes one otherwise.
func requestID(sent []byte) string {
	if len(sent) >= 8 && len(sent) <= 64 && isRequestID(sent) {
		return string(sent)
	}
	var random [12]byte
	_, _ = rand.Read(random[:]) // crypto/rand never fails (it stops the program instead)
	return base64.RawURLEncoding.EncodeToString(random[:])
}

func isRequestID(text []byte) bool {
	for _, c := range text {
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
		if !ok {
			return false
		}
	}
	return true
}
