package core

import (
	"fmt"
	"log/slog"
	"regexp"
	"unsafe"
)

// Redacted is what a Secret shows of itself, everywhere.
const Redacted = "[redacted]"

// Secret is a value that must not be seen: an app secret, an access token, a
// ticket, a password. Whatever prints, logs or encodes it gets Redacted; the
// value comes out through Expose alone, so that each place which opens it can
// be found by that word.
//
// It holds no string: package fmt calls no method on the unexported fields of
// somebody's struct and would print it. What it can reach here is an address and
// a length.
type Secret struct {
	_      [0]func() // not comparable with ==, which would not be constant-time
	data   *byte
	length int
}

// NewSecret takes a value into custody.
func NewSecret(value string) Secret {
	return Secret{data: unsafe.StringData(value), length: len(value)} //nolint:gosec // see the type
}

// Expose gives the value itself. The caller answers for where it goes.
func (s Secret) Expose() string { return unsafe.String(s.data, s.length) } //nolint:gosec // see the type

// IsZero tells whether there is no value.
func (s Secret) IsZero() bool { return s.length == 0 }

// Len is the length of the value in bytes.
func (s Secret) Len() int { return s.length }

// String implements fmt.Stringer without the value.
func (s Secret) String() string { return Redacted }

// GoString implements fmt.GoStringer without the value.
func (s Secret) GoString() string { return Redacted }

// Format implements fmt.Formatter, so that no verb reaches the value.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = state.Write([]byte(Redacted)) }

// MarshalText implements encoding.TextMarshaler without the value; JSON, XML
// and YAML encoders use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalJSON implements json.Marshaler without the value.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// LogValue implements slog.LogValuer without the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }

// What a secret looks like that stands where none belongs: an age identity, an
// address with a password in it (which may hold blanks where it is quoted), a
// password among the words of a connection string.
var misplaced = regexp.MustCompile(`AGE-SECRET-KEY-[^\s"]*` +
	`|(?i:"(?:[^"\\]|\\.)*[a-z]://[^\s"/@]*:(?:[^"\\]|\\.)*@)` +
	`|(?i:[a-z][a-z0-9+.-]*://[^\s"/@]*:[^\s"]*@)` +
	`|(?i:\bpassword\s*=\s*(?:'[^']*'|[^\s"&]+))`)

// exampleAddress is how our own messages begin an address of Postgres.
const exampleAddress = "postgres://USER:PASSWORD@"

// RedactMisplaced takes out of a line for a person what somebody has put where
// it does not belong, such as an identity in the place of its file's path. The
// example that our messages show of an address stays.
func RedactMisplaced(line string) string {
	return misplaced.ReplaceAllStringFunc(line, func(found string) string {
		switch {
		case found == exampleAddress:
			return found
		case found[0] == '"':
			return `"` + Redacted
		}
		return Redacted
	})
}
