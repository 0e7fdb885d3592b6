package httpapi

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"signet/internal/fault"
)

// checkFraming refuses a request whose end two servers could see in different
// places, which is how one request is smuggled inside another (RFC 9112 6.3 and
// 11.2). fasthttp is lenient where this is strict: it lets a chunked body win
// over a Content-Length, takes the last of two lengths, and joins folded lines.
// And it takes a target with a control character in it for "/", one with a blank in it
// as a whole, and whatever stands behind the target for a version.
func checkFraming(h *fasthttp.RequestHeader) error {
	if version := string(h.Protocol()); !isTarget(h.RequestURI()) || version != "HTTP/1.1" && version != "HTTP/1.0" {
		return fault.New(fault.RequestInvalid, nil)
	}
	var lines, lengths, encodings, hosts int
	for rest := h.RawHeaders(); len(rest) > 0; {
		line := rest
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			line, rest = rest[:end], rest[end+1:]
		} else {
			rest = nil
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if len(line) == 0 {
			continue // the blank line that ends the header
		}
		if lines++; lines > headerLinesLimit {
			return fault.New(fault.HeaderTooLargeErr, nil)
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 0 || !isHeaderName(line[:colon]) || !isHeaderValue(line[colon+1:]) {
			return fault.New(fault.RequestInvalid, nil)
		}
		name, value := line[:colon], line[colon+1:]
		switch {
		case equalFold(name, "Content-Length"):
			lengths++
			if !isLength(bytes.TrimSpace(value)) {
				return fault.New(fault.RequestInvalid, nil)
			}
		case equalFold(name, "Transfer-Encoding"):
			encodings++
			if !bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked")) {
				return fault.New(fault.RequestInvalid, nil)
			}
		case equalFold(name, "Host"):
			hosts++
		}
	}
	isHTTP11 := h.IsHTTP11()
	switch {
	case lengths+encodings > 1,
		encodings > 0 && !isHTTP11,
		hosts > 1, hosts == 0 && isHTTP11:
		return fault.New(fault.RequestInvalid, nil)
	}
	return nil
}

// isTarget tells whether a target is free of blanks and control characters. Bytes beyond
// ASCII may stand in it: pages write the address in their query as it is.
func isTarget(target []byte) bool {
	for _, c := range target {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// isHeaderName tells whether name is a token (RFC 9110 5.6.2). A folded line
// begins with a blank and so has none.
func isHeaderName(name []byte) bool {
	for _, c := range name {
		if !isTokenByte[c] {
			return false
		}
	}
	return len(name) > 0
}

var isTokenByte = func() (token [256]bool) {
	for c := byte('!'); c < 0x7f; c++ {
		token[c] = bytes.IndexByte([]byte(`"(),/:;<=>?@[\]{}`), c) < 0
	}
	return token
}()

// equalFold tells whether a header's name is that one, whatever its case.
func equalFold(name []byte, header string) bool {
	return len(name) == len(header) && bytes.EqualFold(name, []byte(header))
}

func isHeaderValue(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func isLength(value []byte) bool {
	for _, c := range value {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(value) > 0
}
