package signing

import (
	"crypto/sha1" //nolint:gosec // WeCom's protocol says SHA-1
	"strconv"
	"sync"
)

// The members of string1 in the one order that WeCom knows (protocol notes
// 4.1). Values are joined raw: nothing is encoded, nothing decoded.
const (
	ticketMember    = "jsapi_ticket="
	nonceMember     = "&noncestr="
	timestampMember = "&timestamp="
	urlMember       = "&url="
)

const hexDigits = "0123456789abcdef"

// Signature gives the signature of string1, made of a ticket, a nonce, the time
// in seconds since 1970 and the address of a page: 40 lower-case hex digits.
// The parts are taken as they are; url is last, so that no other part may come
// from a caller who could hide an address in it.
func Signature(ticket, nonce string, timestamp int64, url string) string {
	var digits [40]byte
	signature(&digits, ticket, nonce, timestamp, url)
	return string(digits[:])
}

// strings1 lends the memory in which string1 is put together. It holds a
// ticket for the time of a call only.
var strings1 = sync.Pool{New: func() any {
	b := make([]byte, 0, 512+maxPageLength)
	return &b
}}

// signature writes the signature into dst. It does not allocate.
func signature(dst *[40]byte, ticket, nonce string, timestamp int64, url string) {
	buffer := strings1.Get().(*[]byte)
	b := append((*buffer)[:0], ticketMember...)
	b = append(b, ticket...)
	b = append(b, nonceMember...)
	b = append(b, nonce...)
	b = append(b, timestampMember...)
	b = strconv.AppendInt(b, timestamp, 10)
	b = append(b, urlMember...)
	b = append(b, url...)
	sum := sha1.Sum(b) //nolint:gosec // WeCom's protocol wants SHA-1 (protocol notes 4.1)
	clear(b)
	*buffer = b
	strings1.Put(buffer)

	for i, v := range sum {
		dst[2*i] = hexDigits[v>>4]
		dst[2*i+1] = hexDigits[v&15]
	}
}
