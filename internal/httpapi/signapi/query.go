package signapi

import (
	"bytes"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"signet/internal/fault"
	"signet/internal/signing"
)

// query is what a page asks, in memory of its own: fasthttp uses that of the
// request again.
type query struct {
	app     string
	page    string
	garbled bool // the percent-encoding of url is broken
}

// notAPage stands for an address that could not be decoded. No page begins with
// it, so that the Signer comes to url.invalid in its place among the checks.
const notAPage = "%"

// readQuery reads the query of /v1/signatures: app and url, percent-decoded
// once. "+" stays "+", since location.href may hold one, and encodeURIComponent
// never makes one of a blank. Other parameters have no influence. It fails with
// fault.RequestInvalid if one of the two is there twice.
func readQuery(raw []byte) (query, error) {
	var q query
	var hasApp, hasPage bool
	for len(raw) > 0 {
		var pair []byte
		pair, raw = cutAt(raw, '&')
		encodedName, encodedValue := cutAt(pair, '=')
		switch nameOf(encodedName) {
		case "app":
			if hasApp {
				return query{}, fault.InvalidField("?app", fault.ReasonRepeated, nil)
			}
			hasApp = true
			if err := q.setApp(encodedValue); err != nil {
				return query{}, err
			}
		case "url":
			if hasPage {
				return query{}, fault.InvalidField("?url", fault.ReasonRepeated, nil)
			}
			hasPage = true
			q.setPage(encodedValue)
		}
	}
	return q, nil
}

// nameOf gives the name of a parameter if it is one that matters, "" otherwise.
func nameOf(encoded []byte) string {
	switch string(encoded) {
	case "app":
		return "app"
	case "url":
		return "url"
	}
	if bytes.IndexByte(encoded, '%') < 0 {
		return ""
	}
	name, _ := unescape(encoded)
	return name
}

// cutAt parts text around the first c; after is empty if there is none.
func cutAt(text []byte, c byte) (before, after []byte) {
	if i := bytes.IndexByte(text, c); i >= 0 {
		return text[:i], text[i+1:]
	}
	return text, nil
}

// readLegacyQuery reads the query of the original program's routes. Its pages
// put the address behind "url=" as it is, so that an "&" of the address looks
// like one of the query: if the text behind "url=" begins literally with http://
// or https://, it runs to the end, undecoded, and app is read only before it.
// Otherwise the query is an ordinary one.
func readLegacyQuery(raw []byte) (query, error) {
	before, page, found := cutLiteralPage(raw)
	if !found {
		return readQuery(raw)
	}
	q, err := readQuery(before)
	if err != nil {
		return query{}, err
	}
	if q.page != "" || q.garbled { // an encoded one stood before the literal one
		return query{}, fault.InvalidField("?url", fault.ReasonRepeated, nil)
	}
	q.page = string(page)
	return q, nil
}

// cutLiteralPage finds the first parameter url whose value is not encoded.
func cutLiteralPage(raw []byte) (before, page []byte, found bool) {
	for at := 0; at < len(raw); {
		if value, ok := bytes.CutPrefix(raw[at:], []byte("url=")); ok &&
			(bytes.HasPrefix(value, []byte("https://")) || bytes.HasPrefix(value, []byte("http://"))) {
			return raw[:at], value, true
		}
		next := bytes.IndexByte(raw[at:], '&')
		if next < 0 {
			break
		}
		at += next + 1
	}
	return nil, nil, false
}

func (q *query) setApp(encoded []byte) error {
	app, ok := unescape(encoded)
	if !ok {
		return fault.InvalidField("?app", fault.ReasonEscape, nil)
	}
	q.app = app
	return nil
}

func (q *query) setPage(encoded []byte) {
	page, ok := unescape(encoded)
	if !ok {
		q.page, q.garbled = notAPage, true
		return
	}
	q.page = page
}

// checkNamed tells of what is missing on /v1, where no host stands for an app.
func (q query) checkNamed() error {
	switch {
	case q.page == "":
		return fault.New(fault.URLMissing, nil)
	case q.app == "":
		return fault.New(fault.AppMissing, nil)
	}
	return nil
}

// request makes the Signer's request. Two Origin lines are joined as proxies do
// it, which makes an origin that no page has.
func (q query) request(fctx *fasthttp.RequestCtx, client netip.Addr) signing.Request {
	r := signing.Request{AppKey: q.app, Page: q.page}
	if origins := fctx.Request.Header.PeekAll(fiber.HeaderOrigin); len(origins) > 0 {
		r.HasOrigin = true
		r.Origin = string(origins[0])
		for _, more := range origins[1:] {
			r.Origin += ", " + string(more)
		}
	}
	showKey(&r, fctx, client)
	return r
}

// explain names what is wrong with an address that the Signer could only see
// not to be one.
func (q query) explain(err error) error {
	if q.garbled && fault.Has(err, fault.URLInvalid) {
		return fault.New(fault.URLInvalid, nil).WithReason(fault.ReasonURLEscape)
	}
	return err
}

// unescape decodes percent-encoding once, into a string of its own; ok is false
// if a "%" is not followed by two hexadecimal digits.
func unescape(encoded []byte) (text string, ok bool) {
	percent := bytes.IndexByte(encoded, '%')
	if percent < 0 {
		return string(encoded), true
	}
	var b strings.Builder
	b.Grow(len(encoded))
	for percent >= 0 {
		b.Write(encoded[:percent])
		if percent+2 >= len(encoded) {
			return "", false
		}
		high, okHigh := hexValue(encoded[percent+1])
		low, okLow := hexValue(encoded[percent+2])
		if !okHigh || !okLow {
			return "", false
		}
		b.WriteByte(high<<4 | low)
		encoded = encoded[percent+3:]
		percent = bytes.IndexByte(encoded, '%')
	}
	b.Write(encoded)
	return b.String(), true
}

func hexValue(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
