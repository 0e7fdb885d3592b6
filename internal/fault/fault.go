package fault

import (
	"errors"
	"strings"
	"time"
)

// Code is the stable name of a failure, as programs see it.
type Code string

// Kind says what sort of failure it is; the HTTP layer turns it into a status.
type Kind uint8

// The kinds of failure.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated
	Forbidden
	NotFound
	MethodNotAllowed
	Conflict
	PreconditionFailed
	TooLarge
	UnsupportedMedia
	Unprocessable
	PreconditionRequired
	RateLimited
	HeaderTooLarge
	Unavailable
	TimedOut
	Gone
)

// Language is a language of public texts.
type Language uint8

// The languages of public texts. Chinese is the default.
const (
	Chinese Language = iota
	English
)

// Text is one sentence in both languages. Names in braces ({host}) are filled
// from Args.
type Text struct{ ZH, EN string }

// In gives the text in one language with the names filled in. A value is cut
// at 128 bytes, and what is not printable in it becomes "?", so that a hostile
// value can neither break a line nor fill a screen.
func (t Text) In(lang Language, args Args) string {
	text := t.ZH
	if lang == English {
		text = t.EN
	}
	for name, value := range args {
		text = strings.ReplaceAll(text, "{"+name+"}", printable(value))
	}
	return text
}

// Args fills the names in a text. It may hold what the caller may see: a host,
// a number, never a secret and never the text of a foreign error.
type Args map[string]string

// Field is one member of a request body (or one parameter) that is wrong.
type Field struct {
	Pointer string // JSON pointer into the body, or "?name" of a parameter
	Reason  Reason
	Args    Args
}

// Error is a failure with a name. Make one with New or Wrap.
type Error struct {
	Code       Code
	Reason     Reason // the finer reason, "" if the code says it all
	Args       Args
	Fields     []Field
	RetryAfter time.Duration // 0: not said
	Errcode    int           // WeCom's number where it was WeCom that refused, else 0
	cause      error
}

// New makes a failure that begins here.
func New(code Code, args Args) *Error { return &Error{Code: code, Args: args} }

// Wrap makes a failure out of another error, which goes to the log only.
func Wrap(cause error, code Code, args Args) *Error {
	return &Error{Code: code, Args: args, cause: cause}
}

// InvalidField makes a RequestInvalid about one member of a body.
func InvalidField(pointer string, reason Reason, args Args) *Error {
	return &Error{Code: RequestInvalid, Fields: []Field{{Pointer: pointer, Reason: reason, Args: args}}}
}

// WithReason gives the finer reason.
func (e *Error) WithReason(reason Reason) *Error { e.Reason = reason; return e }

// WithRetryAfter says when it is worth another try.
func (e *Error) WithRetryAfter(d time.Duration) *Error { e.RetryAfter = d; return e }

// WithErrcode notes WeCom's number.
func (e *Error) WithErrcode(n int) *Error { e.Errcode = n; return e }

// Error implements error for the log: the code, then the cause.
func (e *Error) Error() string {
	text := string(e.Code)
	if e.Reason != "" {
		text += " (" + string(e.Reason) + ")"
	}
	for _, f := range e.Fields {
		text += " " + f.Pointer + ": " + string(f.Reason)
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is(err, fault.New(code, nil)) a comparison of codes.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code
}

// Kind gives the kind of the code.
func (e *Error) Kind() Kind { return e.Code.Kind() }

// Title is the short name of the failure for people.
func (e *Error) Title(lang Language) string { return catalogue[e.Code].title.In(lang, nil) }

// Detail is the public sentence: what happened and what to do.
func (e *Error) Detail(lang Language) string {
	entry := catalogue[e.Code]
	text := entry.detail.In(lang, e.Args)
	if e.Reason != "" {
		separator := " "
		if lang == Chinese {
			separator = ""
		}
		text += separator + e.Reason.Text(lang, e.Args)
	}
	return text
}

// Find gives the fault inside err. A plain error becomes InternalError with
// err as its cause, so that a caller always has something to show.
func Find(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Wrap(err, InternalError, nil)
}

// Has tells whether err carries the code.
func Has(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

const maxValue = 128

func printable(value string) string {
	if len(value) > maxValue {
		value = value[:maxValue] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r == '\uFFFD' || r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x206f || r == 0xfeff {
			return '?'
		}
		return r
	}, value)
}
